"""All claims of findings against their input: the printed narrative, each fact's clause, and the JSON facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.claims import english, spanish
from benchmarks.claims.audit_truth import AUDIT_TRUTHS
from benchmarks.claims.behaviour_truth import BEHAVIOUR_TRUTHS, TYPES, at_stake
from benchmarks.claims.figures import Figure, exact, read_hour
from benchmarks.claims.party_truth import PARTY_TRUTHS
from benchmarks.claims.reading import read, read_claims
from benchmarks.claims.record_truth import RECORD_TRUTHS, Truth, entity_columns, rows_of
from benchmarks.claims.series_truth import SERIES_TRUTHS
from benchmarks.claims.source import Source, same_name
from benchmarks.claims.statement import Finding, Judgement, Outcome, Statement, Verdict


def subject(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Whom or what the text says that it is about."""
    judgement = Judgement()
    rows = rows_of(finding)
    if "row" in statement.figures:
        judgement.need(rows and statement.figures["row"].value == rows[0] + 1, f"the finding's rows are {rows[:3]}")
        return judgement
    label = statement.texts["label"]
    if finding.get("type") in TYPES:
        judgement.need(source.called(label), f"nobody is called {label}")
        return judgement
    if not rows:
        judgement.unchecked.append("the finding has no rows")
        return judgement
    named = any(entity_columns(label, row, source) for row in rows)
    parts = re.split(r" / | ", label)
    printed = [*source.columns, *source.settings.labels.values()]
    of_series = any(same_name(label[len(label) - len(name) :], name) for name in printed)
    judgement.need(named or of_series or any(entity_columns(part, rows[0], source) for part in parts),
                   f"no record of the finding is called {label}")  # fmt: skip
    return judgement


TRUTHS: Mapping[str, Truth] = {
    **RECORD_TRUTHS, **AUDIT_TRUTHS, **PARTY_TRUTHS, **SERIES_TRUTHS, **BEHAVIOUR_TRUTHS, "subject": subject,
}  # fmt: skip
_SHARES = {"strangeness": "share", "benford": "actual", "endings": "actual"}
_HEDGES = {"en": "It may be that ", "es": "Puede que "}
_SPREADS = {"more_variation": "expected_high", "less_variation": "expected_low"}


@dataclass(frozen=True)
class Checked:
    """The verdicts on one finding."""

    finding: Finding
    verdicts: tuple[Verdict, ...]

    def of(self, *outcomes: Outcome) -> list[Verdict]:
        """The verdicts with one of these outcomes."""
        return [verdict for verdict in self.verdicts if verdict.outcome in outcomes]


@dataclass
class Tally:
    """What many findings come to: claims by kind and outcome, and what is not simply true."""

    findings: int = 0
    claims: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    notes: list[dict[str, str]] = field(default_factory=list)

    def add(self, checked: Checked) -> None:
        """Count one finding."""
        self.findings += 1
        for verdict in checked.verdicts:
            self.claims[verdict.statement.kind, verdict.outcome] += 1
            if verdict.outcome in (Outcome.FALSE, Outcome.MISLEADING, Outcome.UNREAD):
                self.notes.append({
                    "finding": str(checked.finding["id"]), "outcome": verdict.outcome.value,
                    "kind": verdict.statement.kind, "origin": verdict.statement.origin,
                    "said": verdict.statement.said, "why": verdict.why,
                })  # fmt: skip

    def count(self, *outcomes: Outcome) -> int:
        """Claims with one of these outcomes."""
        return sum(number for (_, outcome), number in self.claims.items() if outcome in outcomes)

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        kinds = sorted({kind for kind, _ in self.claims})
        return {
            "findings": self.findings,
            "claims": sum(self.claims.values()),
            **{outcome.value: self.count(outcome) for outcome in Outcome},
            "by_kind": {
                kind: {o.value: self.claims[kind, o] for o in Outcome if self.claims[kind, o]} for kind in kinds
            },
            "notes": self.notes,
        }


def check_all(findings: Iterable[Finding], source: Source) -> Tally:
    """Check every finding; see `Tally`."""
    tally = Tally()
    for finding in findings:
        tally.add(check(finding, source))
    return tally


def check(finding: Finding, source: Source) -> Checked:
    """Every claim of the narrative, of the facts' clauses and of the facts themselves."""
    narrative = finding["narrative"]
    lang, zone = narrative["lang"], source.settings.zone
    columns = _printed_columns(finding, source)
    reading = read(narrative["text"], lang, finding, zone, columns)
    verdicts = [judge(statement, finding, source) for statement in reading.statements]
    if reading.leftover:
        is_prose = narrative.get("mode") == "prose"
        verdicts.append(_phrase(reading.leftover) if is_prose else _unread(reading.leftover, "text"))
    verdicts += _around(reading.hypothesis, reading.step, lang, finding)
    for fact in finding["facts"]:
        statements, leftover = read_claims(fact["clause"], lang, finding, zone, columns)
        verdicts += [judge(statement, finding, source) for statement in statements]
        if leftover:
            verdicts.append(_unread(leftover, "clause"))
        verdicts.append(judge(_of_fact(fact), finding, source))
    return Checked(finding, tuple(verdicts))


def _printed_columns(finding: Finding, source: Source) -> list[str]:
    """Columns by name and by printed name; in a long table, the tags that the facts name."""
    told = [fact["feature"] for fact in finding["facts"] if fact["feature"]]
    return list(dict.fromkeys([*source.columns, *source.settings.labels.values(), *told]))


def judge(statement: Statement, finding: Finding, source: Source) -> Verdict:
    """One statement against the input."""
    truth = TRUTHS.get(statement.kind)
    if statement.kind == "exposure" and finding.get("type") in TYPES:
        truth = at_stake
    if truth is None:
        return Verdict(statement, Outcome.FALSE, f"nothing is known of claims of the kind {statement.kind}")
    try:
        return truth(statement, finding, source).verdict(statement)
    except (KeyError, ValueError, IndexError) as error:
        return Verdict(statement, Outcome.FALSE, f"cannot be recomputed: {type(error).__name__} {error}")


def _unread(leftover: str, origin: str) -> Verdict:
    return Verdict(Statement("unread", leftover, origin=origin), Outcome.UNREAD, "no pattern knows it")


_CLAIMING = (
    r"\d|\b(?:not?|never|always|because|due|proves?|certain\w*|fraud\w*|deliberate\w*|usual\w*|only|(?<!first of )all"
    r"|higher|lower|more|less"
    r"|nunca|siempre|porque|debido|prueba|demuestra|seguro|seguramente|fraude|deliberad\w*|habitual\w*|solo|todos|más|menos)\b"
)


def _phrase(leftover: str) -> Verdict:
    """Words of a model around the facts: they may point and join, and claim nothing."""
    if re.search(_CLAIMING, leftover, re.IGNORECASE):
        return _unread(leftover, "text")
    return Verdict(Statement("phrase", leftover), Outcome.CONSISTENT, "words around the facts")


def _around(hypothesis: str, step: str, lang: str, finding: Finding) -> Sequence[Verdict]:
    """Hypothesis and step claim nothing about the data: the one must be hedged, neither may state a figure."""
    verdicts = []
    if not hypothesis.startswith(_HEDGES[lang]):
        verdicts.append(Verdict(Statement("hypothesis", hypothesis), Outcome.FALSE, "it is not hedged"))
    else:
        verdicts.append(Verdict(Statement("hypothesis", hypothesis), Outcome.TRUE))
    verdicts.append(
        Verdict(Statement("step", step), Outcome.TRUE if step else Outcome.FALSE, "" if step else "no step")
    )
    fits = re.search((english if lang == "en" else spanish).FITS, hypothesis)
    if fits is not None:
        kinds = [fact["kind"] for fact in finding["facts"]]
        words = Counter(re.findall(r"\w+", fits["evidence"]))
        verdicts.append(
            Verdict(Statement("evidence", fits["evidence"]), Outcome.TRUE if kinds and words else Outcome.FALSE, "")
        )
    return verdicts


def _of_fact(fact: Mapping[str, Any]) -> Statement:
    """A JSON fact as a statement whose figures are printed in full."""
    kind = fact["kind"]
    figures: dict[str, Figure] = {}
    texts: dict[str, str] = {}
    slots = {
        "actual": fact["actual"],
        "low": fact["expected_low"],
        "high": fact["expected_high"],
        "ratio": fact["ratio"],
    }
    scale = 100.0 if kind in _SHARES else 1.0
    for slot, value in {**slots, **{k: v for k, v in fact["values"].items() if k != "pattern"}}.items():
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, int | float):
            times = scale if slot in ("actual", "low", "high") else 100.0 if slot == "share" else 1.0
            figures[slot] = exact(value * times, fact["unit"] if slot in ("actual", "low", "high") else None)
            if slot == "share":
                figures[slot] = Figure(100 * value, 1e-4)
        else:
            texts[slot] = str(value)
    texts |= {slot: fact[slot] for slot in ("feature", "direction") if fact[slot]}
    if fact["values"].get("paused"):
        texts["paused"] = "yes"
    elif fact["values"].get("open"):
        texts["open"] = "yes"
    return _reslotted(Statement(kind, f"{kind} {fact['id']}", figures, texts, _times_of(fact), "fact"), fact)


def _times_of(fact: Mapping[str, Any]) -> dict[str, Any]:
    named = {"at": fact["at"], "end": fact["values"].get("end")}
    return {slot: datetime.fromisoformat(text.replace("Z", "+00:00")) for slot, text in named.items() if text}


_RENAMED = {
    ("neighbour", "neighbour"): "with", ("category_shift", "before"): "earlier",
    ("category_shift", "before_total"): "earlier_total", ("silent", "actual"): "minutes",
    ("silent", "high"): "interval",
    ("strangeness", "actual"): "share",
}  # fmt: skip
"""Slots of facts whose printed claim calls them otherwise."""


def _reslotted(statement: Statement, fact: Mapping[str, Any]) -> Statement:
    """Slots of a fact under the names that the printed claim of its kind has."""
    figures, texts, times = dict(statement.figures), dict(statement.texts), dict(statement.times)
    kind = statement.kind
    figures = {_RENAMED.get((kind, slot), slot): figure for slot, figure in figures.items()}
    texts = {_RENAMED.get((kind, slot), slot): text for slot, text in texts.items()}
    if kind in _SPREADS and fact[_SPREADS[kind]] is not None:
        figures["usual"] = exact(fact[_SPREADS[kind]])
    if kind in ("unusual_time", "night"):
        figures = {
            ("from" if k == "low" else "until" if k == "high" else k): v for k, v in figures.items() if k != "actual"
        }
    if kind in ("unusual_time", "night", "weekend", "holiday", "period_end"):
        times.pop("at", None)
        figures.pop("weekday", None)
    if kind == "duplicate":
        texts.pop("other_at", None)
    if kind == "stoppable":
        texts["stop" if fact["values"].get("stoppable") else "gone"] = "yes"
        if "until" in texts:
            texts["leaves_day"] = texts.pop("until")
    if kind == "below_limit" and "ratio" in figures:
        figures["portion"] = Figure(100 * figures.pop("ratio").value, 1e-4)
    if kind in ("split", "benford", "relative_size"):
        figures.pop("ratio", None)
        figures.pop("mad", None)
        figures.pop("excess", None)
    if kind == "benford":
        texts["digits"] = str(int(figures.pop("digits").value))
    if kind == "frequency" and "ratio" in figures:
        figures.pop("ratio")
    return Statement(kind, statement.said, figures, texts, times, "fact")


__all__ = ["Checked", "Tally", "check", "check_all", "judge", "read_hour"]

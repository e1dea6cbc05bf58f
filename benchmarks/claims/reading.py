"""From a printed narrative to statements: patterns take what they know, what is left over is reported as unread."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from benchmarks.claims import english, spanish
from benchmarks.claims.figures import (
    Figure,
    read_day,
    read_hour,
    read_instant,
    read_minutes,
    read_number,
)  # fmt: skip
from benchmarks.claims.patterns import CUT, compiled, slot_of
from benchmarks.claims.statement import Finding, Statement

_LANGUAGES = {"en": english, "es": spanish}
_DURATIONS = {("episode", "actual"), ("flat_line", "minutes"), ("silent", "minutes"), ("silent", "interval")}
_TIMES = ("at", "other_at", "end", "since", "leaves")
_CLOCKS = ("from", "until")
_TEXTS = frozenset({
    "feature", "entity", "other", "after", "before", "previous", "current", "with", "columns", "first", "second",
    "digits", "ending", "holiday", "text", "weekday", "degree", "direction", "alike", "payee", "number", "whence",
    "which", "side", "more", "apart", "inside", "never", "rare", "seldom", "all", "last", "same_day", "open", "near",
    "amount", "alone", "respelt", "paused", "empty", "stop", "gone", "status", "reason",
})  # fmt: skip
_NAMED_ACTUALS = frozenset({"pair", "rare_value", "new_entity", "self_approved", "house_rule", "category_shift"})


@dataclass(frozen=True)
class Reading:
    """What a narrative says. `hypothesis` and `step` are no claims about the data; `leftover` no pattern knows."""

    statements: tuple[Statement, ...]
    hypothesis: str
    step: str
    leftover: str


def read(text: str, lang: str, finding: Finding, zone: str, columns: Sequence[str]) -> Reading:
    """Read one narrative."""
    language = _LANGUAGES[lang]
    step = re.search(language.STEP, text)
    hypothesis = re.search(language.HYPOTHESIS, text)
    ends = [match.start() for match in (hypothesis, step) if match]
    facts = text[: min(ends, default=len(text))].strip()
    statements, leftover = read_claims(facts, lang, finding, zone, columns)
    return Reading(statements, hypothesis[0].strip() if hypothesis else "", step[0] if step else "", leftover)


@cache
def _patterns(lang: str, columns: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return compiled(_LANGUAGES[lang].PATTERNS, columns)


def read_claims(
    text: str, lang: str, finding: Finding, zone: str, columns: Sequence[str]
) -> tuple[tuple[Statement, ...], str]:
    """The statements of a text in their order, and what of it was not understood."""
    language = _LANGUAGES[lang]
    left, found = text, list[tuple[int, Statement]]()
    left, opened = _without_opening(left, language.OPENINGS, finding, columns)
    if opened:
        found.append((-1, opened))
    left = _lowered(left)
    for kind, pattern in _patterns(lang, tuple(columns)):
        for match in pattern.finditer(left):
            if match[0].strip():
                found.append((match.start(), _statement(kind, match, lang, zone)))
                left = left[: match.start()] + "\0" * len(match[0]) + left[match.end() :]
    statements = tuple(statement for _, statement in sorted(found, key=lambda one: one[0]))
    return tuple(_inherited(statements)), _leftover(left, language.CONNECTORS)


def _without_opening(
    text: str, openings: tuple[str, ...], finding: Finding, columns: Sequence[str]
) -> tuple[str, Statement | None]:
    label = str(finding.get("subject") or "")
    for name in columns:
        place = text.find(f"{label} ")
        if label != name and label.endswith(f" {name}") and place >= 0:
            asset = len(label) - len(name)
            named = Statement("subject", label, {}, {"label": label})
            return text[:place] + "\0" * asset + text[place + asset :], named
    assets = [label.removesuffix(f" {name}") for name in columns if label.endswith(f" {name}")]
    for opening in openings:
        for known in dict.fromkeys((label, _quoted(label, "“”"), _quoted(label, "«»"), *assets)):
            # In prose a phrase may stand before it: what stands out is that in record X, ...
            wanted = opening.format(label=re.escape(known))
            match = re.match(wanted, text) or re.search(rf"\b{wanted[0].lower()}{wanted[1:]}", text)
            if match:
                figures = {"row": Figure(float(match["row"]), 0)} if "row" in match.groupdict() else {}
                said = Statement("subject", match[0], figures, {"label": label})
                return text[: match.start()] + "\0" * len(match[0]) + text[match.end() :], said
    return text, None


def _quoted(label: str, quotes: str) -> str:
    kept = "".join(sign if sign.isprintable() else " " for sign in label)
    inner = " ".join(re.sub('["“”„«»‹›`]', "'", kept).split())
    inner = inner if len(inner) <= 80 else inner[:79].rstrip() + "…"
    return f"{quotes[0]}{inner}{quotes[1]}"


def _lowered(text: str) -> str:
    """Sentences without the capital that code gave their first word; names keep theirs where they are known later."""
    text = re.sub(r"([.…]) (?=[A-ZÁÉÍÓÚ“«][^.]{0,80} )", rf"\1{CUT}", text)
    return re.sub(
        r"(^|[.…][ \u2029]|\0 ?)(The|There|It|Amounts|Some|Several|Moreover|In addition|Besides|At the same time|"
        r"El|La|Los|No|Se|Hubo|Es|Está|Además|Asimismo|Por otra parte|A la vez|Queda|Cae|Falta|Faltan|Algunos|Varios|"
        r"Row|Record|Falls|Is|An|Un)\b",
        lambda match: match[1].replace(" ", CUT) + match[2][0].lower() + match[2][1:],
        text,
    )


def _leftover(text: str, connectors: tuple[str, ...]) -> str:
    joined = "|".join(sorted(connectors, key=len, reverse=True))
    rest = re.sub(rf"(?:(?<=[\0 .,…\u2029])|^)(?:{joined})(?=[\0 .,\u2029]|$)", " ", text, flags=re.IGNORECASE)
    return " ".join(re.sub(r"[\0\s.,;:…]+", " ", rest).split())


def _statement(kind: str, match: re.Match[str], lang: str, zone: str) -> Statement:
    figures: dict[str, Figure] = {}
    texts: dict[str, str] = {}
    times: dict[str, datetime] = {}
    groups = {slot_of(name): value for name, value in match.groupdict().items() if value is not None}
    for slot, value in groups.items():
        if slot.endswith("_unit"):
            continue
        if slot in _TIMES:
            times[slot] = read_instant(value, lang, zone)
            texts[f"{slot}_day"] = read_day(re.sub(r" (?:at|a las?) \d\d:\d\d$", "", value), lang).isoformat()
            if not re.search(r"\d\d:\d\d$", value):
                texts[f"{slot}_day_only"] = "yes"
        elif slot in _CLOCKS:
            figures[slot] = Figure(read_hour(value), 1 / 120)
        elif (kind, slot) in _DURATIONS:
            figures[slot] = read_minutes(value)
        elif slot in _TEXTS or (slot == "actual" and kind in _NAMED_ACTUALS):
            texts[slot] = value.strip("“”«»")
        else:
            figures[slot] = read_number(value, lang, groups.get(f"{slot}_unit"))
    if "only" in figures:
        figures["low"] = figures["high"] = figures.pop("only")
    if "low" in figures and "high" in figures:
        figures["low"] = replace(figures["low"], unit=figures["high"].unit)
    return Statement(kind, match[0], figures, texts, times)


def _inherited(statements: tuple[Statement, ...]) -> Iterator[Statement]:
    """Give a predicate without a subject the value, or the measure, that was named last."""
    value: Statement | None = None
    for statement in statements:
        if statement.kind == "value":
            value = statement
            yield statement
        elif "feature" not in statement.texts and value is not None and statement.kind in _OF_A_VALUE | _OF_A_MEASURE:
            named = {f"value_{name}": one for name, one in value.figures.items()} if value.kind == "value" else {}
            figures = {**named, **statement.figures}
            texts = {**{name: one for name, one in value.texts.items() if name in ("feature", "amount")}}
            yield replace(statement, figures=figures, texts={**texts, **statement.texts})
        else:
            if statement.texts.get("feature") and statement.kind in _OF_A_MEASURE:
                value = statement
            yield statement


_OF_A_VALUE = frozenset(
    {"own_history", "peers", "duplicate", "below_limit", "not_below", "round_amount", "relative_size"}
)
_OF_A_MEASURE = frozenset({
    "outside_band", "level_shift", "variation", "relation_broken", "flat_line", "silent", "spikes", "gross_range",
    "sensor_drift", "also_moved", "one_sided", "rate_of_change", "climatology", "neighbour", "bad_quality",
})  # fmt: skip

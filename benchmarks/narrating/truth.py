"""A thousand findings through the model: false claims, signatures, and whether the weightiest facts are told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from analyzers.results import Finding
from benchmarks.claims.cases import Case, cases
from benchmarks.claims.checking import Tally, check
from benchmarks.claims.reading import read
from benchmarks.claims.source import Source
from benchmarks.claims.statement import Outcome
from reports.contents import Lang, Mode, ReportedFinding
from reports.exports import findings_jsonl
from reports.narrator import narrate
from reports.narrator.engines import Engine
from reports.narrator.prompt import build_prompt, signature
from reports.narrator.skeleton import Skeleton, choices
from reports.playbook import playbook_for

MOST = 1_000
_SAME_CLAIM = {"rare_pair": "pair", "seldom_pair": "pair", "more_variation": "variation", "less_variation": "variation"}
_MUST = 3


@dataclass
class Truth:
    """What the findings came to."""

    tally: Tally = field(default_factory=Tally)
    signatures: set[str] = field(default_factory=set)
    covered: int = 0
    replaced: int = 0
    told_by_model: int = 0
    untold: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[Finding, Lang]] = field(default_factory=list)
    """Kept for the measurement of speed."""
    objects: list[dict[str, Any]] = field(default_factory=list)
    """The findings as exported, for blind reading."""

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        checked = self.tally.as_object()
        return {
            **checked,
            "signatures": len(self.signatures),
            "coverage_top3": self.covered / self.tally.findings if self.tally.findings else None,
            "untold": dict(self.untold),
            "replaced_claims": self.replaced,
            "told_by_model": self.told_by_model,
        }


def measure(engine: Engine, *, mode: Mode = Mode.STRICT, quick: bool, say: Callable[[str], None]) -> Truth:
    """Narrate all cases, skeletons kept from one to the next as from night to night, and check what was written."""
    truth = Truth()
    skeletons: dict[str, Skeleton] = {}
    for case in cases(quick=quick):
        if truth.tally.findings >= MOST:
            break
        kept = case.findings[: MOST - truth.tally.findings]
        known = len(truth.tally.notes)
        _tell(case, kept, engine, mode, skeletons, truth)
        for note in truth.tally.notes[known:]:
            say(f"  {note['outcome']} {note['kind']} ({note['origin']}) {note['said'][:200]!r}: {note['why']}")
        wrong = truth.tally.count(Outcome.FALSE, Outcome.UNREAD)
        say(f"{case.name}: {truth.tally.findings} findings, {len(truth.signatures)} signatures, {wrong} false")
    return truth


def _tell(
    case: Case, findings: Sequence[Finding], engine: Engine, mode: Mode, skeletons: dict[str, Skeleton], truth: Truth
) -> None:
    narration = narrate(findings, lang=case.lang, timezone=case.zone, engine=engine, mode=mode, skeletons=skeletons)
    skeletons |= narration.skeletons
    truth.replaced += narration.replaced
    reported = [ReportedFinding(finding=f, narrative=n) for f, n in zip(findings, narration.narratives, strict=True)]
    lines = findings_jsonl(reported, lang=case.lang, timezone=case.zone, rows=True).splitlines()
    for finding, line in zip(findings, lines, strict=True):
        prompt = build_prompt(finding, choices(finding, playbook_for(finding, None)), mode, case.lang)
        truth.signatures.add(signature(finding, prompt, lang=case.lang, model=engine.sha256, mode=mode))
        exported = json.loads(line)
        truth.tally.add(check(exported, case.source))
        truth.told_by_model += exported["narrative"]["model"] is not None
        missing = untold(exported, case.source)
        truth.covered += not missing
        truth.untold.update(missing)
        truth.findings.append((finding, case.lang))
        truth.objects.append(exported)


def untold(exported: dict[str, Any], source: Source) -> list[str]:
    """Kinds among the three weightiest facts of which the text says nothing; money at stake has its own sentence."""
    narrative = exported["narrative"]
    told = [fact["feature"] for fact in exported["facts"] if fact["feature"]]
    columns = list(dict.fromkeys([*source.columns, *source.settings.labels.values(), *told]))
    statements = read(narrative["text"], narrative["lang"], exported, source.settings.zone, columns).statements
    said = Counter(_SAME_CLAIM.get(one.kind, one.kind) for one in statements)
    wanted = [fact for fact in exported["facts"] if fact["kind"] != "exposure"][:_MUST]
    missing = []
    for fact in wanted:
        kind = _SAME_CLAIM.get(fact["kind"], fact["kind"])
        if said[kind]:
            said[kind] -= 1
        else:
            missing.append(kind)
    return missing

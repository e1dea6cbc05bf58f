"""Flags to findings: merged, weighed, ordered, within the budget, under a fingerprint that stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl

from analyzers.allowances import Allowances, allowance_checks, open_allowances, reasons_for
from analyzers.columns import Field, Role
from analyzers.merging import REPORTING_LINE, Group, merge
from analyzers.rates import Rates, open_rates
from analyzers.record_fields import fields_of
from analyzers.results import (
    Check,
    CheckStatus,
    Condition,
    Fact,
    FactKind,
    Family,
    Finding,
    Flag,
    Scalar,
    SubjectKind,
)
from analyzers.risk import (
    ENOUGH_VERDICTS,
    ConsequenceScale,
    TrackRecord,
    alike,
    consequence_scale,
    expected_loss,
    likelihood,
    priority,
    reviewed_likelihood,
)
from analyzers.settings import Material

MOST_FACTS = 8
MOST_RECORDS = 200
_VERSION = "v1"


def build_findings(material: Material, flags: Iterable[Flag]) -> tuple[Finding, ...]:
    """Turn the flags of one run into findings by falling priority.

    Deterministic: the order of the flags and of the batch's rows changes nothing but row numbers. The first
    `settings.budget` findings that are neither trivial nor allowed are `mailed`. `data_date` stays null: it is the
    run's.
    """
    groups = [group for group in merge(flags) if is_reportable(group)]
    scale = _scale(material)
    fields = fields_of(material, [group.rows[0] for group in groups if _is_of_a_record(group)])
    drafts = [_finding(material, group, scale, fields) for group in groups]
    measure = Measure(material)
    allowed = reasons_for(material, drafts, measure.allowances)
    weighed = [measure.weighed(finding, allowed.get(finding.fingerprint)) for finding in drafts]
    return measure.within_budget(_by_priority(weighed), _by_priority(drafts))


def rebudgeted(material: Material, findings: Sequence[Finding], quiet: Collection[str]) -> tuple[Finding, ...]:
    """The findings with `mailed` decided anew: those whose fingerprint is in `quiet` leave their place to the next."""
    before = [f.model_copy(update={"priority": priority(likelihood(f.severity), f.consequence)}) for f in findings]
    ordered = [finding.model_copy(update={"mailed": True}) for finding in findings]
    return Measure(material).within_budget(_by_priority(ordered), _by_priority(before), quiet)


class Measure:
    """What the monitor and its reviewers say about the weight of findings.

    Feedback reorders and never hides, and what is material is touched by neither allow list nor feedback.
    """

    def __init__(self, material: Material) -> None:
        self.settings = material.settings
        self.rates: Rates = open_rates(material)
        self.allowances: Allowances = open_allowances(material)
        self.records = material.track_records
        self.records_of_like = material.track_records_of_like

    def is_material(self, finding: Finding) -> bool:
        """Whether its money reaches `materiality`; money that no rate makes comparable does."""
        if self.settings.materiality is None or finding.exposure is None:
            return False
        size = self.rates.converted(finding.exposure, finding.currency)
        return size is None or size >= self.settings.materiality

    def is_trivial(self, finding: Finding) -> bool:
        """Whether its money lies below `trivial`; money that no rate makes comparable does not."""
        if finding.exposure is None:
            return False
        size = self.rates.converted(finding.exposure, finding.currency)
        return size is not None and size < self.settings.trivial

    def weighed(self, finding: Finding, allowed: str | None) -> Finding:
        """The finding after the reviewers' record on its like, and with the reason for which it is allowed."""
        material = self.is_material(finding)
        update: dict[str, object] = {"allowed": None if material else allowed, "material": material}
        record = self.records.get(finding.type, TrackRecord())
        if record.verdicts:
            of_like = self.records_of_like.get((finding.type, alike(finding)))
            likely = reviewed_likelihood(finding.likelihood, record, of_like)
            likely = max(likely, finding.likelihood) if material else likely
            update |= {
                "likelihood": likely,
                "priority": priority(likely, finding.consequence),
                "expected_loss": expected_loss(finding.exposure, likely, record),
            }
        return finding.model_copy(update=update)

    def within_budget(
        self, ordered: Sequence[Finding], before: Sequence[Finding], quiet: Collection[str] = ()
    ) -> tuple[Finding, ...]:
        """Mark what is mailed.

        ordered : findings after the reviewers' record, by falling priority.
        before : the same by the priority that they had without it; what is material keeps the place that it had.
        quiet : fingerprints of those that a person has closed or muted.
        """
        told = {f.fingerprint for f in ordered if f.allowed is None and not self.is_trivial(f)} - set(quiet)
        first = [finding for finding in before if finding.fingerprint in told][: self.settings.budget]
        kept = {finding.fingerprint for finding in first if self.is_material(finding)}
        others = [f.fingerprint for f in ordered if f.fingerprint in told - kept][: self.settings.budget - len(kept)]
        mailed = kept | set(others)
        return tuple(f if f.fingerprint in mailed else f.model_copy(update={"mailed": False}) for f in ordered)


def _by_priority(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (-finding.priority, finding.fingerprint))


def is_reportable(group: Group) -> bool:
    """Whether a group is worth a finding: audit reasons from the line on, and all else, which was decided before:
    statistical flags against the false discovery rate, episodes and sensor faults against their own limits.
    """
    return group.severity >= REPORTING_LINE or any(
        flag.family not in (Family.AUDIT, Family.RULE) for flag in group.flags
    )


def fingerprint(key: bytes, monitor: str, kind: str, subject: str, start: datetime | None = None) -> str:
    """`v1:` and a keyed BLAKE2b hash of what the finding is about, never of the values it holds (RFC 7693)."""
    began = None if start is None else start.astimezone(UTC).isoformat(timespec="seconds")
    message = json.dumps([monitor, kind, subject, began], ensure_ascii=True).encode()
    secret = key if len(key) <= hashlib.blake2b.MAX_KEY_SIZE else hashlib.blake2b(key).digest()
    return f"{_VERSION}:{hashlib.blake2b(message, key=secret, digest_size=16).hexdigest()}"


def _finding(
    material: Material, group: Group, scale: ConsequenceScale, fields: Mapping[int, dict[str, str]]
) -> Finding:
    lead, rows = group.lead, group.rows
    start = lead.time_from if group.is_continuous else None
    mark = fingerprint(material.hash_key, material.settings.monitor, lead.type, group.subject.id, start)
    exposure, currency = _exposure(material, group)
    likely = likelihood(group.severity)
    consequence = scale.of(None if exposure is None else float(exposure), currency)
    time_from, time_to = _times(material, group)
    p_values = [flag.p_value for flag in group.flags if flag.p_value is not None]
    return Finding(
        id=mark.partition(":")[2][:12],
        fingerprint=mark,
        monitor=material.settings.monitor,
        data_date=None,
        type=lead.type,
        family=lead.family,
        also=tuple(sorted({flag.type for flag in group.flags} - {lead.type})),
        subject=group.subject,
        rows=rows,
        records=tuple(material.batch["record_id"].gather(list(rows[:MOST_RECORDS])).to_list()),
        time_from=time_from,
        time_to=time_to,
        severity=group.severity,
        exposure=exposure,
        currency=currency,
        likelihood=likely,
        consequence=consequence,
        priority=priority(likely, consequence),
        condition=_condition(group),
        p_value=min(p_values, default=None),
        facts=_facts(group.flags, exposure, currency),
        chart=next((flag.chart for flag in group.flags if flag.chart is not None), None),
        fields=fields.get(rows[0], {}) if _is_of_a_record(group) else {},
        entities=_entities(material, group),
    )


def _entities(material: Material, group: Group) -> dict[str, str]:
    """The one entity of each entity column that all of the group's records are about, or that it names itself."""
    columns = {*material.columns.names(Role.ENTITY), material.settings.behaviour.entity}
    named, _, label = group.subject.id.partition("=")
    if group.subject.kind is SubjectKind.ENTITY and label and named in columns:
        return {named: label}
    found = {}
    for column in material.columns.names(Role.ENTITY):
        if group.rows and column in material.batch.columns:
            values = material.batch[column].gather(list(group.rows[:MOST_RECORDS])).unique()
            if len(values) == 1 and values[0] is not None:
                found[column] = str(values[0])
    return found


def _is_of_a_record(group: Group) -> bool:
    return group.subject.kind in {SubjectKind.RECORD, SubjectKind.GROUP} and bool(group.rows)


def _condition(group: Group) -> Condition | None:
    """Whether it still holds: asked of series and entities only, a payment does not end."""
    if group.is_continuous:
        stated = [flag.open for flag in group.flags if flag.open is not None]
        return Condition.ACTIVE if any(stated) or not stated else Condition.ENDED
    return Condition.ACTIVE if group.subject.kind is SubjectKind.ENTITY else None


def _exposure(material: Material, group: Group) -> tuple[Decimal | None, str | None]:
    """The largest money that a reason names, in the leading reason's currency; else the records' own money."""
    currency = next((flag.currency for flag in group.flags if flag.currency), material.settings.currency)
    named = [
        abs(flag.exposure)
        for flag in group.flags
        if flag.exposure is not None and (flag.currency or currency) == currency
    ]
    if named:
        return max(named), currency
    column = material.columns.one(Role.EXPOSURE)
    if column is None or not _is_of_a_record(group):
        return None, None
    rows = material.batch[list(group.rows)]
    amounts, name = rows[column], material.columns.field(Field.CURRENCY)
    currencies = rows[name].drop_nulls().unique().to_list() if name else []
    if amounts.null_count() == len(amounts) or len(currencies) > 1:
        return None, None
    total = amounts.cast(pl.Decimal(38, 4), strict=False).abs().sum()
    return Decimal(total), currencies[0] if currencies else material.settings.currency


def _times(material: Material, group: Group) -> tuple[datetime | None, datetime | None]:
    """From the first to the last moment of the reasons, or of their records where no reason states one."""
    starts = [flag.time_from for flag in group.flags if flag.time_from]
    ends = [flag.time_to for flag in group.flags if flag.time_to]
    time = material.columns.one(Role.TIME)
    if (not starts or not ends) and time is not None and group.rows:
        moments = material.batch[time].gather(list(group.rows)).drop_nulls().to_list()
        starts, ends = starts or moments, ends or moments
    return min(starts, default=None), max(ends, default=None)


def _facts(flags: Sequence[Flag], exposure: Decimal | None, currency: str | None) -> tuple[Fact, ...]:
    """At most `MOST_FACTS` different facts by falling weight, numbered; what is at stake comes last and always."""
    heaviest: dict[str, Fact] = {}
    for fact in (fact for flag in flags for fact in flag.facts):
        if fact.kind is FactKind.EXPOSURE:
            continue
        statement = json.dumps(fact.model_dump(mode="json", exclude={"id", "weight"}), sort_keys=True)
        if statement not in heaviest or heaviest[statement].weight < fact.weight:
            heaviest[statement] = fact
    ordered = [fact for _, fact in sorted(heaviest.items(), key=lambda item: (-item[1].weight, item[0]))]
    if exposure is not None:
        stake = Fact(kind=FactKind.EXPOSURE, actual=float(exposure), unit=currency, weight=0.0)
        ordered = [*ordered[: MOST_FACTS - 1], stake]
    return tuple(fact.model_copy(update={"id": f"f{i}"}) for i, fact in enumerate(ordered[:MOST_FACTS], start=1))


def _scale(material: Material) -> ConsequenceScale:
    return consequence_scale(
        (material.history, material.batch) if not material.history.is_empty() else (material.batch,),
        material.columns.one(Role.EXPOSURE),
        material.columns.field(Field.CURRENCY),
        material.settings.currency,
        material.settings.criticality,
    )


def finding_checks(material: Material, findings: Sequence[Finding]) -> tuple[Check, ...]:
    """What allow list and reviewers did to these findings; nothing where there is neither."""
    measure = Measure(material)
    about = reasons_for(material, findings, measure.allowances)
    overruled = sum(finding.fingerprint in about and measure.is_material(finding) for finding in findings)
    told = allowance_checks(measure.allowances, findings, overruled)
    types = sorted({finding.type for finding in findings} & set(measure.records))
    return (*told, *(_record_check(kind, measure.records[kind]) for kind in types if measure.records[kind].verdicts))


def _record_check(kind: str, record: TrackRecord) -> Check:
    code = "track_record_figure" if record.verdicts >= ENOUGH_VERDICTS else "track_record_band"
    values: dict[str, Scalar] = {"type": kind, "confirmed": record.confirmed, "verdicts": record.verdicts}
    return Check(name="track_record", status=CheckStatus.DONE, code=code, values=values)

"""One verdict on many findings: what a filter selects, what of it has to be decided one by one, and the deciding.

A verdict in bulk is each finding's own: with its entry in the audit log, and with what was known of it. It never
touches what reaches `materiality`, nor a finding that names the person who decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from analyzers.errors import UsageError
from analyzers.results import Finding, Review
from flows.conflicts import aliases, persons_named
from flows.warehouse import Warehouse, sql
from flows.warehouse.triage import Statement, dispose, normal_of
from flows.workspace import Workspace


@dataclass(frozen=True)
class Filter:
    """Which open findings: all that is stated must hold, and something has to be."""

    monitor: str | None = None
    types: tuple[str, ...] = ()
    entity: str | None = None
    """Label of an entity that they are about, or of their subject."""
    first_date: date | None = None
    last_date: date | None = None
    """Data dates between which a night last saw them."""
    below_priority: float | None = None
    below_exposure: Decimal | None = None
    """Money, in whatever currency; findings without any are below it too."""

    @property
    def states_nothing(self) -> bool:
        """Whether it would select everything."""
        return self == Filter()


class Left(StrEnum):
    """Why a selected finding is not decided in bulk."""

    MATERIAL = "material"
    """Its money reaches `materiality`."""
    NAMED = "named"
    """It names the person who decides."""
    NO_NORMAL = "no_normal"
    """It compares with no past that could be renewed."""


@dataclass(frozen=True)
class Selected:
    """A finding that a filter selects, and why it is left for a verdict of its own, if it is."""

    finding: Finding
    left: Left | None
    audit_seq: int | None = None
    """The verdict's entry in the audit log; None where none was given."""

    def line(self) -> str:
        """The finding as a person reads it, in one line."""
        finding = self.finding
        money = f"{finding.exposure:,.2f} {finding.currency or ''}".rstrip() if finding.exposure is not None else "-"
        left = f"  (left: {self.left})" if self.left else ""
        return f"{finding.id}  {finding.type:20}  {finding.priority:5.1f}  {money:>18}  {finding.subject.label}{left}"

    def contract(self, statement: Statement) -> dict[str, Any]:
        """The line of `sereno triage-all --json`."""
        finding = self.finding
        return {
            "id": finding.id,
            "fingerprint": finding.fingerprint,
            "monitor": finding.monitor,
            "data_date": finding.data_date,
            "type": finding.type,
            "subject": finding.subject.label,
            "priority": finding.priority,
            "exposure": finding.exposure,
            "currency": finding.currency,
            "verdict": statement.verdict.value,
            "decided": self.audit_seq is not None,
            "left": self.left.value if self.left else None,
            "audit": self.audit_seq,
        }


@dataclass(frozen=True)
class Selection:
    """All that a filter selects, by falling priority."""

    all: tuple[Selected, ...]
    done: bool
    """Whether the verdicts were given; otherwise they were only counted."""

    @property
    def decidable(self) -> tuple[Selected, ...]:
        """Those that the verdict is for."""
        return tuple(each for each in self.all if each.left is None)

    def sentences(self) -> list[str]:
        """The outcome in words: how many of which type, their money, and what is left."""
        chosen = self.decidable
        if not self.all:
            return ["no open finding fits; `sereno findings` lists what there is"]
        verb = "decided" if self.done else "would be decided"
        types = Counter(f"{each.finding.type} in {each.finding.monitor}" for each in chosen)
        money: Counter[str] = Counter()
        for each in chosen:
            if each.finding.exposure is not None:
                money[each.finding.currency or ""] += each.finding.exposure  # type: ignore[assignment]
        at_stake = ", ".join(f"{amount:,.2f} {currency}".rstrip() for currency, amount in sorted(money.items()))
        said = [f"{len(chosen)} of {len(self.all)} open findings {verb}{f', {at_stake} at stake' if money else ''}"]
        said += [f"  {count:>6}  {what}" for what, count in sorted(types.items(), key=lambda item: (-item[1], item[0]))]
        left = Counter(each.left for each in self.all if each.left is not None)
        return said + [f"  {count:>6}  left: {_WHY[reason]}" for reason, count in sorted(left.items())]


_WHY = {
    Left.MATERIAL: "their money reaches `materiality`; decide each with `sereno triage ID`",
    Left.NAMED: "they name the person who decides; somebody else has to",
    Left.NO_NORMAL: "they compare with no past of a series or an entity that could be renewed",
}


def triage_all(workspace: Workspace, wanted: Filter, statement: Statement, *, carry_out: bool) -> Selection:
    """Give one verdict on all open findings that fit, in one transaction; without `carry_out` only count them.

    UsageError where the filter states nothing, names an unknown monitor, or the statement is incomplete.
    """
    if wanted.states_nothing:
        raise UsageError("name which findings: a monitor, type, entity, data date, priority or exposure")
    if wanted.monitor is not None:
        workspace.monitor(wanted.monitor)
    statement = statement.checked()
    warehouse = Warehouse.of(workspace)
    if not carry_out:
        with warehouse.reading() as connection:
            return Selection(_selected(connection, workspace, wanted, statement), done=False)
    with warehouse.writing() as connection:
        selected = _selected(connection, workspace, wanted, statement)
        return Selection(tuple(_decided(connection, each, statement) for each in selected), done=True)


def _decided(connection: sql.Connection, selected: Selected, statement: Statement) -> Selected:
    if selected.left is not None:
        return selected
    made = dispose(connection, selected.finding.fingerprint, **vars(statement))
    return Selected(selected.finding, None, made.audit_seq)


def _selected(
    connection: sql.Connection, workspace: Workspace, wanted: Filter, statement: Statement
) -> tuple[Selected, ...]:
    found = _fitting(connection, wanted)
    own, named = aliases(statement.who, workspace.settings.people), _named(connection, workspace, found)
    limits = {
        name: workspace.monitor(name).analysis_settings().materiality
        for name in {finding.monitor for finding in found} & set(workspace.monitor_names())
    }
    selected = []
    for finding in found:
        left = None
        if _is_material(finding, limits.get(finding.monitor)):
            left = Left.MATERIAL
        elif named.get(finding.fingerprint, frozenset()) & own:
            left = Left.NAMED
        elif statement.normal_from is not None and normal_of(finding) is None:
            left = Left.NO_NORMAL
        selected.append(Selected(finding, left))
    return tuple(selected)


def _is_material(finding: Finding, limit: Decimal | None) -> bool:
    """As its latest night had it by the rates of that day, or by the limit as it is now."""
    return finding.material or (limit is not None and finding.exposure is not None and finding.exposure >= limit)


def _named(connection: sql.Connection, workspace: Workspace, found: Sequence[Finding]) -> dict[str, frozenset[str]]:
    named: dict[str, frozenset[str]] = {}
    for name in {finding.monitor for finding in found} & set(workspace.monitor_names()):
        records = {finding.fingerprint: finding.records for finding in found if finding.monitor == name}
        named |= persons_named(connection, workspace.monitor(name), records)
    return named


def _fitting(connection: sql.Connection, wanted: Filter) -> list[Finding]:
    """Open findings as their latest night told them, by falling priority."""
    where, parameters = sql.conditions(
        {
            "known.review <> ?": Review.CLOSED,
            "known.monitor = ?": wanted.monitor,
            "known.type IN (SELECT unnest(?))": list(wanted.types) or None,
            "? IN (known.entity, known.subject_label)": wanted.entity,
            "known.last_seen >= ?": wanted.first_date,
            "known.last_seen <= ?": wanted.last_date,
            "known.priority < ?": wanted.below_priority,
            "coalesce(known.exposure, 0) < ?": wanted.below_exposure,
        }
    )
    query = f"""
        SELECT arg_max(said.document, said.data_date) FROM run_findings AS said
        JOIN findings AS known USING (fingerprint){where} GROUP BY fingerprint
    """
    found = [Finding.model_validate_json(document) for (document,) in sql.rows(connection, query, parameters)]
    return sorted(found, key=lambda finding: (-finding.priority, finding.fingerprint))

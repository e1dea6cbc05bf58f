"""What is known and tolerated: which findings the monitor's allow list is about.

An allowed finding stays a finding, counted and listed with the reason; it only is not mailed. One above `materiality`
is mailed all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any

import polars as pl

from analyzers.columns import Role
from analyzers.persons import masked_person
from analyzers.results import Check, CheckStatus, Finding
from analyzers.settings import Allowed, Material

TABLE = "allowed"
_MOST_ROWS = 200
"""Records of one finding that are asked; an episode has more."""


@dataclass(frozen=True)
class Allowances:
    """The allow list as it holds on the batch's last day."""

    entries: tuple[Allowed, ...]
    expired: int = 0
    unusable: int = 0
    """Lines of the reference table that name no reason, or nothing that they are about."""


def open_allowances(material: Material) -> Allowances:
    """The entries of the settings and of the reference table `allowed`."""
    tabled, unusable = _tabled(material)
    stated = (*material.settings.allow, *tabled)
    last = material.last_day
    holding = tuple(entry for entry in stated if entry.until is None or last is None or entry.until >= last)
    return Allowances(holding, expired=len(stated) - len(holding), unusable=unusable)


def reasons_for(material: Material, findings: Sequence[Finding], allowances: Allowances) -> dict[str, str]:
    """The reason of the first entry that each finding fulfils, by fingerprint; findings without one are left out."""
    if not allowances.entries or not findings:
        return {}
    rows = _rows(material, findings)
    reasons: dict[str, str] = {}
    for entry in allowances.entries:
        candidates = [f for f in findings if f.fingerprint not in reasons and entry.type in (None, f.type)]
        if not candidates:
            continue
        holding = _holding(material, rows, entry)
        reasons |= {
            finding.fingerprint: entry.reason
            for finding in candidates
            if finding.fingerprint in holding or _is_about(finding, entry)
        }
    return reasons


def allowance_checks(allowances: Allowances, findings: Sequence[Finding], overruled: int) -> tuple[Check, ...]:
    """What the allow list did; nothing where there is none.

    overruled : findings that it is about but that are too large for it.
    """
    checks: list[Check] = []
    if allowances.entries or allowances.expired:
        values = {
            "entries": len(allowances.entries),
            "findings": sum(finding.allowed is not None for finding in findings),
            "expired": allowances.expired,
        }
        checks.append(Check(name="allow_list", status=CheckStatus.DONE, code="allow_applied", values={**values}))
    if overruled:
        checks.append(
            Check(name="allow_list", status=CheckStatus.WARNING, code="allow_overruled", values={"count": overruled})
        )
    if allowances.unusable:
        values = {"count": allowances.unusable}
        checks.append(Check(name="allow_list", status=CheckStatus.WARNING, code="allow_unusable", values={**values}))
    return tuple(checks)


def _tabled(material: Material) -> tuple[list[Allowed], int]:
    table = material.references.get(TABLE)
    if table is None or table.is_empty():
        return [], 0
    known = {name.casefold(): name for name in table.columns}
    own = {key: known[key] for key in ("entity", "type", "until", "reason") if key in known}
    columns = [column.name for column in material.columns.columns if column.name in table.columns]
    columns = [name for name in columns if name not in own.values()]
    until = _day(table, own["until"]) if "until" in own else []
    picked = table.select(
        *(_text(name).alias(key) for key, name in own.items() if key != "until"),
        *until,
        *(_text(name).alias(f"value:{name}") for name in columns),
    )
    entries = [_entry(line, columns) for line in picked.to_dicts()]
    return [entry for entry in entries if entry is not None], entries.count(None)


def _entry(line: dict[str, Any], columns: Sequence[str]) -> Allowed | None:
    values = {name: line[f"value:{name}"] for name in columns if line[f"value:{name}"] is not None}
    stated = {key: line.get(key) for key in ("entity", "type", "until", "reason")}
    if not stated["reason"] or len(stated["reason"]) < 3 or not (stated["entity"] or stated["type"] or values):
        return None
    # An end that cannot be read has passed: nothing is allowed for ever by a slip.
    if stated["until"] is None and line.get("until_stated"):
        stated["until"] = date.min
    return Allowed(values=values, **stated)


def _text(name: str) -> pl.Expr:
    value = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(value != "").then(value)


def _day(table: pl.DataFrame, name: str) -> list[pl.Expr]:
    if table.schema[name].is_temporal():
        return [pl.col(name).dt.date().alias("until"), pl.lit(value=False).alias("until_stated")]
    stated = _text(name)
    return [stated.str.to_date(strict=False).alias("until"), stated.is_not_null().alias("until_stated")]


def _rows(material: Material, findings: Sequence[Finding]) -> pl.DataFrame:
    """The records of all findings, each with the finding's `fingerprint`."""
    pairs = [(finding.fingerprint, row) for finding in findings for row in finding.rows[:_MOST_ROWS]]
    named = pl.DataFrame(pairs, schema={"fingerprint": pl.String, "row": pl.Int64}, orient="row")
    records = material.batch.select(pl.all().name.prefix("batch:"))[named["row"].to_list()]
    return named.hstack(records)


def _holding(material: Material, rows: pl.DataFrame, entry: Allowed) -> set[str]:
    """Fingerprints of the findings all of whose records fulfil the entry."""
    wanted: list[pl.Expr] = []
    if entry.entity is not None:
        entities = [name for name in material.columns.names(Role.ENTITY) if f"batch:{name}" in rows.columns]
        own = [_equals(material, name, entry.entity) for name in entities]
        wanted.append(reduce(lambda one, other: one | other, own, pl.lit(value=False)))
    for name, value in entry.values.items():
        wanted.append(_equals(material, name, value) if f"batch:{name}" in rows.columns else pl.lit(value=False))
    holds = reduce(lambda one, other: one & other, wanted, pl.lit(value=True))
    held = rows.group_by("fingerprint").agg(holds.fill_null(value=False).all().alias("holds"))
    return set(held.filter("holds")["fingerprint"].to_list())


def _equals(material: Material, name: str, value: str) -> pl.Expr:
    """Whether a column has the value; a person is masked already and compared by the mask."""
    shown = pl.col(f"batch:{name}").cast(pl.String).str.strip_chars()
    plain = shown == value.strip()
    if material.columns.get(name).role is not Role.PERSON:
        return plain
    return plain | (shown == masked_person(value, material.hash_key))


def _is_about(finding: Finding, entry: Allowed) -> bool:
    """Whether the finding's subject fulfils the entry, which says nothing of its records' values.

    A tabular finding's id is `column=entity`, a sensor's begins with its asset.
    """
    if entry.values:
        return False
    subject = finding.subject
    names = {subject.id, subject.label, subject.id.partition("=")[2]}
    return entry.entity is None or entry.entity in names or subject.id.startswith(f"{entry.entity}/")

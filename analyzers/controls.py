"""Control totals: whether the batch comes to what somebody else says it should.

Counts and sums per day or currency against a control file, and balances: opening + movement = closing, and a day's
opening is the closing of the day before. A load that lost or doubled records looks ordinary in every other check.
These are the batch totals and reconciliations of IT application controls (ISA 315, appendix 6; COBIT DSS06).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import polars as pl

from analyzers.columns import Field, Role
from analyzers.errors import MonitorError
from analyzers.local_days import local_days
from analyzers.results import Check, CheckStatus, Scalar
from analyzers.settings import Control, Material

_MONEY = pl.Decimal(38, 4)
_CREDIT = ("c", "cr", "credit", "h", "haben", "haber", "abono", "-")
"""Values of the field `debit_credit` that take an amount off a balance."""
_DAY = "control day"


def control_checks(material: Material) -> tuple[Check, ...]:
    """One check for every total that the monitor's `controls` name.

    Raises
    ------
    MonitorError
        A control that names a column which its table or the records do not have.
    """
    return tuple(check for control in material.settings.controls for check in _checks(material, control))


def _checks(material: Material, control: Control) -> list[Check]:
    table = material.references.get(control.table)
    if table is None or table.is_empty():
        return [_check(CheckStatus.WARNING, "control_no_table", table=control.table)]
    _check_columns(material, control, table)
    stated = _stated(material, control, table)
    here = _in_batch(material, stated) if control.day else stated
    found = _found(material, control)
    keys = [name for name in found.columns if name.startswith("key:") or name == _DAY]
    if here.is_empty():
        return [_check(CheckStatus.WARNING, "control_says_nothing", table=control.table)]
    both = _joined(here, found, keys)
    checks = [_compared(control, both, name, keys) for name in _totals(control)]
    checks += _continued(material, control, stated, keys)
    if unstated := both.filter(pl.col("stated").is_null()).height:
        checks.append(_check(CheckStatus.WARNING, "control_unstated", table=control.table, count=unstated))
    return checks


def _check(status: CheckStatus, code: str, **values: Scalar) -> Check:
    return Check(name="control", status=status, code=code, values=values)


def _totals(control: Control) -> list[str]:
    """Names of what is compared: the count, each sum by the table's column, the balance."""
    counted = ["count"] if control.count else []
    return [*counted, *(f"sum:{name}" for name in control.sums), *(["balance"] if control.opening else [])]


def _check_columns(material: Material, control: Control, table: pl.DataFrame) -> None:
    named = [control.day, control.count, control.opening, control.closing, *control.by, *control.sums]
    for name in (name for name in named if name is not None):
        _check_column(name, table.columns, f"the table {control.table!r}")
    for name in (*control.by.values(), *control.sums.values()):
        _check_column(name, material.batch.columns, "the records")
    if control.opening and material.columns.one(Role.EXPOSURE) is None:
        raise MonitorError(f"controls of {control.table!r}: `opening` needs a column with the role exposure; add one")


def _check_column(name: str, present: Sequence[str], where: str) -> None:
    if name not in present:
        near = difflib.get_close_matches(name, present, n=1, cutoff=0.0)
        hint = f"did you mean {near[0]!r}?" if near else "it has none"
        raise MonitorError(f"controls: {where}: no column {name!r}; {hint}")


def _stated(material: Material, control: Control, table: pl.DataFrame) -> pl.DataFrame:
    """What the table says: `key:...` and the day, and each total; lines of one key together."""
    keys = [_key(name).alias(f"key:{own}") for name, own in control.by.items()]
    if control.day:
        keys.append(local_days(table, control.day, material.settings.timezone).alias(_DAY))
    totals = [_number(control.count).alias("count")] if control.count else []
    totals += [_number(name).alias(f"sum:{name}") for name in control.sums]
    if control.opening and control.closing:
        totals += [_number(control.opening).alias("opening"), _number(control.closing).alias("closing")]
    lines = table.select(*keys, *totals)
    names = [expr.meta.output_name() for expr in keys]
    summed = pl.all().exclude(names).sum() if names else pl.all().sum()
    together = lines.group_by(names).agg(summed) if names else lines.select(summed)
    return together.sort(names) if names else together


def _in_batch(material: Material, frame: pl.DataFrame) -> pl.DataFrame:
    """The part of a frame with days that lies in the batch's: records that came late belong to earlier totals."""
    days = material.days or _days_of(material)
    return frame.clear() if days is None else frame.filter(pl.col(_DAY).is_between(*days))


def _days_of(material: Material) -> tuple[date, date] | None:
    """First and last day of the batch's records, where nobody stated the batch's days."""
    time, last = material.columns.one(Role.TIME), material.last_day
    if time is None or last is None:
        return None
    days = material.batch.select(local_days(material.batch, time, material.settings.timezone)).to_series()
    first = days.min()
    return (first, last) if isinstance(first, date) else None


def _found(material: Material, control: Control) -> pl.DataFrame:
    """The same totals of the batch's records."""
    frame, time = material.batch, material.columns.one(Role.TIME)
    keys = [_key(own).alias(f"key:{own}") for own in control.by.values()]
    if time is not None and frame.schema[time].is_temporal():
        day = local_days(frame, time, material.settings.timezone)
        frame = _in_batch(material, frame.with_columns(day.alias(_DAY)))
        keys += [pl.col(_DAY)] if control.day else []
    totals = [pl.len().cast(_MONEY).alias("count")]
    totals += [_number(own).sum().alias(f"sum:{name}") for name, own in control.sums.items()]
    if control.opening:
        totals.append(_movement(material, frame).sum().alias("movement"))
    return frame.group_by(keys).agg(totals) if keys else frame.select(totals)


def _movement(material: Material, frame: pl.DataFrame) -> pl.Expr:
    amount = _number(material.columns.one(Role.EXPOSURE) or "")
    side = material.columns.field(Field.DEBIT_CREDIT)
    if side is None or side not in frame.columns:
        return amount
    credit = pl.col(side).cast(pl.String).str.strip_chars().str.to_lowercase().is_in(_CREDIT)
    return pl.when(credit).then(-amount.abs()).otherwise(amount)


def _joined(stated: pl.DataFrame, found: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Both sides of each key; totals that one side lacks are zero, `stated` is null where the table says nothing."""
    mine = found.rename({name: f"own:{name}" for name in found.columns if name not in keys})
    theirs = stated.with_columns(stated=pl.lit(value=True))
    both = theirs.join(mine, on=keys, how="full", coalesce=True, nulls_equal=True) if keys else theirs.hstack(mine)
    return both.with_columns(pl.selectors.decimal().fill_null(0))


def _compared(control: Control, both: pl.DataFrame, name: str, keys: Sequence[str]) -> Check:
    """Whether one total agrees for every key; else the key whose total differs most."""
    if name == "balance":
        stated, own = pl.col("closing"), pl.col("opening") + pl.col("own:movement")
    else:
        stated, own = pl.col(name), pl.col(f"own:{name}")
    tolerance = control.tolerance if name != "count" else 0
    told = both.filter(pl.col("stated").is_not_null()).with_columns(
        expected=stated, came=own, apart=(own - stated).abs()
    )
    wrong = told.filter(pl.col("apart") > tolerance).sort("apart", *keys, descending=[True, *[False] * len(keys)])
    what = {"count": control.count, "balance": control.closing}.get(name) or name.removeprefix("sum:")
    if wrong.is_empty():
        return _check(CheckStatus.DONE, "control_agrees", table=control.table, total=what, count=told.height)
    worst = wrong.row(0, named=True)
    return _check(
        CheckStatus.FAILED,
        "control_differs",
        table=control.table,
        total=what,
        stated=_shown(worst["expected"], name),
        found=_shown(worst["came"], name),
        where=_label(worst, keys),
        count=wrong.height,
    )


def _continued(material: Material, control: Control, stated: pl.DataFrame, keys: Sequence[str]) -> list[Check]:
    """Whether each balance opens where the one before it closed."""
    if not control.opening or _DAY not in keys:
        return []
    others = [name for name in keys if name != _DAY]
    before = pl.col("closing").shift()
    ordered = stated.sort(*others, _DAY).with_columns(before=before.over(others) if others else before)
    broken = _in_batch(material, ordered).filter((pl.col("opening") - pl.col("before")).abs() > control.tolerance)
    if broken.is_empty():
        return [_check(CheckStatus.DONE, "control_continues", table=control.table)]
    first = broken.row(0, named=True)
    values: dict[str, Scalar] = {"stated": float(first["opening"]), "before": float(first["before"])}
    return [
        _check(
            CheckStatus.FAILED, "control_breaks", table=control.table, where=_label(first, keys), count=broken.height,
            **values,
        )
    ]  # fmt: skip


def _shown(total: Decimal, name: str) -> int | float:
    return int(total) if name == "count" else float(total)


def _label(line: dict[str, object], keys: Sequence[str]) -> str:
    return ", ".join(str(line[name] if line[name] is not None else "?")[:60] for name in keys) or "-"


def _key(name: str) -> pl.Expr:
    stripped = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(_MONEY, strict=False)

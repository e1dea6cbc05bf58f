"""A historian's export, one row per tag and time, as a wide frame with one column per tag."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.errors import MonitorError
from analyzers.series.samples import BAD_QUALITY, OTHER_UNIT, REJECTED

MOST_TAGS = 2_000
"""More tags than this is a column that is no tag, and would make a frame of that many columns."""
GOOD_QUALITY = frozenset({"", "good", "ok", "g", "true", "valid", "gut", "buena", "bueno", "bien", "1", "192"})
"""Quality texts of readings that count; 192 and above is good in OPC Classic, 0 is good in OPC UA."""
_DROPPED = "__dropped"
_BASE = (Role.TIME, Role.ENTITY)


def pivot_long(
    frame: pl.DataFrame, columns: Columns, units: Mapping[str, str] | None = None
) -> tuple[pl.DataFrame, Columns]:
    """Turns one row per (time, tag) into one row per time (and entity) with a measure per tag.

    Readings of bad quality or of another unit than the tag's are left out and counted, several readings of a tag at
    one time are averaged. Tags are in alphabetical order. The frame gets `record_id`, the first of the ids that went
    into a row, where the source has one; `bad_readings`, how many of the row's readings were left out; and for each
    tag with such readings a column `REJECTED` and its name, which says why.

    Parameters
    ----------
    frame : one row per reading, with a `time` role and columns bound to `tag`, `value` and perhaps `quality`.
    columns : of shape `long`; entities stay, all else is dropped.
    units : of the tags, as an earlier pivot told them; a tag without one takes its most frequent.

    Returns
    -------
    The wide frame, sorted by entity and time, and its columns, of shape `series`.

    Raises
    ------
    MonitorError
        A column for time, tag or value is missing, or there are more than 2,000 tags.
    """
    time, tag, value = _bound(columns)
    entities = columns.names(Role.ENTITY)
    readings = frame.filter(pl.col(time).is_not_null() & pl.col(tag).is_not_null())
    tags = sorted(str(name) for name in readings[tag].cast(pl.String).unique())
    if len(tags) > MOST_TAGS:
        raise MonitorError(
            f"column {tag!r} holds {len(tags)} tags, at most {MOST_TAGS} can be charted: check the field"
        )
    names = _column_names(tags, {time, *entities, "record_id", "bad_readings"})
    readings = readings.with_columns(
        pl.col(tag).cast(pl.String).replace_strict(names, return_dtype=pl.String),
        pl.col(value).cast(pl.Float64, strict=False),
        pl.when(_is_bad(frame, columns.field(Field.QUALITY))).then(BAD_QUALITY).otherwise(0).alias(_DROPPED),
    )
    unit = columns.field(Field.UNIT)
    known = {**(units_of(readings, tag, unit) if unit else {}), **(units or {})}
    if unit:
        expected = pl.col(tag).replace_strict(known, default=None, return_dtype=pl.String)
        other = (pl.col(unit).cast(pl.String).str.strip_chars() != expected).fill_null(value=False)
        dropped = pl.when((pl.col(_DROPPED) == 0) & other).then(OTHER_UNIT).otherwise(pl.col(_DROPPED))
        readings = readings.with_columns(dropped.alias(_DROPPED))
    wide = _wide(readings, [*entities, time], tag, value, list(names.values()))
    return wide, _wide_columns(columns, names, known)


def units_of(readings: pl.DataFrame, tag: str, unit: str) -> dict[str, str]:
    """The most frequent unit of each tag that has one."""
    told = readings.select(pl.col(tag).cast(pl.String), pl.col(unit).cast(pl.String).str.strip_chars().alias(unit))
    counted = told.filter(pl.col(unit).is_not_null() & (pl.col(unit) != "") & pl.col(tag).is_not_null())
    most = counted.group_by(tag, unit).len().sort("len", unit, descending=[True, False])
    return dict(most.unique(tag, keep="first", maintain_order=True).select(tag, unit).iter_rows())


def _bound(columns: Columns) -> tuple[str, str, str]:
    time, tag, value = columns.one(Role.TIME), columns.field(Field.TAG), columns.field(Field.VALUE)
    if time is None or tag is None or value is None:
        missing = "time" if time is None else "tag" if tag is None else "value"
        raise MonitorError(f"shape 'long' needs a column for {missing!r}: name it under roles or fields")
    return time, tag, value


def _column_names(tags: list[str], taken: set[str]) -> dict[str, str]:
    """A free column name for each tag: its own, with an underscore behind it where that is taken."""
    names: dict[str, str] = {}
    for tag in tags:
        name = tag
        while name in taken:
            name += "_"
        taken.add(name)
        names[tag] = name
    return names


def _is_bad(frame: pl.DataFrame, quality: str | None) -> pl.Expr:
    if quality is None:
        return pl.lit(value=False)
    said = pl.col(quality).cast(pl.String).str.strip_chars().str.to_lowercase().fill_null("")
    number = said.cast(pl.Float64, strict=False)
    numeric = frame[quality].cast(pl.String).cast(pl.Float64, strict=False).drop_nulls()
    # OPC Classic writes 192 to 255 for good and 0 for bad; OPC UA status codes write 0 for good.
    classic = len(numeric) > 0 and bool((numeric.is_between(192, 255)).any())
    zero_is_good = pl.lit(not classic and len(numeric) > 0 and (numeric == 0).sum() > len(numeric) / 2)
    good_number = number.is_between(192, 255) | (zero_is_good & (number == 0)) | (~zero_is_good & (number == 1))
    return ~(said.is_in(list(GOOD_QUALITY)) & number.is_null() | good_number.fill_null(value=False))


def _wide(readings: pl.DataFrame, index: list[str], tag: str, value: str, tags: list[str]) -> pl.DataFrame:
    kept = [pl.col("record_id").first()] if "record_id" in readings.columns else []
    times = readings.group_by(index).agg(*kept, (pl.col(_DROPPED) > 0).sum().cast(pl.Int64).alias("bad_readings"))
    good = readings.filter(pl.col(_DROPPED) == 0).select(*index, tag, value)
    wide = good.pivot(on=tag, index=index, values=value, aggregate_function="mean")
    silent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in tags if name not in wide.columns]
    joined = times.join(wide.with_columns(silent), on=index, how="left", nulls_equal=True)
    joined = joined.select(*times.columns, *tags)
    bad = readings.filter(pl.col(_DROPPED) > 0).select(*index, tag, _DROPPED)
    if len(bad):
        why = bad.pivot(on=tag, index=index, values=_DROPPED, aggregate_function="max")
        named = {name: REJECTED + name for name in why.columns if name not in index}
        joined = joined.join(why.rename(named), on=index, how="left", nulls_equal=True)
        # A good reading beside a bad one of the same time is a reading.
        joined = joined.with_columns(
            pl.when(pl.col(name).is_null()).then(pl.col(column)).alias(column) for name, column in named.items()
        )
    return joined.sort(index)


def _wide_columns(columns: Columns, names: dict[str, str], units: Mapping[str, str]) -> Columns:
    kept = [column for column in columns.columns if column.role in _BASE]
    measures = [
        Column(
            name=name,
            role=Role.MEASURE,
            unit=units.get(name),
            label=tag if tag != name else None,
            reason="a tag of the historian",
        )
        for tag, name in names.items()
    ]
    return Columns(shape=Shape.SERIES, columns=(*kept, *measures))

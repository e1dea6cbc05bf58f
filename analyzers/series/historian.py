"""A historian's export, one row per tag and time, as a wide frame with one column per tag."""

from __future__ import annotations

import polars as pl

from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.errors import MonitorError

MOST_TAGS = 2_000
"""More tags than this is a column that is no tag, and would make a frame of that many columns."""
GOOD_QUALITY = frozenset({"", "good", "ok", "g", "true", "valid", "gut", "buena", "bueno", "bien", "1", "192"})
"""Quality texts of readings that count; 192 and above is good in OPC Classic, 0 is good in OPC UA."""
_DROPPED = "__dropped"
_BASE = (Role.TIME, Role.ENTITY)


def pivot_long(frame: pl.DataFrame, columns: Columns) -> tuple[pl.DataFrame, Columns]:
    """Turns one row per (time, tag) into one row per time (and entity) with a measure per tag.

    Readings of bad quality are left out and counted, several readings of a tag at one time are averaged. Tags are in
    alphabetical order. The frame gets `record_id`, the first of the ids that went into a row, where the source has
    one, and `bad_readings`, how many of the row's readings were left out.

    Parameters
    ----------
    frame : one row per reading, with a `time` role and columns bound to `tag`, `value` and perhaps `quality`.
    columns : of shape `long`; entities stay, all else is dropped.

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
        _is_bad(frame, columns.field(Field.QUALITY)).alias(_DROPPED),
    )
    return _wide(readings, [*entities, time], tag, value, list(names.values())), _wide_columns(columns, names)


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
    times = readings.group_by(index).agg(*kept, pl.col(_DROPPED).sum().cast(pl.Int64).alias("bad_readings"))
    good = readings.filter(~pl.col(_DROPPED)).select(*index, tag, value)
    wide = good.pivot(on=tag, index=index, values=value, aggregate_function="mean")
    silent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in tags if name not in wide.columns]
    joined = times.join(wide.with_columns(silent), on=index, how="left", nulls_equal=True)
    return joined.select(*times.columns, *tags).sort(index)


def _wide_columns(columns: Columns, names: dict[str, str]) -> Columns:
    kept = [column for column in columns.columns if column.role in _BASE]
    measures = [
        Column(name=name, role=Role.MEASURE, label=tag if tag != name else None, reason="a tag of the historian")
        for tag, name in names.items()
    ]
    return Columns(shape=Shape.SERIES, columns=(*kept, *measures))

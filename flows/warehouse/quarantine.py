"""Rows of a source that could not be read as records: kept with the reason, shown by count, never judged."""

from __future__ import annotations

import polars as pl

from flows.warehouse import sql

_COLUMNS = {"source": "", "row": -1, "column": None, "reason": "", "value": None}
_LONGEST_VALUE = 200


def store(connection: sql.Connection, ingest_id: str, monitor: str, rows: pl.DataFrame) -> int:
    """Keep the quarantined rows of one ingest, instead of any kept for it before; how many.

    rows : frame with `row` (line of the source), `reason`, and as far as known `source` (file), `column` and `value`
        (text, cut at 200 characters).
    """
    sql.run(connection, "DELETE FROM quarantine WHERE ingest_id = ? AND monitor = ?", [ingest_id, monitor])
    kept = [
        pl.col(name).cast(pl.String) if name in rows.columns else pl.lit(default, pl.String).alias(name)
        for name, default in ((name, None if value is None else str(value)) for name, value in _COLUMNS.items())
    ]
    shortened = rows.select(kept).with_columns(pl.col("value").str.slice(0, _LONGEST_VALUE))
    entries = shortened.with_columns(ingest_id=pl.lit(ingest_id), monitor=pl.lit(monitor)).to_dicts()
    return sql.insert(connection, "quarantine", entries)


def carry_over(connection: sql.Connection, earlier: str, ingest_id: str, monitor: str) -> None:
    """Take the rows of an earlier ingest, whose files were not read again, for this one's too."""
    if earlier == ingest_id:
        return
    sql.run(
        connection,
        "INSERT INTO quarantine SELECT * REPLACE ($now AS ingest_id) FROM quarantine "
        "WHERE ingest_id = $earlier AND monitor = $monitor",
        {"now": ingest_id, "earlier": earlier, "monitor": monitor},
    )


def load(connection: sql.Connection, ingest_id: str, monitor: str | None = None) -> pl.DataFrame:
    """What was quarantined in one ingest, in order of source and row."""
    where, parameters = sql.conditions({"ingest_id = ?": ingest_id, "monitor = ?": monitor})
    query = f'SELECT * FROM quarantine{where} ORDER BY monitor, source, "row", "column", reason'
    return sql.frame(connection, query, parameters)

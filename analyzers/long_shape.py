"""Historian exports (`shape: long`): analyzed as a wide table, answered in rows of the export."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.columns import Columns, Field, Role
from analyzers.findings import MOST_RECORDS
from analyzers.results import Finding
from analyzers.settings import Material


@dataclass(frozen=True)
class Pivoted:
    """A wide material, and where each row of the long batch went."""

    material: Material
    wide_row: NDArray[np.int64]
    """Per row of the long batch its row in the wide batch; -1 where the pivot left it out."""
    record_ids: pl.Series

    def scores_back(self, scores: pl.DataFrame) -> pl.DataFrame:
        """Scores of the wide rows, repeated for the rows of the export that they came from."""
        rows = pl.DataFrame({"long_row": np.arange(len(self.wide_row)), "row": self.wide_row})
        joined = rows.join(scores, on="row", how="left").sort("long_row")
        return joined.select(
            row=pl.col("long_row"),
            score=pl.col("score").fill_null(0.0),
            p_value="p_value",
            severity=pl.col("severity").fill_null(0.0),
            flagged=pl.col("flagged").fill_null(False),
            finding="finding",
        )

    def findings_back(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Findings whose rows and records are those of the export."""
        order = np.argsort(self.wide_row, kind="stable")
        ordered = self.wide_row[order]
        return tuple(self._back(finding, order, ordered) for finding in findings)

    def _back(self, finding: Finding, order: NDArray[np.intp], ordered: NDArray[np.int64]) -> Finding:
        wide = np.asarray(finding.rows, dtype=np.int64)
        starts, ends = np.searchsorted(ordered, wide, "left"), np.searchsorted(ordered, wide, "right")
        parts = [order[start:end] for start, end in zip(starts, ends, strict=True)]
        rows = np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)
        records = self.record_ids.gather(rows[:MOST_RECORDS]).to_list()
        return finding.model_copy(update={"rows": tuple(rows.tolist()), "records": tuple(records)})


def pivoted(material: Material) -> Pivoted:
    """The material as a wide table: one column per tag, the same columns in history and batch."""
    from analyzers.series import pivot_long

    earlier, units = None, {}
    if not material.history.is_empty():
        history, earlier = pivot_long(material.history, material.columns)
        units = {column.name: column.unit for column in earlier.columns if column.unit}
    batch, columns = pivot_long(material.batch, material.columns, units)
    if earlier is None:
        history = batch.clear()
    else:
        columns = _united(columns, earlier)
    described = [column.name for column in columns.columns]
    named = dict.fromkeys([*described, *batch.columns, *history.columns])
    wide = replace(
        material,
        columns=columns,
        batch=_aligned(batch, list(named)),
        history=_aligned(history, list(named)),
        other_units=_other_units(material, units),
    )
    return Pivoted(wide, _wide_rows(material, wide), material.batch["record_id"])


def _other_units(material: Material, units: dict[str, str]) -> dict[str, str]:
    """The most frequent unit in the batch of tags that had another one before."""
    from analyzers.series.historian import units_of

    tag, unit = material.columns.field(Field.TAG), material.columns.field(Field.UNIT)
    if tag is None or unit is None:
        return {}
    before = pl.col(tag).cast(pl.String).replace_strict(units, default=None, return_dtype=pl.String)
    return units_of(material.batch.filter(pl.col(unit).cast(pl.String).str.strip_chars() != before), tag, unit)


def _united(columns: Columns, others: Columns) -> Columns:
    known = {column.name for column in columns.columns}
    added = tuple(column for column in others.columns if column.name not in known)
    return columns.model_copy(update={"columns": columns.columns + added})


def _aligned(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    missing = [pl.lit(None, pl.Float64).alias(name) for name in names if name not in frame.columns]
    return frame.with_columns(missing).select(names)


def _wide_rows(material: Material, wide: Material) -> NDArray[np.int64]:
    """Per row of the long batch the wide row of its time and entity."""
    time = wide.columns.one(Role.TIME)
    keys = [name for name in wide.columns.names(Role.ENTITY) if name in material.batch.columns]
    on = [*([time] if time is not None else []), *keys]
    targets = wide.batch.select(*on, wide_row=pl.int_range(pl.len(), dtype=pl.Int64)).unique(on, keep="first")
    sources = material.batch.select(*on, long_row=pl.int_range(pl.len(), dtype=pl.Int64))
    joined = sources.join(targets, on=on, how="left", nulls_equal=True).sort("long_row")
    return joined["wide_row"].fill_null(-1).to_numpy().astype(np.int64)

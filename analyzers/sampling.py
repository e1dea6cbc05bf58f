"""A few records at random from below the line: what no mail names, so that what is missed can be bounded.

Every record has the same chance, whatever its score; the draw depends on the workspace's key, the monitor and the
date, and on nothing else: a repeat of the night draws the same, and nobody without the key can foresee it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl

from analyzers.columns import Role, Shape
from analyzers.findings import MOST_RECORDS, fingerprint
from analyzers.record_fields import fields_of
from analyzers.results import Candidate, Finding, Origin, Subject, SubjectKind
from analyzers.settings import Material

TYPE = "below_line"


def draw(material: Material, findings: Sequence[Finding]) -> tuple[tuple[Candidate, ...], int]:
    """At most `settings.sample` candidates from what the findings do not mail, and how many there were to draw from.

    Of a table a record is drawn, of series an hour of an asset: nobody can judge a single reading.
    """
    if not material.settings.sample or material.batch.is_empty():
        return (), 0
    mailed = sorted({row for finding in findings if finding.mailed for row in finding.rows})
    units = _records(material) if material.columns.shape is Shape.EVENTS else _hours(material)
    units = units.with_columns(told=pl.col("row").is_in(mailed))
    below = units.group_by("unit").agg(pl.col("told").any(), pl.col("row")).filter(~pl.col("told")).sort("unit")
    count = min(material.settings.sample, below.height)
    chosen = np.sort(np.random.default_rng(_seed(material)).choice(below.height, count, replace=False))
    picked = below[chosen.tolist()]
    make = _record if material.columns.shape is Shape.EVENTS else _hour
    drawn = [make(material, unit, sorted(rows)) for unit, rows in picked.select("unit", "row").iter_rows()]
    return tuple(drawn), below.height


def _seed(material: Material) -> int:
    said = json.dumps([material.settings.monitor, str(material.last_day), material.settings.seed])
    secret = hashlib.blake2b(material.hash_key).digest()
    return int.from_bytes(hashlib.blake2b(said.encode(), key=secret, digest_size=8).digest())


def _records(material: Material) -> pl.DataFrame:
    return material.batch.select(unit="record_id", row=pl.int_range(pl.len(), dtype=pl.Int64))


def _hours(material: Material) -> pl.DataFrame:
    """Per row of the batch its asset and hour; rows without a time belong to none."""
    time = pl.col(material.columns.one(Role.TIME) or "")
    assets = [pl.col(name).cast(pl.String).fill_null("") for name in material.columns.names(Role.ENTITY)]
    asset = pl.concat_str(assets, separator=" / ") if assets else pl.lit("")
    hour = time.cast(pl.Datetime("us")).dt.truncate("1h").dt.strftime("%Y-%m-%dT%H:%MZ")
    return material.batch.select(
        unit=pl.concat_str(asset, pl.lit("@"), hour), row=pl.int_range(pl.len(), dtype=pl.Int64)
    ).drop_nulls("unit")


def _record(material: Material, unit: str, rows: Sequence[int]) -> Candidate:
    fields = fields_of(material, rows[:1])[rows[0]]
    key, exposure = material.columns.one(Role.KEY), material.columns.one(Role.EXPOSURE)
    value = material.batch[exposure][rows[0]] if exposure else None
    candidate = _candidate(material, SubjectKind.RECORD, unit, fields.get(key or "") or unit[-12:], rows)
    money = None if value is None else abs(value)
    return candidate.model_copy(
        update={"fields": fields, "exposure": money, "currency": material.settings.currency if money else None}
    )


def _hour(material: Material, unit: str, rows: Sequence[int]) -> Candidate:
    asset, _, _ = unit.rpartition("@")
    candidate = _candidate(material, SubjectKind.SERIES, unit, asset or material.settings.monitor, rows)
    if candidate.time_from is None:
        return candidate
    start = candidate.time_from.replace(minute=0, second=0, microsecond=0)
    return candidate.model_copy(update={"time_from": start, "time_to": start + timedelta(hours=1)})


def _candidate(material: Material, kind: SubjectKind, unit: str, label: str, rows: Sequence[int]) -> Candidate:
    mark = fingerprint(material.hash_key, material.settings.monitor, TYPE, unit)
    time = material.columns.one(Role.TIME)
    moments = material.batch[time].gather(list(rows)).drop_nulls() if time else pl.Series([])
    return Candidate(
        id=mark.partition(":")[2][:12],
        fingerprint=mark,
        monitor=material.settings.monitor,
        origin=Origin.BELOW_LINE,
        type=TYPE,
        subject=Subject(kind=kind, id=unit, label=label),
        records=tuple(material.batch["record_id"].gather(list(rows[:MOST_RECORDS])).to_list()),
        time_from=moments.min() if len(moments) else None,
        time_to=moments.max() if len(moments) else None,
    )

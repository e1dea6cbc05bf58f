"""What a night would analyze of a workspace's sources, without a warehouse between them."""

from __future__ import annotations

from datetime import UTC, date

import polars as pl

from analyzers.columns import Role
from analyzers.settings import Material
from flows.ingestion import read_reference, read_source
from flows.masking import mask_persons
from flows.monitors import Monitor
from flows.workspace import Workspace


def batch_material(workspace: Workspace, monitor: Monitor, data_date: date) -> Material:
    """History, batch and reference tables of a date as a night hands them to the analyzers."""
    columns = monitor.described()
    time, key = pl.col(columns.one(Role.TIME) or ""), workspace.hash_key()
    records = mask_persons(read_source(workspace, monitor).records, columns, key).sort(time, maintain_order=True)
    start, end = (bound.astimezone(UTC) for bound in monitor.batch_bounds(data_date))
    first = monitor.history_start(data_date).astimezone(UTC)
    return Material(
        columns=columns,
        history=records.filter((time >= first) & (time < start)),
        batch=records.filter((time >= start) & (time < end)),
        settings=monitor.analysis_settings(),
        references={name: read_reference(workspace, monitor, name) for name in monitor.references},
        hash_key=key,
        days=monitor.batch_days(data_date),
    )

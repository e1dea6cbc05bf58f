"""A small workspace of payments, with one payment made twice and one far above its supplier's usual."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flows.own_server import own_server
from flows.workspace import Workspace

DATA_DATE = date(2026, 3, 31)
TWICE = ("P00900", "P00901")
HUGE = "P00902"

SETTINGS = """\
name: Test company
timezone: Europe/Madrid
narration: false
prefect: {{port: {port}}}
"""
MONITOR = """\
title: Payments
owners: [controller@example.com]
timezone: Europe/Madrid
schedule: "30 2 * * *"
batch: 5
currency: EUR
records:
  files: data/payments-*.csv
columns:
  payment: {role: key, field: document}
  paid_at: time
  supplier: entity
  amount: exposure
  invoice: {role: ignore, field: invoice}
  account: category
  created_by: {role: person, field: created_by}
"""


def payments() -> pl.DataFrame:
    """Nine hundred payments of 12 suppliers over 90 days, and three in the batch that deserve a look."""
    rng = np.random.default_rng(3)
    count = 900
    first = datetime(2026, 1, 1, 8)  # noqa: DTZ001 (the source writes local time)
    supplier = rng.integers(0, 12, count)
    minutes = np.sort(rng.integers(0, 90 * 24 * 60, count))
    rows = {
        "payment": [f"P{number:05}" for number in range(count)],
        "paid_at": [
            (first + timedelta(days=int(m // 1440), minutes=int(m % 540))).strftime("%Y-%m-%d %H:%M:%S")
            for m in minutes
        ],
        "supplier": [f"S{number:02}" for number in supplier],
        "amount": [f"{value:.2f}" for value in np.exp(rng.normal(5 + supplier / 4, 0.25))],
        "invoice": [f"{number:02}/{index:04}" for index, number in enumerate(supplier)],
        "account": [f"62{number % 5}" for number in supplier],
        "created_by": [f"Person {number}" for number in rng.integers(0, 4, count)],
    }
    planted = [
        (TWICE[0], "2026-03-27 10:00:00", "S03", "4815.16", "03/9001", "623", "Person 1"),
        (TWICE[1], "2026-03-30 11:00:00", "S03", "4815.16", "03/9001", "623", "Person 2"),
        (HUGE, "2026-03-30 09:30:00", "S01", "98765.43", "01/9002", "621", "Person 1"),
    ]
    return pl.concat([pl.DataFrame(rows), pl.DataFrame(planted, schema=list(rows), orient="row")])


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fill(folder: Path) -> Path:
    """Make a workspace of the folder: settings, one monitor, its files."""
    (folder / "sereno.yaml").write_text(SETTINGS.format(port=free_port()), encoding="utf-8")
    # A key of its own would draw other records in every run, the same one twice now and then.
    (folder / ".sereno-key").write_text("5e" * 32, encoding="utf-8")
    (folder / ".sereno-key").chmod(0o600)
    (folder / "monitors").mkdir()
    (folder / "monitors" / "payments.yaml").write_text(MONITOR, encoding="utf-8")
    (folder / "data").mkdir()
    payments().write_csv(folder / "data" / "payments-2026.csv")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The workspace's folder: settings, one monitor, its files."""
    return fill(tmp_path)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server that several nights share, as on a site that has one already."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "sereno.yaml").write_text(f"prefect: {{port: {free_port()}}}\n", encoding="utf-8")
    workspace = Workspace.open(folder)
    workspace.prepare()
    with own_server(workspace) as url:
        yield url

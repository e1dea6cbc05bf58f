"""Monitors: what their YAML may say, and the days that a date stands for."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from analyzers.columns import Field, Role
from analyzers.errors import MonitorError
from flows.monitors import Monitor, load_monitor

MONITOR = """\
title: Payments
owners: [controller@example.com]
timezone: Europe/Madrid
batch: 7
currency: EUR
records:
  files: data/*.csv
columns:
  id: {role: key, field: document}
  paid_at: time
  supplier: entity
  amount: exposure
analysis:
  budget: 5
  audit: {limits: [10000]}
"""


def load(tmp_path: Path, text: str = MONITOR) -> Monitor:
    path = tmp_path / "payments.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return load_monitor(path)


def test_short_and_long_columns_are_read(tmp_path: Path) -> None:
    monitor = load(tmp_path)
    columns = monitor.described()
    assert monitor.name == "payments"
    assert columns.one(Role.EXPOSURE) == "amount"
    assert columns.field(Field.DOCUMENT) == "id"
    settings = monitor.analysis_settings()
    assert (settings.monitor, settings.currency, settings.budget) == ("payments", "EUR", 5)


@pytest.mark.parametrize(
    ("replaced", "by", "expected"),
    [
        ("budget: 5", "bugdet: 5", "payments.yaml:14: analysis.bugdet: unknown key; did you mean 'budget'?"),
        ("budget: 5", "currency: USD", "payments.yaml:14: analysis.currency: state this at the top level"),
        ("Europe/Madrid", "Europe/Sereno", "payments.yaml:3: timezone: 'Europe/Sereno' is not a time zone"),
        ("paid_at: time", "paid_at: text", "payments.yaml:1: file: no column has the role 'time'"),
        ("supplier: entity", "supplier: entitty", "payments.yaml:11: columns.supplier.role: Input should be 'key'"),
        ("supplier: entity", "supplier: exposure", "payments.yaml:1: file: more than one column has the role"),
        ("batch: 7", "batch: 0", "payments.yaml:4: batch: Input should be greater than or equal to 1"),
        ("controller@example.com", "'x@y>\\nBcc: z'", "payments.yaml:2: owners:"),
        ("files: data/*.csv", "files: []", "payments.yaml:7: records.files: name at least one file or glob"),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, replaced: str, by: str, expected: str) -> None:
    with pytest.raises(MonitorError) as caught:
        load(tmp_path, MONITOR.replace(replaced, by))
    assert expected in str(caught.value)


def test_a_batch_covers_whole_local_days_over_summer_time(tmp_path: Path) -> None:
    start, end = load(tmp_path).batch_bounds(date(2026, 3, 29))
    assert (start.isoformat(), end.isoformat()) == ("2026-03-23T00:00:00+01:00", "2026-03-30T00:00:00+02:00")
    assert (end - start).days == 7
    assert end.timestamp() - start.timestamp() == timedelta(days=7, hours=-1).total_seconds()


def test_the_config_hash_follows_the_content(tmp_path: Path) -> None:
    assert load(tmp_path).config_hash() == load(tmp_path).config_hash()
    assert load(tmp_path).config_hash() != load(tmp_path, MONITOR.replace("budget: 5", "budget: 6")).config_hash()


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("rules: [{name: big, where: amuont > 1, text: t}]", 16, "did you mean 'amount'"),
        ("rules: [{name: big, where: amount >, text: t}]", 16, "no SQL predicate"),
        ("controls: [{table: control, count: n}]", 16, "none of the monitor's references"),
        ("allow: [{reason: because}]", 16, "name an entity, values or a type"),
        ("allow: [{type: benford}]", 16, "allow.0.reason: missing"),
        ("calendar: {payment_runs: [tuseday]}", 16, "calendar.payment_runs"),
        ("materiality: 0", 16, "materiality"),
    ],
)
def test_a_mistake_in_the_analysis_names_its_line(tmp_path: Path, section: str, line: int, said: str) -> None:
    with pytest.raises(MonitorError) as caught:
        load(tmp_path, MONITOR + f"  {section}\n")
    assert f"payments.yaml:{line}" in str(caught.value)
    assert said in str(caught.value)


def test_calendars_allowances_and_controls_are_read(tmp_path: Path) -> None:
    text = (
        MONITOR
        + """\
  materiality: 50000
  min_change_absolute: {amount: 100}
  calendar: {holidays: {2026-12-25: Navidad}, closing_days: [2026-01-08], payment_runs: [tuesday, 2026-01-02]}
  allow: [{entity: V7, type: round_amount, until: 2026-12-31, reason: rent}]
  controls: [{table: control, day: day, count: n, sums: {total: amount}, by: {book: supplier}, tolerance: 0.01}]
references: {control: {files: control.csv}}
"""
    )
    settings = load(tmp_path, text).analysis_settings()
    assert settings.calendar.holidays == {date(2026, 12, 25): "Navidad"}
    assert settings.calendar.payment_runs == ("tuesday", date(2026, 1, 2))
    assert settings.allow[0].until == date(2026, 12, 31)
    assert settings.controls[0].by == {"book": "supplier"}

"""The simulated customers: the same for the same seed, changes that are what they are called, decoys enough."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from analyzers.analyze import analyze
from analyzers.settings import Material
from flows.demo import customers
from flows.demo.customers_scene import RECENT
from flows.demo.truth import score
from flows.demo.walkthrough import example_monitors
from flows.monitors import load_monitor
from flows.sources.conforming import conform
from flows.sources.files import read_files

END = date(2026, 1, 15)


@pytest.fixture(scope="module")
def shops() -> customers.CustomersData:
    return customers.simulate(1, END)


def test_the_same_seed_gives_the_same_sales(shops: customers.CustomersData) -> None:
    again = customers.simulate(1, END)
    assert again.sales.equals(shops.sales)
    assert again.planted == shops.planted
    assert again.decoys == shops.decoys


@pytest.mark.parametrize(("seed", "end"), [(0, END), (2, date(2026, 8, 20)), (3, date(2027, 3, 31))])
def test_size_and_truth(seed: int, end: date) -> None:
    made = customers.simulate(seed, end)
    assert 40_000 < made.sales.height < 120_000
    assert 400 <= made.sales["customer"].n_unique() <= 800
    assert len(made.planted) >= 40
    assert len({planted.kind for planted in made.planted}) >= 8
    assert len(made.decoys) >= 200
    assert len({decoy.kind for decoy in made.decoys}) >= 10
    changed = [planted.entity for planted in made.planted]
    assert len(set(changed)) == len(changed)
    assert not set(changed) & {decoy.entity for decoy in made.decoys}


def test_planted_changes_are_what_they_are_called(shops: customers.CustomersData) -> None:
    for planted in shops.planted:
        own = shops.sales.filter(pl.col("customer") == planted.entity.removeprefix("customer="))
        past, now = (
            own.filter(part) for part in (pl.col("sold_at") < planted.start, pl.col("sold_at") >= planted.start)
        )
        days = (planted.end - planted.start).days
        usual = past.height / (planted.start - past["sold_at"][0]).days * days
        if planted.kind == "stopped":
            assert now.is_empty()
        elif planted.kind == "slower":
            assert now.height < 0.6 * usual
        elif planted.kind == "moved_place":
            assert now["store"].mode()[0] != past["store"].mode()[0]
        elif planted.kind in ("larger_basket", "smaller_basket"):
            larger = now["amount"].median() > past["amount"].median()  # type: ignore[operator]
            assert larger is (planted.kind == "larger_basket")
        elif planted.kind == "account_taken_over":
            assert now["section"].mode()[0] == "machines"


def test_decoys_reach_the_last_weeks_and_occur_before(shops: customers.CustomersData) -> None:
    kinds = Counter(decoy.kind for decoy in shops.decoys)
    assert min(kinds.values()) >= 5
    assert all((shops.batch_end - decoy.end).days <= RECENT for decoy in shops.decoys)
    beach = {decoy.entity.removeprefix("customer=") for decoy in shops.decoys if decoy.kind == "shut_every_winter"}
    winter = shops.sales.filter(pl.col("customer").is_in(beach) & (pl.col("sold_at").dt.month().is_in([12, 1, 2])))
    assert winter.is_empty()


def test_files_give_back_what_was_simulated_and_the_monitor_finds_most_of_it(
    shops: customers.CustomersData, tmp_path: Path
) -> None:
    customers.write(shops, tmp_path)
    monitor = load_monitor(example_monitors() / "customers.yaml")
    table = read_files([tmp_path / "sales-*.csv"], timezone=monitor.timezone)
    frame, quarantined = conform(table, monitor.described(), timezone=monitor.timezone, monitor="customers")
    assert quarantined.is_empty()
    expected = shops.sales.with_columns(pl.col("items").cast(pl.Float64))
    assert frame.select(expected.columns).sort("ticket").equals(expected.sort("ticket"))
    material = Material(
        columns=monitor.described(),
        history=frame.filter(pl.col("sold_at") < shops.batch_start),
        batch=frame.filter(pl.col("sold_at") >= shops.batch_start),
        settings=monitor.analysis_settings(),
        days=monitor.batch_days(END),
    )
    result = score(analyze(material).findings, shops.planted, shops.decoys, {})
    assert result.found >= 0.7 * result.planted
    assert result.true_findings >= 0.7 * result.findings

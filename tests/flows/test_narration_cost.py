"""What narration costs is measured, kept with the run and printed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from analyzers.results import FactKind
from flows.narration_cost import Meter
from flows.warehouse import Warehouse
from flows.warehouse.narratives import cost_of, store_cost
from reports.contents import Cost, Lang
from reports.narrator.engines import LlamaEngine, Tokens, default_model_path
from reports.narrator.narration import narrate
from reports.page import render_page
from tests.reports.sample_facts import example, finding
from tests.reports.sample_night import sample_night
from tests.reports.test_narrator import RandomEngine

COST = Cost(
    asked=4, tokens_read=12_345, tokens_written=678, seconds=9.5, processor_seconds=18.25, watt_hours=0.05
)  # fmt: skip


def test_energy_follows_from_processor_time() -> None:
    engine = RandomEngine(0)
    meter = Meter(engine, watts=36.0)
    with meter.running():
        engine.tokens = Tokens(90, 10)
        sum(number * number for number in range(2_000_000))
    cost = meter.read(asked=3)
    assert (cost.asked, cost.tokens_read, cost.tokens_written) == (3, 90, 10)
    assert cost.watt_hours == pytest.approx(cost.processor_seconds * 0.01)
    assert cost.processor_seconds > 0
    assert (cost + cost).tokens_read == 180
    assert (cost + cost.model_copy(update={"watt_hours": None})).watt_hours is None


def test_a_run_keeps_its_cost(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.writing() as connection:
        store_cost(connection, "run-1", COST)
    with warehouse.reading() as connection:
        assert cost_of(connection, "run-1") == COST
        assert cost_of(connection, "run-2") is None


@pytest.mark.parametrize("lang", get_args(Lang))
def test_the_last_section_of_the_report_states_it(lang: Lang) -> None:
    night = sample_night(lang)
    page = render_page(night.model_copy(update={"model": night.model.model_copy(update={"cost": COST})}))
    method = page[page.index('id="method"') :]
    said = {"en": "12,345 tokens read, 678 written", "es": "12.345 tokens leídos, 678 escritos"}[lang]
    assert said in method
    assert {"en": "about 0.05 Wh", "es": "unos 0,05 Wh"}[lang] in method


@pytest.mark.skipif(default_model_path() is None, reason="the default model is not installed")
def test_a_model_counts_what_it_reads_and_writes() -> None:
    path = default_model_path()
    assert path is not None
    engine = LlamaEngine(path)
    told = [finding(example(FactKind.DUPLICATE)), finding(example(FactKind.BELOW_LIMIT))]
    narrate(told, lang="en", engine=engine)
    first = engine.tokens
    narrate(told, lang="en", engine=engine)
    again = engine.tokens
    assert first.written > 10
    assert again.written == 2 * first.written
    # What all prompts share stays in the cache.
    assert again.read - first.read < first.read

"""`sereno scan` on tables that nobody tidied: a score for every row, the obvious on top, never a stack trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flows.cli import status

pytestmark = pytest.mark.xdist_group("scan")

ROWS = 150
FAR = 40
"""The row whose load is far from all others."""


def table() -> pl.DataFrame:
    random = np.random.default_rng(0)
    load = random.normal(50, 5, ROWS).round(3)
    load[FAR] = 900.0
    return pl.DataFrame(
        {
            "load": load,
            "heat": (load / 2 + random.normal(0, 1, ROWS)).round(3),
            "size": random.integers(100, 10_000, ROWS),
        }
    )


def text(frame: pl.DataFrame, separator: str = ",") -> str:
    return frame.write_csv(separator=separator)


def half(values: pl.Expr, value: str) -> pl.Expr:
    """The column as text, every second value replaced."""
    return pl.when(pl.int_range(pl.len()) % 2 == 1).then(pl.lit(value)).otherwise(values.cast(pl.String))


def european() -> str:
    comma = table().with_columns(
        pl.col("load", "heat").map_batches(lambda s: s.cast(pl.String).str.replace(".", ",", literal=True))
    )
    return text(comma, ";")


def with_times(times: list[str]) -> str:
    return text(table().with_columns(when=pl.Series([times[i % len(times)] for i in range(ROWS)])))


TABLES: dict[str, Callable[[], str]] = {
    "NaN": lambda: text(table().with_columns(heat=half(pl.col("heat"), "NaN"))),
    "infinities": lambda: text(table().with_columns(heat=half(pl.col("heat"), "inf"))),
    "beyond a float": lambda: text(table().with_columns(heat=half(pl.col("heat"), "1e300"))),
    "constant column": lambda: text(table().with_columns(same=pl.lit(7))),
    "all-null column": lambda: text(table().with_columns(none=pl.lit(None, pl.String))),
    "mostly empty column": lambda: text(table().with_columns(note=pl.when(pl.col("size") < 200).then(pl.lit("x")))),
    "integers as strings": lambda: table().write_csv(quote_style="always"),
    "leading zeros": lambda: text(table().with_columns(code=pl.col("size").cast(pl.String).str.zfill(8))),
    "European decimals": european,
    "one instant": lambda: with_times(["2026-01-05 10:00"]),
    "mixed time zones": lambda: with_times(
        ["2026-01-05T10:00:00+01:00", "2026-01-05T09:30:00Z", "2026-01-06T10:00:00"]
    ),
    "a summer-time night": lambda: with_times(["2026-03-29 02:30", "2026-10-25 02:30", "2026-03-29 01:59"]),
    "time going backwards": lambda: with_times([f"2026-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(150)][::-1]),
    "the year 1": lambda: with_times(["0001-01-01 00:00", "2026-01-05 10:00", "9999-12-31 23:59"]),
}


def scores_of(tmp_path: Path, source: Path, *options: str) -> pl.DataFrame:
    target = tmp_path / "scores.parquet"
    done = status(
        ["scan", str(source), "--scores", str(target), "--report", str(tmp_path / "r.html"), "--no-llm", *options]
    )
    assert done == 0
    scores = pl.read_parquet(target)
    assert scores.select("row", "score", "severity", "flagged").null_count().sum_horizontal().item() == 0
    assert scores["score"].is_finite().all()
    return scores


@pytest.mark.parametrize("name", TABLES)
def test_untidy_tables_are_scored_and_the_obvious_is_on_top(name: str, tmp_path: Path) -> None:
    source = tmp_path / "table.csv"
    source.write_text(TABLES[name](), encoding="utf-8")
    scores = scores_of(tmp_path, source, "--shape", "events")
    assert scores["row"].to_list() == list(range(ROWS))
    assert FAR in scores.sort("score", descending=True)["row"].head(2).to_list()


def test_a_typed_file_that_says_text_is_believed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A CSV has no types and its numbers are recognised; Parquet has, and codes stored as text must stay codes."""
    source = tmp_path / "text.parquet"
    table().cast(pl.String).write_parquet(source)
    assert status(["scan", str(source), "--report", str(tmp_path / "r.html"), "--no-llm"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("sereno: ")
    assert "no number" in said
    table().with_columns(pl.col("size").cast(pl.String)).write_parquet(source)
    assert scores_of(tmp_path, source)["score"].arg_max() == FAR


@pytest.mark.parametrize("rows", [2, 3, 9, 10, 11])
def test_few_rows_are_scored_and_next_to_nothing_is_flagged(rows: int, tmp_path: Path) -> None:
    source = tmp_path / "few.csv"
    source.write_text(text(table().head(rows)), encoding="utf-8")
    scores = scores_of(tmp_path, source)
    assert scores.height == rows
    assert not scores["flagged"].any()


def test_one_row_is_judged_where_there_is_a_baseline(tmp_path: Path) -> None:
    source, normal = tmp_path / "one.csv", tmp_path / "normal.csv"
    source.write_text(text(table()[FAR]), encoding="utf-8")
    normal.write_text(text(table().filter(pl.int_range(pl.len()) != FAR)), encoding="utf-8")
    scores = scores_of(tmp_path, source, "--baseline", str(normal))
    assert scores.height == 1
    assert scores["flagged"][0]
    assert scores["p_value"][0] == pytest.approx(1 / ROWS)


def test_ten_thousand_categories_are_scored(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    load = random.normal(50, 5, 20_000)
    load[FAR] = 900.0
    wide = pl.DataFrame({"load": load, "kind": [f"k{i % 10_000}" for i in range(20_000)]})
    source = tmp_path / "kinds.csv"
    source.write_text(text(wide), encoding="utf-8")
    scores = scores_of(tmp_path, source, "--shape", "events")
    assert scores["score"].arg_max() == FAR
    assert scores["flagged"].sum() <= 3

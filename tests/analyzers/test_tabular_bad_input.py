"""Input that nobody would choose: the tabular analyzer survives it, scores every row and still sees the obvious."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from analyzers.analyze import analyze
from analyzers.columns import Column, Columns, Role, Shape
from analyzers.results import CheckStatus, GuaranteeKind
from analyzers.settings import AnalysisSettings, Material

COLUMNS = Columns(
    shape=Shape.EVENTS,
    columns=(
        Column(name="at", role=Role.TIME),
        Column(name="who", role=Role.ENTITY),
        Column(name="money", role=Role.EXPOSURE),
        Column(name="load", role=Role.MEASURE),
        Column(name="heat", role=Role.MEASURE),
        Column(name="kind", role=Role.CATEGORY),
        Column(name="note", role=Role.TEXT),
    ),
)
START = datetime(2026, 1, 1, tzinfo=UTC)
FAR = 7
"""The row of a batch that is far from all others."""


def records(n: int, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    load = random.normal(size=n)
    return pl.DataFrame(
        {
            "record_id": [f"r{seed}-{i}" for i in range(n)],
            "at": [START + timedelta(hours=6 * i) for i in range(n)],
            "who": [f"W{i}" for i in random.integers(0, 9, n)],
            "money": 100 * np.exp(random.normal(size=n) / 3),
            "load": load,
            "heat": load + random.normal(size=n) / 4,
            "kind": random.choice(["a", "b"], n),
            "note": ["some text"] * n,
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )


def far(frame: pl.DataFrame) -> pl.DataFrame:
    """One row with a load and an amount that no other comes near."""
    here = pl.int_range(pl.len()) == FAR
    return frame.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in (("load", 60.0), ("money", 900_000.0))
    )


def every_other(name: str, value: object) -> pl.Expr:
    """A column with a value put into every second row."""
    return pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)


ODD: dict[str, pl.Expr | list[pl.Expr]] = {
    "NaN": every_other("heat", float("nan")),
    "infinities": [every_other("heat", float("inf")), pl.when(pl.col("kind") == "a").then(-np.inf).alias("note")],
    "both infinities": pl.when(pl.col("heat") > 0).then(np.inf).otherwise(-np.inf).alias("heat"),
    "all NaN": pl.lit(float("nan")).alias("heat"),
    "constant": pl.lit(5.0).alias("heat"),
    "constant but for rounding": (pl.lit(0.1) * 3 + pl.col("heat") * 1e-17).alias("heat"),
    "huge": (pl.col("heat") * 1e300).alias("heat"),
    "tiny": (pl.col("heat") * 1e-310).alias("heat"),
    "nearly all equal": pl.when(pl.int_range(pl.len()) < 2).then(pl.col("heat")).otherwise(0.0).alias("heat"),
    "all null measure": pl.lit(None, pl.Float64).alias("heat"),
    "all null time": pl.lit(None, pl.Datetime("us", "UTC")).alias("at"),
    "some null times": every_other("at", None),
    "one instant": pl.lit(START).cast(pl.Datetime("us", "UTC")).alias("at"),
    "time going backwards": pl.col("at").reverse(),
    "year 1": every_other("at", datetime(1, 1, 1, tzinfo=UTC)).cast(pl.Datetime("us", "UTC")),
    "all null entity": pl.lit(None, pl.String).alias("who"),
    "one entity": pl.lit("W").alias("who"),
    "an entity a record": pl.col("record_id").alias("who"),
    "all null category": pl.lit(None, pl.String).alias("kind"),
    "a category a record": pl.col("record_id").alias("kind"),
    "truth values": (pl.col("load") > 0).alias("kind"),
    "null texts": pl.lit(None, pl.String).alias("note"),
    "long texts": every_other("note", "x" * 50_000),
    "integers": pl.col("heat").cast(pl.Int64).alias("heat"),
    "decimals": pl.col("heat").cast(pl.Decimal(18, 4)).alias("heat"),
}


def check_scores(material: Material) -> pl.DataFrame:
    """The scores of the whole analysis: a line a row, every value what the contract says."""
    found = analyze(material)
    scores = found.scores
    assert scores["row"].to_list() == list(range(material.batch.height))
    assert scores.select("score", "severity", "flagged").null_count().sum_horizontal().item() == 0
    assert scores["score"].is_finite().all()
    assert scores["severity"].is_between(0, 100).all()
    assert scores["p_value"].drop_nulls().is_between(0, 1, closed="right").all()
    return scores


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("with_history", [True, False])
def test_odd_columns_are_survived_and_the_obvious_is_still_seen(name: str, with_history: bool) -> None:
    odd = ODD[name]
    batch = far(records(120, 2)).with_columns(odd)
    history = records(300, 1).with_columns(odd)
    given = Material(COLUMNS, history if with_history else history.clear(), batch, AnalysisSettings())
    scores = check_scores(given)
    # Within the first three: some of the odd columns hold values that are as odd.
    assert FAR in scores.sort("score", descending=True)["row"].head(3).to_list()


@pytest.mark.parametrize("n_history", [0, 1, 2, 9, 10, 11, 40])
@pytest.mark.parametrize("n_batch", [1, 2, 3])
def test_few_rows_are_survived_and_what_cannot_be_said_is_not(n_history: int, n_batch: int) -> None:
    given = Material(COLUMNS, records(n_history, 1), records(n_batch, 2), AnalysisSettings())
    scores = check_scores(given)
    checks = [check for check in analyze(given).checks if check.name == "ensemble"]
    if n_history < 10:
        assert [check.status for check in checks] == [CheckStatus.SKIPPED]
        assert scores["score"].abs().max() == 0
    else:
        assert [check.status for check in checks] == [CheckStatus.DONE]
        assert scores["p_value"].null_count() == 0


@pytest.mark.parametrize("n", [2, 10, 39, 41])
def test_equal_rows_are_all_as_strange(n: int) -> None:
    one = records(1, 1)
    batch = pl.concat([one] * n).with_columns(record_id=pl.int_range(pl.len()).cast(pl.String))
    scores = check_scores(Material(COLUMNS, batch.clear(), batch, AnalysisSettings()))
    assert scores["score"].n_unique() == 1
    assert not scores["flagged"].any()


def test_ten_thousand_categories_are_survived_and_none_is_strange_for_being_rare() -> None:
    batch = far(records(10_000, 3)).with_columns(kind=pl.concat_str(pl.lit("k"), pl.int_range(pl.len())))
    columns = COLUMNS.model_copy(
        update={"columns": tuple(c for c in COLUMNS.columns if c.name in ("money", "load", "kind"))}
    )
    batch = batch.select("record_id", "money", "load", "kind")
    scores = check_scores(Material(columns, batch.clear(), batch, AnalysisSettings()))
    assert scores["score"].arg_max() == FAR
    assert scores["flagged"].sum() <= 3


def test_more_columns_than_rows_are_survived() -> None:
    random = np.random.default_rng(0)
    wide = pl.DataFrame(random.normal(size=(30, 80)), schema=[f"x{i}" for i in range(80)])
    columns = Columns(shape=Shape.EVENTS, columns=tuple(Column(name=n, role=Role.MEASURE) for n in wide.columns))
    batch = wide.with_columns(record_id=pl.int_range(pl.len()).cast(pl.String))
    check_scores(Material(columns, batch.clear(), batch, AnalysisSettings()))
    check_scores(Material(columns, batch, batch, AnalysisSettings()))


def test_a_history_too_small_for_its_rate_says_so() -> None:
    """Of 300 held-out records the smallest p-value is 1 in 301: too large to single out one of 120 at a tenth."""
    given = Material(COLUMNS, records(300, 1), far(records(120, 2)), AnalysisSettings())
    guarantee = analyze(given).guarantees[0]
    assert guarantee.kind is GuaranteeKind.FDR
    assert guarantee.smallest_p == pytest.approx(1 / (guarantee.calibration_size + 1))
    assert guarantee.too_small

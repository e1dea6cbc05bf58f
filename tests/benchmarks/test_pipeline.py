"""The pipeline benchmark: what it generates is what it says, and what it watches is what happened."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import pipeline
from benchmarks.pipelines import generated, page, rivals
from benchmarks.pipelines.measuring import exponent, measure_nights, measure_scans
from benchmarks.pipelines.watching import watch


def test_records_are_in_order_of_days_with_the_planted_where_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated, "BLOCK", 4_000)
    made = generated.generate(tmp_path / "a", 10_000)
    frame = pl.read_parquet(made.parquet)
    assert frame.shape == (10_000, 20)
    assert frame["posted_at"].dt.date().is_sorted()
    assert frame["id"].n_unique() == 10_000
    assert frame["posted_at"].dt.date().n_unique() == generated.DAYS
    assert len(made.planted) == 10_000 // generated.PLANTED_EVERY
    usual = frame.select("quantity", "unit_price", hour=pl.col("posted_at").dt.hour()).quantile(0.99).row(0)
    for row, kind in made.planted.items():
        quantity, price, hour = frame.select("quantity", "unit_price", pl.col("posted_at").dt.hour()).row(row)
        strange = {
            "amount": price > usual[1],
            "price": frame["discount"][row] == 0.9,
            "hour": hour < 6,
            "quantity": quantity == 400,
        }
        assert strange[kind]
    again = generated.generate(tmp_path / "b", 10_000)
    assert again.csv.read_bytes() == made.csv.read_bytes()
    assert again.planted == made.planted


def test_a_command_is_watched_with_its_children() -> None:
    block = 300 * 2**20
    child = f"import time; b = bytearray({block}); b[::4096] = b'x' * len(b[::4096]); time.sleep(0.5)"
    parent = (
        "import subprocess, sys; sys.stderr.write('analyzing\\n'); "
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True); print('done')"
    )
    watched = watch([sys.executable, "-c", parent])
    assert watched.output == "done\n"
    assert [line for _, line in watched.said] == ["analyzing"]
    assert watched.peak > 300
    assert watched.processor > 0
    with pytest.raises(RuntimeError, match="exit status 3: gone"):
        watch([sys.executable, "-c", "import sys; sys.stderr.write('gone\\n'); sys.exit(3)"])


@pytest.mark.long
def test_scans_and_nights_are_measured_from_end_to_end(tmp_path: Path) -> None:
    (scan,) = measure_scans(tmp_path, [3_000], lambda _: None)
    assert scan["ratio"] == pytest.approx(scan["csv"]["seconds"] / scan["floor"]["seconds"], abs=0.01)
    assert set(scan["csv"]["stages"]) == {"read", "analyze", "explain and write"}
    assert sum(scan["csv"]["stages"].values()) == pytest.approx(scan["csv"]["seconds"], abs=0.1)
    (night,) = measure_nights(tmp_path, [3_000], lambda _: None)
    assert night["first"]["seconds"] > 0
    assert night["nothing_new"]["seconds"] > 0
    assert night["nothing_new_served"]["seconds"] > 0


def test_what_is_found_is_counted_at_the_same_number_of_flags() -> None:
    scores = np.array([0.1, 0.9, 0.4, 0.9, 0.2, 0.8])
    flagged = rivals.strangest(scores, 2)
    assert flagged.tolist() == [False, True, False, True, False, False]
    assert rivals.found(flagged, scores, {3: "hour", 5: "price"}) == {
        "found": 1,
        "found_by_kind": {"hour": 1},
        "average_precision": pytest.approx((1 / 2 + 2 / 3) / 2, abs=0.001),
    }


def test_rivals_that_are_not_installed_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rivals, "_NEEDED", ("polars", "no_such_package"))
    monkeypatch.setattr(sys, "argv", ["pipeline.py", "--rivals"])
    with pytest.raises(SystemExit) as ended:
        pipeline.main()
    assert ended.value.code == 2
    assert "no_such_package missing; `make bench-rivals`" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.skipif(bool(rivals.missing()), reason="what a user would pick instead is not installed")
def test_rivals_are_measured_from_end_to_end(tmp_path: Path) -> None:
    (measured,) = rivals.measure_rivals(tmp_path, [5_000], lambda _: None)
    assert measured["planted"] == 1
    names = {"sereno", "per metric", *(f"pandas + PyOD: {name}" for name in ("IForest", "ECOD", "IForest + ECOD"))}
    assert names <= set(measured)
    assert all(measured[name]["peak"] > 50 for name in names)


def test_growth_is_the_slope_of_logarithms() -> None:
    results = [{"rows": rows, "value": 3.0 * rows**0.5} for rows in (100, 1_000, 10_000)]
    assert exponent(results, lambda one: one["value"]) == 0.5
    assert exponent(results[:1], lambda one: one["value"]) is None


def test_what_got_worse_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_FIGURES", tmp_path / "figures.json")
    assert "run with --keep" in pipeline._worse({"a": 1.0})[0]
    (tmp_path / "figures.json").write_text(json.dumps({"a": 1.0, "b": 2.0}))
    assert pipeline._worse({"a": 1.1, "b": 2.0, "new": 9.0}) == []
    assert pipeline._worse({"a": 1.2, "b": 2.0}) == ["worse: a is 1.2, was 1.0"]


def test_the_page_and_the_readme_say_what_was_measured() -> None:
    taken = {"seconds": 12.0, "processor": 20.0, "peak": 1_024.0}
    stages = {"read": 2.0, "analyze": 9.0, "explain and write": 1.0}
    scans = [
        {
            "rows": rows,
            "csv": {**taken, "peak": peak, "stages": stages},
            "parquet": taken,
            "floor": {"seconds": 6.0},
            "floor_all_cores": {"seconds": 4.0},
            "ratio": 2.0,
            "ratio_all_cores": 3.0,
        }
        for rows, peak in ((100_000, 512.0), (1_000_000, 1_024.0), (10_000_000, 5_120.0))
    ]
    kinds = ("first", "next", "nothing_new", "nothing_new_served", "import_of_prefect")
    report = {
        "machine": {"date": "2026-12-01", "cores": 2, "processor": "some", "memory_gib": 24},
        "code": "0.1.0",
        "scans": scans,
        "nights": [{"rows": 1_000_000, **{kind: {**taken, "seconds": 4.0} for kind in kinds}}],
        "figures": {"scan: exponent of time": 1.1, "scan: exponent of memory": 0.5},
    }
    shown = page.render(report)
    assert "| 10,000,000 | 12.0 s | 20.0 s | 2.0 s | 9.0 s | 1.0 s | 5120 MiB |" in shown
    assert "2026-12-01 on 2 cores (some), 24 GiB" in shown
    readme = Path("README.md").read_text(encoding="utf-8")
    written = page.in_readme(readme, report)
    assert "times the floor; peak | 1.5; 1.5 GiB | **2** (12.0 s); 1 GiB | `make bench-pipeline` |" in written
    assert "4 GiB; n^1.05; n^0.5 | **5** GiB (12 s); n^**1.1**; n^0.5 | same |" in written
    assert "server start included | 10 s | 4 s | same |" in written
    assert len(written.split("\n")) == len(readme.split("\n"))
    with pytest.raises(ValueError, match="0 rows begin with 'scan of 1 M"):
        page.in_readme("# nothing\n", report)

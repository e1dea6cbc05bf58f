"""Charts of what is small and lasts, and of all measures together: each sees a case that no other chart sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from analyzers.columns import Column, Role
from analyzers.results import ControlChart, FactKind, Statistic
from analyzers.series import analyze_series, assets
from analyzers.series.charts import Aspect
from analyzers.series.episodes import find_episodes
from analyzers.series.joint import distances_of
from analyzers.series.limits import ALARM
from analyzers.series.numeric import Floats
from analyzers.series.subgroups import cusum, ewma, run_deviates, subgroup_charts, subgroup_means
from analyzers.series.watch import AssetWatch, watch_asset
from analyzers.settings import AnalysisSettings, EarlierEpisode, SeriesSettings
from tests.analyzers.test_series import START, changed, material, plant, process_flags


@pytest.fixture
def watches(monkeypatch: pytest.MonkeyPatch) -> list[AssetWatch]:
    """What `analyze_series` watched."""
    seen: list[AssetWatch] = []

    def remembered(*given: Any) -> AssetWatch | None:
        watch = watch_asset(*given)
        seen.extend([watch] if watch else [])
        return watch

    monkeypatch.setattr(assets, "watch_asset", remembered)
    return seen


def alarming(watch: AssetWatch) -> set[Aspect]:
    """Aspects of the charts that by themselves reach the limit within the batch."""
    batch = np.abs(watch.scored.deviations[watch.first_batch :])
    beyond = np.sqrt(ALARM) * 1.1
    return {
        chart.aspect for chart, far in zip(watch.charted.charts, batch.T, strict=True) if float(far.max()) >= beyond
    }


LONG, HISTORY = 12_000, 8_000


def test_a_small_slow_drift_is_seen_by_the_cusum_alone(watches: list[AssetWatch]) -> None:
    quiet = plant(LONG, 4)
    assert process_flags(analyze_series(material(quiet, HISTORY))) == []
    drifting = changed(quiet, "vibration", 9_000, LONG, np.linspace(0, 0.055, 3_000))
    (flag,) = process_flags(analyze_series(material(drifting, HISTORY)))
    assert flag.subject.id == "vibration"
    assert flag.type in {"drift", "level_shift"}
    assert Aspect.CUSUM in alarming(watches[-1]) <= {Aspect.CUSUM, Aspect.EWMA}
    (fact,) = [fact for fact in flag.facts if fact.kind is FactKind.ONE_SIDED]
    assert fact.ratio is not None
    assert 0.1 < fact.ratio < 0.6
    drawn = flag.chart
    assert isinstance(drawn, ControlChart)
    assert (drawn.feature, drawn.statistic, drawn.textbook) == ("vibration", Statistic.CUSUM, 5.0)
    # The limit is the textbook's or wider, no point before the episode lies beyond it, and the episode's furthest does.
    assert drawn.limit >= drawn.textbook
    before = [value for value, time in zip(drawn.values, drawn.times, strict=True) if time < drawn.start]
    within = [value for value, time in zip(drawn.values, drawn.times, strict=True) if time >= drawn.start]
    assert max(map(abs, before)) < drawn.limit <= max(within)


def balanced(rows: int, offset: float) -> Floats:
    """Readings as noisy as the plant's, whose means over five lie just beside their level all the time."""
    noise = np.random.default_rng(1).normal(size=(rows // 5, 5))
    noise -= noise.mean(axis=1, keepdims=True)
    return np.asarray(2 + offset + 0.1 * np.sqrt(5 / 4) * noise.ravel())


def test_western_electric_rules_are_a_choice_and_see_runs_alone(watches: list[AssetWatch]) -> None:
    frame = plant(LONG, 4)
    vibration = frame["vibration"].to_numpy().copy()
    vibration[9_000:10_500] = balanced(1_500, 0.018)
    patterned = frame.with_columns(vibration=pl.Series(vibration))
    assert process_flags(analyze_series(material(patterned, HISTORY))) == []
    assert Aspect.RUNS not in {chart.aspect for chart in watches[-1].charted.charts}
    outcome = analyze_series(material(patterned, HISTORY, series=SeriesSettings(western_electric=(4,))))
    assert alarming(watches[-1]) == {Aspect.RUNS}
    assert {flag.subject.id for flag in process_flags(outcome)} == {"vibration"}


def test_all_measures_together_see_what_none_does_alone(watches: list[AssetWatch]) -> None:
    rng = np.random.default_rng(2)
    names = [f"m{number}" for number in range(24)]
    values = rng.normal(size=(3_000, 24))
    values[2_500:2_700] += 0.5 * np.resize([1, -1], 24)
    frame = plant(3_000).select("time").with_columns(pl.Series(name, values[:, i]) for i, name in enumerate(names))
    extra = tuple(Column(name=name, role=Role.MEASURE) for name in names)
    (flag,) = process_flags(analyze_series(material(frame, 2_000, extra=extra)))
    assert flag.type == "joint_change"
    assert alarming(watches[-1]) <= {Aspect.T2, Aspect.Q}
    assert flag.facts[0].kind is FactKind.JOINT_DISTANCE
    assert len(str(flag.facts[0].values["columns"]).split(",")) == 3


def test_t2_and_q_are_those_of_the_textbook_outside_the_baseline() -> None:
    rng = np.random.default_rng(3)
    plane = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 5)) + 0.05 * rng.normal(size=(400, 5))
    baseline = np.arange(400) < 300
    got = distances_of(plane, baseline) ** 3
    center, scale = plane[:300].mean(axis=0), plane[:300].std(axis=0)
    z = (plane - center) / scale
    variances, vectors = np.linalg.eigh(np.cov(z[:300], rowvar=False))
    kept = vectors[:, -2:]
    t2 = ((z @ kept) ** 2 / variances[-2:]).sum(axis=1)
    q = ((z - z @ kept @ kept.T) ** 2).sum(axis=1)
    assert got[300:] == pytest.approx(np.column_stack([t2, q])[300:], rel=1e-6)


def test_charts_of_subgroups_are_their_recursions() -> None:
    apart = np.random.default_rng(4).normal(0.2, 1, size=(60, 2))
    high = low = mean = np.zeros(2)
    for row, now in enumerate(apart):
        high, low = np.maximum(high + now - 0.5, 0), np.maximum(low - now - 0.5, 0)
        mean = 0.8 * mean + 0.2 * now
        assert np.abs(cusum(apart)[row]) == pytest.approx(np.maximum(high, low))
        assert ewma(apart)[row] == pytest.approx(mean / np.sqrt(0.2 / 1.8))


def test_western_electric_limits_are_three_deviations_at_the_rules_own_lines() -> None:
    flat = np.zeros((12, 1))
    assert run_deviates(np.full((3, 1), 3.0), (1,))[-1, 0] == pytest.approx(3.0, abs=1e-6)
    two_of_three = np.array([[0.0], [2.2], [2.2]])
    assert run_deviates(two_of_three, (2,))[-1, 0] == pytest.approx(norm.isf(3 * norm.sf(2.2) ** 2), abs=1e-6)
    assert run_deviates(flat - 0.1, (4,))[7, 0] == pytest.approx(-norm.isf(2.0**-8), abs=1e-6)
    assert subgroup_means(np.arange(7.0)[:, None], 3).ravel().tolist() == [1.0, 4.0]
    assert subgroup_charts({}, np.ones(5, dtype=bool), (), robust=False).charts == ()


def test_the_deadband_keeps_an_episode_open() -> None:
    score = np.full(300, 2.0)
    score[50:100], score[100:160], score[160:200] = 30, 8, 30
    assert len(find_episodes(score)) == 1
    assert len(find_episodes(score, quiet=ALARM * 0.5)) == 2


def test_nothing_is_learnt_from_an_earlier_open_episode() -> None:
    frame = changed(plant(3_000), "vibration", 1_200, 3_000, 0.5)
    plain = material(frame, 2_000)
    assert process_flags(analyze_series(plain)) == []
    known = EarlierEpisode("vibration", START + timedelta(minutes=1_200), None)
    outcome = analyze_series(replace(plain, earlier_episodes=(known,)))
    (flag,) = process_flags(outcome)
    assert flag.open is True
    (check,) = [check for check in outcome.checks if check.code == "series_left_out"]
    assert check.values["count"] == 800
    elsewhere = replace(plain, earlier_episodes=(replace(known, subject="P2/vibration"),))
    assert process_flags(analyze_series(elsewhere)) == []


def test_a_new_normal_is_learnt_from_its_date_on() -> None:
    frame = changed(plant(4_000), "vibration", 1_440, 4_000, 0.5)
    old = frame[:1_440].vstack(frame[1_440:1_900])
    history = pl.concat([old, frame[1_900:2_800]])
    given = material(pl.concat([history, frame[2_800:]]), 2_800)
    accepted = SeriesSettings(new_normal={"*": date(2026, 1, 6)})
    known = EarlierEpisode("vibration", START + timedelta(minutes=1_440), START + timedelta(minutes=1_500))
    before = replace(given, earlier_episodes=(replace(known, time_to=None),))
    assert len(process_flags(analyze_series(before))) == 1
    after = replace(given, settings=AnalysisSettings(series=accepted))
    outcome = analyze_series(after)
    assert process_flags(outcome) == []
    assert "series_new_normal" in {check.code for check in outcome.checks}


def test_an_episode_starts_no_earlier_than_its_evidence() -> None:
    starts = []
    for seed in range(6):
        frame = changed(plant(3_000, seed), "vibration", 2_500, 2_700, 0.5)
        (flag,) = process_flags(analyze_series(material(frame, 2_000)))
        assert flag.time_from is not None
        starts.append((flag.time_from - START).total_seconds() / 60 - 2_500)
    assert max(abs(start) for start in starts) <= 5

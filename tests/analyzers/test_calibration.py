from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.calibration import BulkNull, Calibration, Decision, benjamini_hochberg, null_share, severity
from analyzers.calibration import decide as decide_by_detector
from analyzers.results import GuaranteeKind


def decide(batch: np.ndarray, history: np.ndarray, fdr: float) -> Decision:
    """The decision of a single detector."""
    return decide_by_detector(batch[None], Calibration.of([history] if len(history) else []), fdr)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(20, 300), level=st.floats(0.02, 0.5))
def test_p_values_are_super_uniform_under_the_null(seed: int, n: int, level: float) -> None:
    random = np.random.default_rng(seed)
    draws = random.standard_t(3, size=(400, n + 1))
    p_values = np.array([Calibration.of([row[:-1]]).p_values(row[None, -1:])[0] for row in draws])
    assert (p_values <= level).mean() <= level + 4 * np.sqrt(level * (1 - level) / len(draws))


def test_p_values_of_folds_are_super_uniform_whatever_each_detector_s_scale() -> None:
    p_values = []
    for seed in range(300):
        random = np.random.default_rng(seed)
        rows = random.exponential(size=101)
        scales = np.array([1.0, 10.0, 0.1, 3.0])
        folds = [scale * fold for scale, fold in zip(scales, np.array_split(rows[:100], 4), strict=True)]
        p_values.append(Calibration.of(folds).p_values(scales[:, None] * rows[100])[0])
    for level in (0.05, 0.1, 0.3):
        assert np.mean(np.array(p_values) <= level) <= level + 4 * np.sqrt(level * (1 - level) / 300)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.5))
def test_benjamini_hochberg_agrees_with_its_definition(p_values: list[float], fdr: float) -> None:
    ordered = sorted(p_values)
    n = len(ordered)
    passed = [value for rank, value in enumerate(ordered, 1) if value <= fdr * rank / n]
    expected = [value <= max(passed) for value in p_values] if passed else [False] * n
    assert benjamini_hochberg(np.array(p_values), fdr).tolist() == expected


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1_000))
def test_severity_rises_with_the_score(seed: int) -> None:
    random = np.random.default_rng(seed)
    null, scores = random.normal(size=300), np.sort(random.normal(scale=4, size=200))
    values = severity(null, scores)
    assert (np.diff(values) >= -1e-9).all()
    assert values.min() >= 0
    assert values.max() <= 100


def test_the_tail_of_the_bulk_null_follows_an_exponential() -> None:
    scores = np.random.default_rng(0).exponential(size=200_000)
    p_values = BulkNull.of(scores).p_values(np.log(np.array([100.0, 1e4, 1e6])))
    assert np.abs(np.log10(p_values) + np.array([2, 4, 6])).max() < 0.5


def test_the_null_of_the_bulk_is_blind_to_anomalies() -> None:
    random = np.random.default_rng(0)
    clean = random.normal(size=5_000)
    soiled = np.concatenate([clean, np.full(50, 12.0)])
    a, b = (BulkNull.of(scores).log10_survival(np.array([6.0]))[0] for scores in (clean, soiled))
    assert abs(a - b) < 0.5


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1_000), n=st.integers(2, 400), ties=st.integers(0, 3))
def test_p_values_of_the_bulk_fall_with_the_score_and_are_shares(seed: int, n: int, ties: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.normal(size=n).round(ties)
    p_values = BulkNull.of(scores).p_values(np.sort(random.normal(scale=5, size=200)))
    assert (np.diff(p_values) <= 1e-12).all()
    assert ((p_values >= 0) & (p_values <= 1)).all()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1_000), shape=st.sampled_from(["normal", "exponential", "t"]))
def test_trimming_costs_a_clean_history_next_to_nothing(seed: int, shape: str) -> None:
    """What it takes away from the tail may make the smallest p-values too small; by how much is bounded here."""
    random = np.random.default_rng(seed)
    sizes = (4_000, 20_000)
    if shape == "t":
        history, batch = (random.standard_t(10, size) for size in sizes)
    else:
        history, batch = (random.normal(size=n) if shape == "normal" else random.exponential(size=n) for n in sizes)
    p_values = Calibration.of([history]).trimmed().p_values(batch[None])
    for level in (0.005, 0.02, 0.1):
        # Its own error (the history's quantile) and the batch's.
        assert (p_values <= level).mean() <= level + 5 * np.sqrt(level * (1 / 4_000 + 1 / 20_000))


def test_an_uncleaned_history_does_not_hide_its_like() -> None:
    random = np.random.default_rng(0)
    history = np.concatenate([random.exponential(size=20_000), random.uniform(25, 30, size=100)])
    batch = np.concatenate([random.exponential(size=1_000), np.full(5, 27.0)])
    assert len(Calibration.of([history]).trimmed()) == pytest.approx(20_000, abs=100)
    decision = decide(batch, history, 0.1)
    assert decision.flagged[1_000:].all()
    assert decision.flagged[:1_000].sum() <= 2


def test_a_clean_history_is_left_as_it_is() -> None:
    for seed in range(5):
        scores = np.random.default_rng(seed).gamma(3, size=5_000)
        assert len(Calibration.of([scores]).trimmed()) >= 4_990


def test_the_false_discovery_rate_is_kept() -> None:
    shares = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        batch = np.concatenate([random.normal(size=950), random.normal(4.5, 1, size=50)])
        flagged = decide(batch, random.normal(size=5_000), 0.1).flagged
        shares.append(flagged[:950].sum() / max(flagged.sum(), 1))
    assert np.mean(shares) <= 0.12


def test_the_null_share_follows_anomalies() -> None:
    random = np.random.default_rng(0)
    anomalous = np.concatenate([random.uniform(size=9_000), np.full(1_000, 1e-4)])
    assert null_share(anomalous) == pytest.approx(0.9, abs=0.02)
    assert null_share(np.sqrt(random.uniform(size=10_000))) == 1.0
    assert null_share(np.zeros(0)) == 1.0


def test_a_shift_of_the_whole_batch_is_told_and_flags_only_what_stands_out_of_the_batch() -> None:
    random = np.random.default_rng(0)
    history = random.normal(size=4_000)
    batch = random.normal(loc=3.5, size=500)
    batch[:3] = 12.0
    shifted = decide(batch, history, 0.1)
    assert shifted.flagged[:3].all()
    assert shifted.flagged[3:].sum() <= 2
    assert shifted.guarantee.shifted > 250
    usual = decide(np.concatenate([random.normal(size=450), random.normal(loc=6, size=50)]), history, 0.1)
    assert usual.guarantee.shifted == 0
    assert usual.flagged[450:].mean() > 0.9


def test_the_guarantee_says_what_it_stands_on() -> None:
    random = np.random.default_rng(0)
    with_history = decide(random.normal(size=100), random.normal(size=500), 0.1).guarantee
    assert with_history.kind is GuaranteeKind.FDR
    assert with_history.smallest_p == pytest.approx(1 / (with_history.calibration_size + 1))
    assert with_history.too_small
    assert not decide(random.normal(size=10), random.normal(size=500), 0.1).guarantee.too_small
    ranking = decide(random.normal(size=100), np.zeros(0), 0.1)
    assert ranking.guarantee.kind is GuaranteeKind.RANKING
    assert ranking.p_values is None

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from analyzers.proportions import LEVEL, interval, upper_bound

CASES = st.integers(1, 120)
SHARES = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


@given(CASES, SHARES)
@settings(max_examples=40, deadline=None)
def test_the_bound_holds_in_95_of_100_samples_whatever_the_share(cases: int, share: float) -> None:
    holding = [hits for hits in range(cases + 1) if upper_bound(hits, cases) >= share]
    assert np.sum(binom.pmf(holding, cases, share)) >= LEVEL - 1e-9


@given(CASES, SHARES)
@settings(max_examples=40, deadline=None)
def test_so_does_the_interval(cases: int, share: float) -> None:
    limits = [interval(hits, cases) for hits in range(cases + 1)]
    covering = [hits for hits, (low, high) in enumerate(limits) if low <= share <= high]
    assert np.sum(binom.pmf(covering, cases, share)) >= LEVEL - 1e-9


@given(CASES, st.integers(0, 119))
@settings(max_examples=60, deadline=None)
def test_more_hits_raise_it_and_more_cases_without_one_lower_it(cases: int, hits: int) -> None:
    hits = min(hits, cases - 1)
    assert upper_bound(hits, cases) < upper_bound(hits + 1, cases)
    assert upper_bound(hits, cases + 1) < upper_bound(hits, cases)


def test_known_values() -> None:
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert upper_bound(0, 0) == 1.0
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(5, 5)[1] == 1.0

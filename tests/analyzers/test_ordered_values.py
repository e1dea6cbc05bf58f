"""Percentiles of sorted values are those of NumPy, with and without one of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzers.ordered_values import OrderedValues

VALUES = st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=2, max_size=60)
SHARES = (0.0, 0.1, 0.25, 0.5, 0.9, 1.0)


@given(VALUES)
def test_percentiles_are_numpys(values: list[float]) -> None:
    ordered = OrderedValues.of(np.array(values))
    assert len(ordered) == len(values)
    assert ordered.quantiles(SHARES) == tuple(np.quantile(values, SHARES))
    assert ordered.median() == np.median(values)


@given(VALUES, st.data())
def test_one_value_is_left_out(values: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    rest = [value for at, value in enumerate(values) if at != place]
    ordered = OrderedValues.of(np.array(values)).without(values[place])
    assert len(ordered) == len(rest)
    assert ordered.quantiles(SHARES) == tuple(np.quantile(rest, SHARES))
    assert ordered.median() == np.median(rest)
    shown = ordered.spread(5)
    assert len(shown) <= 5
    assert (shown[0], shown[-1]) == (min(rest), max(rest))


def test_what_is_no_number_does_not_count_and_an_unknown_value_leaves_all() -> None:
    ordered = OrderedValues.of(np.array([3.0, np.nan, 1.0, np.inf]))
    assert len(ordered) == 2
    assert len(ordered.without(2.0)) == 2
    assert ordered.without(1.0).spread(5).tolist() == [3.0]

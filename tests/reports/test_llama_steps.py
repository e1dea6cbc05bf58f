"""What sequences begin with alike is decoded once, and nothing else is left out, moved or mixed up."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.narrator.llama import _alike, _Sequence, _steps


def _sequence(slot: int, waiting: list[int], *, holder: int | None = 20, answer: bool = False) -> _Sequence:
    empty = np.empty(0, np.int32)
    return _Sequence(slot, 7, waiting, None, empty, answer=[1] if answer else [], holder=holder)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=8))
def test_steps_spell_every_sequence_and_share_each_beginning_once(waiting: list[list[int]]) -> None:
    sequences = [_sequence(slot, tokens) for slot, tokens in enumerate(waiting, start=1)]
    steps = list(_steps(sequences))
    for sequence in sequences:
        own = [step for step in steps if sequence.slot in step.slots]
        assert [step.token for step in own] == sequence.waiting
        assert [step.position for step in own] == list(range(7, 7 + len(sequence.waiting)))
        assert [sequence in step.ending for step in own] == [False] * (len(own) - 1) + [True]
    beginnings = {tuple(tokens[:end]) for tokens in waiting for end in range(1, len(tokens) + 1)}
    assert len(steps) == len(beginnings)


def test_only_sequences_of_one_beginning_that_have_answered_nothing_share() -> None:
    sequences = [_sequence(1, [5]), _sequence(2, [5]), _sequence(3, [5], holder=21), _sequence(4, [5], answer=True)]
    groups = [[one.slot for one in group] for group in _alike(sequences)]
    assert sorted(groups) == [[1, 2], [3], [4]]

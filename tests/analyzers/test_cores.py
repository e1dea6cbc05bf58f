"""Work over all cores gives what one core gives, in the same order."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from analyzers import cores


def test_parts_come_back_in_order_and_blas_stays_in_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 3)
    before = [each["num_threads"] for each in threadpool_info()]

    def made(part: int) -> tuple[int, set[int]]:
        np.ones((8, 8)) @ np.ones((8, 8))
        return part, {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    assert cores.on_all_cores(made, [4, 2, 7, 1]) == [(part, {1}) for part in (4, 2, 7, 1)]
    assert [each["num_threads"] for each in threadpool_info()] == before


def test_one_core_needs_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 1)
    assert cores.on_all_cores(lambda part: part * 2, [1, 2]) == [2, 4]
    assert cores.on_all_cores(lambda part: part * 2, []) == []

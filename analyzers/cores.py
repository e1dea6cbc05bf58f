"""How many threads may compute at once: the one place that says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Part = TypeVar("Part")
Made = TypeVar("Made")


def cores() -> int:
    """Processor cores that this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_all_cores(make: Callable[[Part], Made], parts: list[Part]) -> list[Made]:
    """`make` of each part, in order, a thread a core; what it calls in BLAS stays within its thread.

    For work that leaves the interpreter free: NumPy, BLAS and scikit-learn release its lock.
    """
    threads = min(cores(), len(parts))
    if threads < 2:
        return [make(part) for part in parts]
    # Two threads that each call a BLAS of two threads would fight for the cores.
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(make, parts))

"""Labelled tables of the ADBench corpus: arrays `X` and `y` in one `.npz` file each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST_ROWS = 10_000
"""Most rows that are taken of a set."""


def paths(data: Path) -> list[Path]:
    """The corpus' files, by the number that their names begin with."""
    found = (data / "adbench").glob("*.npz")
    return sorted(found, key=lambda path: int(path.stem.partition("_")[0]))


def load(path: Path) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values of shape (n_rows, n_features), and which rows are anomalies."""
    with np.load(path, allow_pickle=False) as stored:
        return stored["X"].astype(np.float64), stored["y"].astype(np.bool_)


def sample(path: Path, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """At most `MOST_ROWS` rows, shuffled."""
    X, y = load(path)
    rows = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
    return X[rows], y[rows]


def frame(X: NDArray[np.float64]) -> pl.DataFrame:
    """The values under the names `x1`, `x2`, ..."""
    return pl.DataFrame({f"x{number}": X[:, number - 1] for number in range(1, X.shape[1] + 1)})

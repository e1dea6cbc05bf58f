"""The shape of services that watch metrics: each series has a model of its own, trained on its latest 2,500 points.

A series is one measure of one supplier in order of time. As such services do, a point is seen as its change against the
point before, smoothed over three points, with the five changes before it; PyOD's PCA and KNN with their defaults score
it, and their probabilities are averaged. A record is as strange as the strangest of its measures. Run in a process of
its own: `python per_metric_script.py FILE OUT.npz` writes a score a row, higher is stranger, and prints the number of
series and the seconds of each part as JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyod.models.knn import KNN
from pyod.models.pca import PCA

LATEST, SHORTEST = 2_500, 14
SMOOTHED, LAGS = 3, 5


def main(path: str, out: str) -> None:
    """Score every point of every series."""
    started = time.monotonic()
    frame = pd.read_csv(path, parse_dates=["posted_at"])
    measures = frame.select_dtypes("number").columns
    parts = {"read": time.monotonic() - started}
    started = time.monotonic()
    scores, series = np.zeros(len(frame)), 0
    for _, own in frame.sort_values("posted_at", kind="stable").groupby("supplier", sort=False):
        if len(own) < SHORTEST + SMOOTHED + LAGS:
            continue
        for measure in measures:
            series += 1
            scores[own.index] = np.maximum(scores[own.index], score_series(own[measure]))
    parts["train and score"] = time.monotonic() - started
    told: dict[str, Any] = {"per metric": scores}
    np.savez(out, **told)
    print(json.dumps({"series": series, **{name: round(taken, 3) for name, taken in parts.items()}}))


def score_series(values: pd.Series[float]) -> NDArray[np.float64]:
    """The mean probability of both models for each point; 0 for the first few, which have nothing before them."""
    changes = values.diff().rolling(SMOOTHED).mean()
    seen = pd.concat([changes.shift(lag) for lag in range(LAGS + 1)], axis=1).dropna().to_numpy()
    latest = seen[-LATEST:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of constant series
        told = [model.fit(latest).predict_proba(seen)[:, 1] for model in (PCA(), KNN())]
    return np.concatenate([np.zeros(len(values) - len(seen)), np.nan_to_num(np.mean(told, axis=0))])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

"""What a user would write instead: the file into pandas, PyOD's IForest and ECOD with their defaults, the mean of both.

Numbers as they are, the hour of the time, categories by their codes; each score is standardised before the mean. Run
in a process of its own: `python pandas_script.py FILE OUT.npz` writes a score a row by the name of what scored,
higher is stranger, and prints the seconds of each part as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest


def main(path: str, out: str) -> None:
    """Run the parts one after the other."""
    parts = {}
    started = time.monotonic()
    frame = pd.read_csv(path, parse_dates=["posted_at"])
    frame["hour"] = frame["posted_at"].dt.hour
    for name in ("supplier", "buyer", "account", "method", "country", "department", "description"):
        frame[name] = frame[name].astype("category").cat.codes
    matrix = frame.drop(columns=["id", "posted_at"]).to_numpy(dtype=float)
    matrix = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    parts["read"] = time.monotonic() - started
    scores = {}
    for name, detector in (("IForest", IForest(random_state=0)), ("ECOD", ECOD())):
        started = time.monotonic()
        scores[name] = detector.fit(matrix).decision_scores_
        parts[name] = time.monotonic() - started
    scores["IForest + ECOD"] = np.mean([(each - each.mean()) / each.std() for each in scores.values()], axis=0)
    np.savez(out, **scores)
    print(json.dumps({name: round(taken, 3) for name, taken in parts.items()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

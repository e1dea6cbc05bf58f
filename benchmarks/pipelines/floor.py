"""The least that a scan could cost: read the file, fit and score one forest, look up a few neighbours.

Fixed, so that a dearer ensemble shows: DuckDB reads every column of the file; on the ready float32 matrix of its
numbers scikit-learn's IsolationForest of 100 trees is fitted and scores, and 5 neighbours among 1,000 references are
looked up. Run in a process of its own: `python floor.py FILE` prints the seconds of each part as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import duckdb
import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

TREES, NEIGHBOURS, REFERENCES = 100, 5, 1_000


def main(path: str) -> None:
    """Run the parts one after the other."""
    parts = {}
    started = time.monotonic()
    with duckdb.connect() as connection:
        table = connection.execute(
            "SELECT * FROM " + ("read_csv(?)" if path.endswith(".csv") else "read_parquet(?)"), [path]
        )
        read = table.to_arrow_table()
    parts["read"] = time.monotonic() - started
    numbers = [name for name, kind in zip(read.column_names, read.schema.types, strict=True) if _is_number(str(kind))]
    matrix = np.column_stack([read.column(name).to_numpy().astype(np.float32) for name in numbers])
    started = time.monotonic()
    forest = IsolationForest(n_estimators=TREES, n_jobs=-1, random_state=0).fit(matrix)
    forest.score_samples(matrix)
    parts["forest"] = time.monotonic() - started
    started = time.monotonic()
    chosen = np.random.default_rng(0).choice(len(matrix), min(REFERENCES, len(matrix)), replace=False)
    NearestNeighbors(n_neighbors=NEIGHBOURS, n_jobs=-1).fit(matrix[chosen]).kneighbors(matrix)
    parts["neighbours"] = time.monotonic() - started
    print(json.dumps({"columns": len(numbers), **{name: round(taken, 3) for name, taken in parts.items()}}))


def _is_number(kind: str) -> bool:
    return kind.startswith(("int", "uint", "float", "double", "decimal"))


if __name__ == "__main__":
    main(sys.argv[1])

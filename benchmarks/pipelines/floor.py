"""The least that a scan could cost: read the file, fit and score one forest, look up a few neighbours.

Fixed, so that a dearer ensemble shows: DuckDB reads every column of the file; on the ready float32 matrix of these
columns (texts as numbers) scikit-learn's IsolationForest of 100 trees is fitted and scores, and 5 neighbours among
1,000 references are looked up. Run in a process of its own: `python floor.py FILE JOBS` prints the seconds of each part
as JSON; JOBS is scikit-learn's `n_jobs`.
"""

from __future__ import annotations

import json
import sys
import time

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

TREES, NEIGHBOURS, REFERENCES = 100, 5, 1_000


def main(path: str, jobs: int) -> None:
    """Run the parts one after the other."""
    parts = {}
    started = time.monotonic()
    with duckdb.connect() as connection:
        reader = "read_csv(?)" if path.endswith(".csv") else "read_parquet(?)"
        read = pa.table(connection.sql(f"SELECT * FROM {reader}", params=[path]).to_arrow_table())
    parts["read"] = time.monotonic() - started
    matrix = np.column_stack([_numbers(read.column(name)) for name in read.column_names])
    del read
    started = time.monotonic()
    forest = IsolationForest(n_estimators=TREES, n_jobs=jobs, random_state=0).fit(matrix)
    forest.score_samples(matrix)
    parts["forest"] = time.monotonic() - started
    started = time.monotonic()
    chosen = np.random.default_rng(0).choice(len(matrix), min(REFERENCES, len(matrix)), replace=False)
    NearestNeighbors(n_neighbors=NEIGHBOURS, n_jobs=jobs).fit(matrix[chosen]).kneighbors(matrix)
    parts["neighbours"] = time.monotonic() - started
    print(json.dumps({name: round(taken, 3) for name, taken in parts.items()}))


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float32]:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.combine_chunks().dictionary_encode().indices
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float32)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

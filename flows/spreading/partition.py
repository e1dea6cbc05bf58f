"""One partition as the Prefect task that a Dask worker runs: files in, files out, the processor seconds to tell."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from threadpoolctl import threadpool_limits

from analyzers.errors import OperationError, UsageError
from flows.egress import guard
from flows.one_line_failures import one_line_failure, worth_retrying
from flows.spreading.parts import read_part, write_part
from flows.version import code_version


@dataclass(frozen=True)
class Partition:
    """Which parts, where they lie, and what is to be made of each.

    make : as `analyzers.spreading.Spread` takes it. code : version of the code that cut them.
    """

    folder: Path
    parts: tuple[int, ...]
    make: Callable[[Any], Any]
    code: str

    def compute(self) -> float:
        """Write what comes of each part; the processor seconds that it took."""
        os.umask(0o077)
        if not guard.is_installed():
            raise UsageError(
                "a Dask worker runs without the egress guard; start it with `--preload flows.spreading.worker`"
            )
        if code_version() != self.code:
            raise UsageError(
                f"a Dask worker runs Sereno {code_version()} and the night {self.code}; install the same everywhere"
            )
        if not self.folder.is_dir():
            raise OperationError(
                f"{self.folder}: a Dask worker does not see the night's folder; "
                "the workspace's `work` must be storage that all machines reach under one path"
            )
        started = time.process_time()
        # A worker has one core: a BLAS with a thread for each core of the machine would fight with its neighbours.
        with threadpool_limits(limits=1):
            for part in self.parts:
                write_part(self.folder, f"{part}.made", self.make(read_part(self.folder, str(part))))
        return time.process_time() - started


@task(
    name="partition",
    task_run_name="partition {name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=1,
    retry_condition_fn=worth_retrying,
)
@one_line_failure
def compute(name: str, partition: Partition) -> float:
    """Compute one partition; the processor seconds that it took."""
    return partition.compute()

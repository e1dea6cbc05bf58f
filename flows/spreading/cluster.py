"""A Dask cluster as a spread: Prefect's Dask task runner over partitions whose data lie in the run's folder."""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import logging
import shutil
import time
from collections.abc import Callable, Sequence, Sized
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import dask
from distributed import LocalCluster
from distributed.security import Security
from prefect.context import FlowRunContext, SettingsContext
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_dask.task_runners import DaskTaskRunner

from analyzers.errors import MonitorError, OperationError, UsageError
from analyzers.spreading import Cores
from flows.dask_settings import DaskSettings
from flows.egress.policy import LOOPBACK_NAMES, as_address, is_local
from flows.one_line_failures import exit_status_of
from flows.spreading.partition import Partition, compute
from flows.spreading.parts import read_part, write_part
from flows.version import code_version

PartT = TypeVar("PartT", bound=Sized)
MadeT = TypeVar("MadeT")

log = logging.getLogger("sereno.night")

_PER_WORKER = 2
"""Partitions of one kind of work for each worker: one that is late does not hold up the rest, and Prefect keeps few."""
_QUIET: dict[str, Any] = {
    # Pages with figures of the cluster are for whoever starts a scheduler of their own.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    # Three workers that die over one partition are no accident.
    "distributed.scheduler.allowed-failures": 3,
}


class Cluster:
    """Workers of this machine, or a scheduler's: both compute what `Cores` computes, partition by partition.

    It is started, or connected to, with the first work that has two partitions.
    """

    def __init__(self, settings: DaskSettings, workspace: Path, folder: Path) -> None:
        self._settings, self._workspace = settings, workspace
        self._folder = folder / "partitions"
        self._here = Cores()
        self._stack = contextlib.ExitStack()
        self._runner: DaskTaskRunner | None = None
        self._ready = False
        self._calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner = None
        self._stack.__exit__(kind, error, trace)

    def blocks(self, rows: int) -> int:
        """As many as are worth the way, at most some for each worker; this machine's where there is one partition."""
        number = self._partitions(rows)
        return self._here.blocks(rows) if number < 2 else number

    def each(self, make: Callable[[PartT], MadeT], parts: Sequence[PartT]) -> list[MadeT]:
        """On the workers where there are two partitions, else here."""
        number = min(self._partitions(sum(len(part) for part in parts)), len(parts))
        if number < 2:
            return self._here.each(make, parts)
        self._calls += 1
        folder = self._folder / str(self._calls)
        # What a killed attempt at this night left.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        try:
            for position, part in enumerate(parts):
                write_part(folder, str(position), part)
            self._compute(folder, make, _cut(len(parts), number))
            return [read_part(folder, f"{position}.made") for position in range(len(parts))]
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _partitions(self, rows: int) -> int:
        possible = rows // self._settings.rows
        return possible if possible < 2 else min(possible, _PER_WORKER * self._workers())

    def _compute(self, folder: Path, make: Callable[[Any], Any], cut: list[tuple[int, ...]]) -> None:
        """Let the workers compute all partitions; OperationError or UsageError for the first that failed."""
        workers, started, work = self._workers(), time.perf_counter(), 0.0
        names = [f"{self._calls}.{number} of {len(cut)}" for number in range(1, len(cut) + 1)]
        futures = [
            self._submit({"name": name, "partition": Partition(folder, parts, make, code_version())})
            for name, parts in zip(names, cut, strict=True)
        ]
        for name, future in zip(names, futures, strict=True):
            state = _final_state(name, future)
            if not state.is_completed():
                wrong = UsageError if exit_status_of(state) == UsageError.exit_status else OperationError
                raise wrong(f"partition {name}: {state.message or 'it failed'}")
            work += state.result()
        spent = time.perf_counter() - started
        log.info("%d partitions on %d workers: %.1f s of work in %.1f s", len(cut), workers, work, spent)

    def _submit(self, parameters: dict[str, Any]) -> Any:
        """Hand one partition to the runner, with the night that it belongs to and nothing else that is known here.

        The task that asks for it knows the whole plan, the settings' passwords among them.
        """
        night, settings = FlowRunContext.get(), SettingsContext.get()
        runner = self._started()

        def submit() -> Any:
            with contextlib.ExitStack() as known:
                if settings is not None:
                    known.enter_context(settings.model_copy())
                if night is not None:
                    known.enter_context(night.model_copy())
                    # Else each worker would start a Prefect server of its own.
                    known.enter_context(temporary_settings({PREFECT_API_URL: str(night.client.api_url)}))
                return runner.submit(compute, parameters)

        return contextvars.Context().run(submit)

    def _workers(self) -> int:
        return self._settings.workers or max(1, len(self._started().client.scheduler_info()["workers"]))

    def _started(self) -> DaskTaskRunner:
        if self._runner is None:
            self._stack.enter_context(dask.config.set(_QUIET))
            logging.getLogger("distributed").setLevel(logging.CRITICAL)
            runner = self._of_this_machine() if self._settings.workers else self._of_a_scheduler()
            self._runner = self._stack.enter_context(runner)
        if not self._ready:
            # Each monitor waits anew until one is there: work for no worker at all would never end.
            self._wait_for_workers(self._runner)
            self._ready = True
        return self._runner

    def _of_this_machine(self) -> DaskTaskRunner:
        """Processes of this machine, on loopback only and with certificates that live as long as they do.

        Without them every user of this machine could have programs run as this one.
        """
        scratch = self._folder / "workers"
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        kwargs: dict[str, Any] = {
            "n_workers": self._settings.workers,
            "threads_per_worker": 1,
            "processes": True,
            "host": "127.0.0.1",
            "protocol": "tls://",
            "security": Security.temporary(),  # type: ignore[no-untyped-call]
            "memory_limit": 0,
            "dashboard_address": "127.0.0.1:0",
            "worker_dashboard_address": "127.0.0.1:0",
            "local_directory": str(scratch),
            "silence_logs": logging.CRITICAL,
        }
        return DaskTaskRunner(cluster_class=LocalCluster, cluster_kwargs=kwargs)

    def _of_a_scheduler(self) -> DaskTaskRunner:
        night, tls = FlowRunContext.get(), self._settings.tls
        if night is not None and not self._settings.is_local and _is_loopback(str(night.client.api_url)):
            raise MonitorError(
                f"sereno.yaml: dask.scheduler: workers of other machines cannot reach the Prefect server at "
                f"{night.client.api_url}; set prefect.api_url to one that they can reach"
            )
        security = None
        if tls is not None:
            files = {name: self._workspace / path for name, path in tls.model_dump().items()}
            for name, path in files.items():
                if not path.is_file():
                    raise MonitorError(f"sereno.yaml: dask.tls.{name}: {path} is not there; correct the path")
            security = Security(  # type: ignore[no-untyped-call]
                require_encryption=True,
                tls_ca_file=str(files["authority"]),
                tls_client_cert=str(files["certificate"]),
                tls_client_key=str(files["key"]),
            )
        return DaskTaskRunner(
            address=self._settings.scheduler,
            client_kwargs={"security": security, "timeout": self._settings.wait},
        )

    def _wait_for_workers(self, runner: DaskTaskRunner) -> None:
        place = self._settings.scheduler or "this machine"
        try:
            client = runner.client
        except (OSError, TimeoutError, RuntimeError) as error:
            why = " ".join(str(error).split())[:120] or type(error).__name__
            raise OperationError(
                f"dask: no scheduler at {place} ({why}); start it, or correct `dask` in sereno.yaml"
            ) from None
        try:
            client.wait_for_workers(1, timeout=self._settings.wait)
        except TimeoutError:
            raise OperationError(
                f"dask: no worker at {place} after {self._settings.wait} s; start one, or give `dask.wait` more time"
            ) from None


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    address = as_address(host)
    return host in LOOPBACK_NAMES or (address is not None and is_local(address))


def _cut(parts: int, number: int) -> list[tuple[int, ...]]:
    """Neighbouring parts in so many partitions, of nearly equal numbers."""
    borders = [parts * each // number for each in range(number + 1)]
    return [tuple(range(low, high)) for low, high in itertools.pairwise(borders)]


def _final_state(name: str, future: Any) -> Any:
    """The state in which a partition ended; OperationError where the cluster gave it up."""
    future.wait()
    if future.state.is_final():
        return future.state
    try:
        future.result(raise_on_failure=False)
    except Exception as error:
        why = type(error).__name__
        raise OperationError(
            f"partition {name}: the Dask cluster gave it up ({why}); see whether its workers have memory enough, "
            "and their logs"
        ) from None
    return future.state

"""Dask, where the settings ask for it: packages, certificates, and whether the scheduler can be reached."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from analyzers.cores import cores
from flows.dask_settings import DaskSettings
from flows.doctor.line import Line, Patient, ok, problem, warning
from flows.spreading.deciding import missing_package


def look_at_dask(patient: Patient) -> Iterator[Line]:
    """Packages, and the workers or the scheduler; outside a workspace nothing."""
    if patient.workspace is None:
        return
    settings = patient.workspace.settings.dask
    if settings is None:
        yield ok("dask", "not asked for: a night is computed by its own process")
    elif package := missing_package():
        yield problem("dask", f"the package {package} is not installed", "`pip install 'sereno[dask]'`")
    else:
        yield _workers(settings) if settings.workers else _scheduler(settings, connect=patient.connect)


def _workers(settings: DaskSettings) -> Line:
    text = f"{settings.workers} workers on this machine, from {2 * settings.rows:,} rows on"
    if (settings.workers or 0) > cores():
        return warning("dask", f"{text}; it has {cores()} cores", f"set dask.workers to {cores()} at most")
    return ok("dask", text)


def _scheduler(settings: DaskSettings, *, connect: bool) -> Line:
    if not connect:
        return ok("dask", f"{settings.scheduler}, from {2 * settings.rows:,} rows on (not contacted)")
    try:
        with socket.create_connection((settings.host or "", settings.port or 0), timeout=10):
            return ok("dask", f"something listens at {settings.scheduler}")
    except OSError as error:
        why = " ".join(str(error).split())[:120]
        return problem(
            "dask", f"nobody answers at {settings.scheduler} ({why})", "start the scheduler, or correct `dask`"
        )

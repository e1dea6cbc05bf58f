"""The machine: room on disk, memory, time zone data."""

from __future__ import annotations

import shutil
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

from analyzers.errors import SerenoError
from flows.doctor.encryption import look_at_encryption
from flows.doctor.line import Line, Patient, ok, problem, warning
from flows.model_store.machine import this_machine

LEAST_MEMORY = 2 << 30
LEAST_DISK = 1 << 30
COMFORTABLE_DISK = 5 << 30


def look_at_machine(patient: Patient) -> Iterator[Line]:
    """What every night needs, whatever it reads."""
    machine = this_machine()
    limit = " (the container's limit)" if machine.limited else ""
    found = f"{machine.memory / 1e9:.1f} GB of memory{limit}, {machine.cores} cores"
    if machine.memory < LEAST_MEMORY:
        yield warning("memory", found, "give it 2 GB or more; large sources need them")
    else:
        yield ok("memory", found)
    yield _disk(patient.workspace.folder if patient.workspace else Path.cwd())
    if patient.workspace is not None:
        yield look_at_encryption(patient.workspace.folder)
    yield from _time_zones(patient)


def _disk(folder: Path) -> Line:
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free where {folder} lies"
    if free < LEAST_DISK:
        return problem("disk", text, "make room: a night writes snapshots, reports and spills there")
    if free < COMFORTABLE_DISK:
        return warning("disk", text, "make room before the warehouse grows")
    return ok("disk", text)


def _time_zones(patient: Patient) -> Iterator[Line]:
    wanted = {"Europe/Madrid", "UTC"}
    if patient.workspace is not None:
        wanted.add(patient.workspace.settings.timezone)
        for name in patient.workspace.monitor_names():
            try:
                wanted.add(patient.workspace.monitor(name).timezone)
            except SerenoError:
                continue  # the workspace's section says what is wrong with it
    missing = []
    for name in sorted(wanted):
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            missing.append(name)
    if missing:
        yield problem("time zones", f"no data for {', '.join(missing)}", "install tzdata: `make setup`")
    else:
        yield ok("time zones", f"{len(zoneinfo.available_timezones())} zones known")

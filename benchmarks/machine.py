"""The machine that a figure was measured on."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata

from analyzers.cores import cores

_PACKAGES = ("numpy", "polars", "scikit-learn", "pyod")


def describe() -> dict[str, str | int | float]:
    """Date, cores, memory in GiB, processor, Python and the packages that matter here."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": cores(),
        "memory_gib": _memory(),
        "processor": _processor(),
        "python": platform.python_version(),
        **{name: _installed(name) for name in _PACKAGES},
    }


def _memory() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"

"""Encryption at rest: whether the disk under a workspace is encrypted, as far as the kernel shows it."""

from __future__ import annotations

import os
from pathlib import Path

from flows.doctor.line import Line, ok, warning

_SYS = Path("/sys/dev/block")
_REMEDY = "encrypt it (LUKS, or what the platform offers): the warehouse itself is not encrypted"


def look_at_encryption(folder: Path, sys: Path = _SYS) -> Line:
    """Of the device that holds the folder, and those that it is made of. `sys` : where the kernel lists devices."""
    number = os.stat(folder).st_dev  # noqa: PTH116 (only os knows devices)
    device = sys / f"{os.major(number)}:{os.minor(number)}"
    if not device.exists():
        return warning(
            "encryption",
            f"not to be seen from here for {folder}: no disk of this machine",
            f"ask who runs it; {_REMEDY}",
        )
    if _encrypted(device.resolve()):
        return ok("encryption", f"the disk under {folder} is encrypted (dm-crypt)")
    return warning("encryption", f"the disk under {folder} is not encrypted as far as the kernel shows", _REMEDY)


def _encrypted(device: Path, depth: int = 0) -> bool:
    """Whether a device, or all that it is made of (volumes, arrays, the disk of a partition), is a crypt target."""
    try:
        if (device / "dm" / "uuid").read_text(encoding="ascii").startswith("CRYPT-"):
            return True
    except OSError:
        pass  # no mapped device
    below = [each.resolve() for each in sorted((device / "slaves").glob("*"))]
    if not below and (device / "partition").exists():
        below = [device.parent]
    return bool(below) and depth < 8 and all(_encrypted(each, depth + 1) for each in below)

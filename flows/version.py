"""Which code made a run: the distribution's version and a hash of what it consists of."""

from __future__ import annotations

import hashlib
import platform
import re
from functools import cache
from importlib import metadata
from pathlib import Path

_PACKAGES = ("flows", "reports", "analyzers")
_ENDINGS = (".py", ".yaml", ".j2", ".css", ".gbnf", ".sql")


def version() -> str:
    """The distribution's version, such as `0.1.0`."""
    return metadata.version("sereno")


@cache
def code_version() -> str:
    """Version and hash of the sources, such as `0.1.0+1f3a09c25d77`: equal where the code is equal."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted(path for path in (root / package).rglob("*") if path.suffix in _ENDINGS):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{version()}+{digest.hexdigest()[:12]}"


@cache
def versions() -> dict[str, str]:
    """Versions of Sereno, Python and every package that Sereno asks for, by name; those not installed are left out."""
    asked = sorted({re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0] for each in metadata.requires("sereno") or ()})
    installed = {}
    for name in asked:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"sereno": code_version(), "python": platform.python_version(), "machine": platform.machine(), **installed}

"""Python, and every package against the lock (beside the sources) or against what this distribution asks for."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from flows.doctor.line import Line, Patient, ok, problem, warning

OLDEST_PYTHON = (3, 11)
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)(?:;.*)?$")
_COMPARED = re.compile(r"(==|>=|<=|!=|<|>)\s*([0-9][0-9.]*)")


def look_at_software(patient: Patient) -> Iterator[Line]:
    """Python's version, then packages."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        yield problem("python", f"Python {running} is too old", "install Python 3.11 or newer")
    else:
        yield ok("python", f"Python {running}")
    lock = Path(__file__).parents[2] / "uv.lock"
    yield from _unmet(metadata.requires("sereno") or ())
    if lock.is_file():
        yield from _against_lock(locked_versions(lock.read_text(encoding="utf-8")))


def locked_versions(lock: str) -> Mapping[str, frozenset[str]]:
    """The versions of each package in the text of a `uv.lock`."""
    versions: dict[str, frozenset[str]] = {}
    for package in tomllib.loads(lock).get("package", ()):
        if "version" in package:
            name = package["name"]
            versions[name] = versions.get(name, frozenset()) | {package["version"]}
    return versions


def _against_lock(locked: Mapping[str, frozenset[str]]) -> Iterator[Line]:
    """Installed packages whose version is not that of the lock."""
    differing, known = [], 0
    for distribution in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower()
        if name == "sereno" or name not in locked:
            continue
        known += 1
        if distribution.version not in locked[name]:
            differing.append(f"{name} {distribution.version} (locked {', '.join(sorted(locked[name]))})")
    if differing:
        shown = "; ".join(sorted(differing)[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
        yield warning("lock", f"not the locked versions: {shown}", "run `make setup`, or `uv sync --locked`")
    else:
        yield ok("lock", f"{known} packages as locked")


def _unmet(requirements: Iterator[str] | tuple[str, ...] | list[str]) -> Iterator[Line]:
    """Requirements of this distribution that what is installed does not meet."""
    unmet, count = [], 0
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None:
            continue
        count += 1
        try:
            version = metadata.version(match[1])
        except metadata.PackageNotFoundError:
            unmet.append(f"{match[1]} is missing")
            continue
        if not meets(version, match[2]):
            unmet.append(f"{match[1]} is {version}, needs {match[2].strip()}")
    for what in unmet:
        yield problem("packages", what, "run `make setup`, or install sereno anew in a fresh environment")
    if not unmet:
        yield ok("packages", f"{count} requirements met")


def meets(version: str, wanted: str) -> bool:
    """Whether a version lies within bounds such as `>=0.139,<0.151`; only the numbers at its beginning count."""
    have = _numbers(version)
    for sign, bound in _COMPARED.findall(wanted):
        need = _numbers(bound)
        width = max(len(have), len(need))
        left, right = (numbers + (0,) * (width - len(numbers)) for numbers in (have, need))
        held = {
            "==": left == right, "!=": left != right, ">=": left >= right,
            "<=": left <= right, "<": left < right, ">": left > right,
        }[sign]  # fmt: skip
        if not held:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()

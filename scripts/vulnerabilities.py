"""Known vulnerabilities of the locked packages, by a given copy of the OSV database: nothing is asked of any server.

    .venv/bin/python scripts/vulnerabilities.py all.zip [--accept ID]...

The database is the zip that osv.dev publishes for PyPI, or a folder of its JSON files. Exits 1 where a locked version
is affected by anything that is not accepted, 2 where there is no such database.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[1]
Record = Mapping[str, Any]


def locked(lock: Path) -> dict[str, str]:
    """Version of every package from an index, by its name."""
    packages = tomllib.loads(lock.read_text(encoding="utf-8"))["package"]
    return {_name(each["name"]): each["version"] for each in packages if "registry" in each.get("source", {})}


def records(database: Path) -> Iterator[Record]:
    """The records of a database; OSError or ValueError where it is none."""
    if database.is_dir():
        for path in sorted(database.glob("*.json")):
            yield json.loads(path.read_text(encoding="utf-8"))
        return
    with zipfile.ZipFile(database) as packed:
        for name in packed.namelist():
            if name.endswith(".json"):
                yield json.loads(packed.read(name))


def affected(record: Record, packages: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name and version of the locked packages that a record is about; none of one that was withdrawn."""
    if record.get("withdrawn"):
        return
    for entry in record.get("affected", ()):
        package = entry.get("package", {})
        name = _name(package.get("name", ""))
        if package.get("ecosystem") == "PyPI" and name in packages and _affects(entry, packages[name]):
            yield name, packages[name]


def fixed_in(record: Record, name: str) -> str:
    """Versions that mend it, as the record says."""
    found = [
        event["fixed"]
        for entry in record.get("affected", ())
        if _name(entry.get("package", {}).get("name", "")) == name
        for span in entry.get("ranges", ())
        if span.get("type") == "ECOSYSTEM"
        for event in span.get("events", ())
        if "fixed" in event
    ]
    return ", ".join(dict.fromkeys(found)) or "none yet"


def _affects(entry: Record, version: str) -> bool:
    if version in entry.get("versions", ()):
        return True
    return any(
        _within(span.get("events", ()), Version(version))
        for span in entry.get("ranges", ())
        if span.get("type") == "ECOSYSTEM"
    )


def _within(events: list[Mapping[str, str]], version: Version) -> bool:
    """Whether a version lies between an `introduced` and the `fixed` or `last_affected` that follows it."""
    inside = False
    for event in sorted(events, key=_place):
        at = _version(next(iter(event.values())))
        if "introduced" in event:
            inside = inside or version >= at
        elif "fixed" in event:
            inside = inside and version < at
        elif "last_affected" in event:
            inside = inside and version <= at
    return inside


def _place(event: Mapping[str, str]) -> tuple[Version, int]:
    kind, written = next(iter(event.items()))
    return _version(written), ("fixed", "introduced", "last_affected").index(kind) if kind != "limit" else 3


def _version(written: str) -> Version:
    try:
        return Version(written)
    except InvalidVersion:
        return Version("0")


def _name(written: str) -> str:
    return re.sub(r"[-_.]+", "-", written).lower()


def main(arguments: list[str]) -> int:
    """Print a line for every finding; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("database", type=Path)
    parser.add_argument("--accept", action="append", default=[], metavar="ID", help="known, and judged not to matter")
    parser.add_argument("--lock", type=Path, default=ROOT / "uv.lock")
    stated = parser.parse_args(arguments)
    packages, found, count, newest = locked(stated.lock), 0, 0, ""
    try:
        for record in records(stated.database):
            count, newest = count + 1, max(newest, str(record.get("modified", "")))
            for name, version in affected(record, packages):
                known = {record["id"], *record.get("aliases", ())}
                accepted = known & set(stated.accept)
                found += not accepted
                word = "accepted: " if accepted else ""
                summary = " ".join(str(record.get("summary", "")).split())[:120]
                mended = fixed_in(record, name)
                print(f"{word}{name} {version}: {', '.join(sorted(known))}: {summary} (fixed in: {mended})")
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"{stated.database}: no OSV database ({error}); name the zip that osv.dev publishes", file=sys.stderr)
        return 2
    if not count:
        print(f"{stated.database}: holds no record; name the zip that osv.dev publishes for PyPI", file=sys.stderr)
        return 2
    print(f"{len(packages)} locked packages against {count} records, the newest of {newest[:10]}: {found} to mend")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

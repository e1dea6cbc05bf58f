"""Results of units on disk, so that a benchmark that was stopped goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.section import Result, Unit


class Journal:
    """A file of JSON lines; only lines of the same code count. Without a path nothing is kept."""

    def __init__(self, path: Path | None, code: str) -> None:
        self._path = path
        self._code = code
        self._known: dict[tuple[str, str], Result] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                if entry["code"] == code:
                    self._known[entry["section"], entry["unit"]] = entry["result"]

    def get(self, section: str, unit: Unit) -> Result | None:
        """What the unit gave before, if it ran."""
        return self._known.get((section, unit.name))

    def add(self, section: str, unit: Unit, result: Result) -> None:
        """Keep what the unit gave."""
        if self._path is None:
            return
        entry = {"code": self._code, "section": section, "unit": unit.name, "result": result}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

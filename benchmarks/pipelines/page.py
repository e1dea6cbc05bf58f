"""What the pipeline benchmark measured as a page of Markdown, and as rows of the README's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_HOW = (
    "Written by `make keep-pipeline`, not by hand. Generated purchases of 20 columns: numbers, categories, texts, "
    "suppliers by Zipf's law. The floor: DuckDB reads the same file, scikit-learn's IsolationForest of 100 trees is "
    "fitted and scores, and the 5 nearest of 1,000 references are found, on the ready matrix. Peaks are the process "
    "tree's summed PSS."
)
_NIGHTS = (
    "The first takes in all days but the last, the next the last one. With `sereno serve` running, a night starts no "
    "server of its own."
)
_MILLION = 1_000_000
_TIMES, _PEAK, _NOTHING_NEW = 1.5, 1.5, 10.0
_LARGEST_PEAK, _TIME_GROWS, _MEMORY_GROWS = 4.0, 1.05, 0.5


def render(report: Mapping[str, Any]) -> str:
    """The whole page: scans beside their floor, stage by stage, and nights."""
    machine, scans, nights = report["machine"], report.get("scans", []), report.get("nights", [])
    on = f"{machine['date']} on {machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB"
    parts = [
        "# Measured: time and memory of many records",
        _HOW,
        f"Measured {on}; Sereno {report['code']}.",
    ]
    if scans:
        parts += ["## Scans without a model", _table(_SCAN, [_scan(one) for one in scans])]
    grown = [f"{name} n^{value}" for name, value in report["figures"].items() if "exponent" in name]
    if grown:
        parts.append(f"Fitted over these sizes: {', '.join(grown)}.")
    if nights:
        parts += [
            "## Nights over a month of records",
            _NIGHTS,
            _table(_NIGHT, [_night(one) for one in nights]),
        ]
    return "\n\n".join(parts) + "\n"


def in_readme(text: str, report: Mapping[str, Any]) -> str:
    """The README with the measured cell of this benchmark's rows; ValueError where one of them is missing."""
    lines = text.split("\n")
    for name, measured in _rows(report).items():
        places = [place for place, line in enumerate(lines) if line.startswith(f"| {name} |")]
        if len(places) != 1:
            raise ValueError(f"README.md: {len(places)} rows begin with {name!r}, one is expected")
        cells = lines[places[0]].split(" | ")
        cells[2] = measured
        lines[places[0]] = " | ".join(cells)
    return "\n".join(lines)


def _rows(report: Mapping[str, Any]) -> dict[str, str]:
    scans = {one["rows"]: one for one in report.get("scans", [])}
    nights = {one["rows"]: one for one in report.get("nights", [])}
    rows = {}
    if one := scans.get(_MILLION):
        peak = one["csv"]["peak"] / 1024
        rows["scan of 1 M x 20, CSV to report, no model: times the floor; peak"] = (
            f"{_marked(one['ratio'], _TIMES)} ({one['csv']['seconds']:.1f} s); {_marked(peak, _PEAK)} GiB"
        )
    if (one := scans.get(10 * _MILLION)) and len(scans) > 2:
        figures, peak = report["figures"], one["csv"]["peak"] / 1024
        time, memory = (float(figures[f"scan: exponent of {what}"]) for what in ("time", "memory"))
        rows["scan of 10 M x 20: peak; growth of time and of memory from 100 k on"] = (
            f"{_marked(peak, _LARGEST_PEAK)} GiB ({one['csv']['seconds']:.0f} s); "
            f"n^{_marked(time, _TIME_GROWS)}; n^{_marked(memory, _MEMORY_GROWS)}"
        )
    if one := nights.get(_MILLION):
        for name, key in (
            ("night of 1 M records of which none is new, server start included", "nothing_new"),
            ("the same with `sereno serve` running", "nothing_new_served"),
        ):
            rows[name] = f"{_marked(one[key]['seconds'], _NOTHING_NEW)} s"
    return rows


def _marked(value: float, target: float) -> str:
    """The value, bold where it misses the target."""
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return shown if value <= target else f"**{shown}**"


_SCAN = (
    "records", "from CSV", "processor", "read", "analyze", "explain and write", "peak", "from Parquet", "floor",
    "times the floor", "floor on all cores", "times that",
)  # fmt: skip


def _scan(one: Mapping[str, Any]) -> Sequence[str]:
    csv, stages = one["csv"], one["csv"]["stages"]
    return (
        f"{one['rows']:,}",
        f"{csv['seconds']:.1f} s",
        f"{csv['processor']:.1f} s",
        *(f"{stages[name]:.1f} s" for name in ("read", "analyze", "explain and write")),
        f"{csv['peak']:.0f} MiB",
        f"{one['parquet']['seconds']:.1f} s",
        f"{one['floor']['seconds']:.1f} s",
        f"{one['ratio']:.2f}",
        f"{one['floor_all_cores']['seconds']:.1f} s",
        f"{one['ratio_all_cores']:.2f}",
    )


_NIGHT = (
    "records",
    "first",
    "next",
    "peak of the next",
    "nothing new",
    "nothing new, served",
    "importing Prefect alone",
)


def _night(one: Mapping[str, Any]) -> Sequence[str]:
    names = ("nothing_new", "nothing_new_served", "import_of_prefect")
    return (
        f"{one['rows']:,}",
        f"{one['first']['seconds']:.1f} s",
        f"{one['next']['seconds']:.1f} s",
        f"{one['next']['peak']:.0f} MiB",
        *(f"{one[name]['seconds']:.1f} s" for name in names),
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *rows))

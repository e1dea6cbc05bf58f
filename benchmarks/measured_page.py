"""The page of measured figures: Markdown with targets, values, date and machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.section import Detail, Figure, Section, Summary


def render(
    sections: Mapping[str, Section],
    summaries: Mapping[str, Summary],
    machine: Mapping[str, Any],
    *,
    code: str,
    quick: bool,
) -> str:
    """The whole page; sections without a summary are named as not measured."""
    parts = [
        "# Measured: detection",
        (
            "Written by `make bench-detection DATA=DIR`; not edited by hand. Everything runs through the path behind "
            "`sereno scan` (the simulators through their monitors) with its defaults; labels are used for scoring "
            "only. Misses are printed like hits."
        ),
        _measured_on(machine, code, quick),
        "## Targets",
        _table(("section", "figure", "target", "measured", "met"), _against_targets(sections, summaries)),
    ]
    for name, section in sections.items():
        parts += [f"## {section.title}", section.how]
        parts += _section(summaries[name]) if name in summaries else ["Not measured in this run."]
    return "\n\n".join(parts) + "\n"


def _measured_on(machine: Mapping[str, Any], code: str, quick: bool) -> str:
    packages = ", ".join(f"{name} {machine[name]}" for name in ("numpy", "polars", "scikit-learn", "pyod"))
    look = " Only a look (`--quick`): fewer sets, days and seeds." if quick else ""
    return (
        f"Measured {machine['date']} on {machine['cores']} cores ({machine['processor']}), "
        f"{machine['memory_gib']} GiB, Python {machine['python']}, {packages}; Sereno {code}.{look}"
    )


def _against_targets(sections: Mapping[str, Section], summaries: Mapping[str, Summary]) -> list[Sequence[Any]]:
    return [
        (sections[name].title, figure.name, _target(figure), _number(figure.value), "yes" if figure.met else "**no**")
        for name, summary in summaries.items()
        for figure in summary.figures
        if figure.target is not None
    ]


def _section(summary: Summary) -> list[str]:
    figures = [(figure.name, _target(figure), _number(figure.value)) for figure in summary.figures]
    parts = [_table(("figure", "target", "measured"), figures)]
    if summary.rivals:
        names = list(dict.fromkeys(name for values in summary.rivals.values() for name in values))
        own = {figure.name: figure.value for figure in summary.figures}
        rows = [("Sereno", *(_number(own.get(name)) for name in names))]
        rows += [(rival, *(_number(values.get(name)) for name in names)) for rival, values in summary.rivals.items()]
        parts += ["Side by side, in the same run:", _table(("", *names), rows)]
    return parts + [_folded(detail) for detail in summary.details if detail.rows]


def _folded(detail: Detail) -> str:
    table = _table(detail.header, detail.rows)
    return f"<details><summary>{detail.title}</summary>\n\n{table}\n\n</details>"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _target(figure: Figure) -> str:
    return "" if figure.target is None else f"{'>=' if figure.at_least else '<='} {figure.target:g}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"

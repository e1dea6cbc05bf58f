"""The command `sereno scan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, parse_language, print_object, say


def scan(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files or quoted globs to judge.")],
    baseline: Annotated[
        list[str] | None, typer.Option(help="File or quoted glob of normal history; may be repeated.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="Column that holds the time.")] = None,
    shape: Annotated[str | None, typer.Option(help="events, series or long; inferred where not stated.")] = None,
    key: Annotated[str | None, typer.Option(help="Column that identifies a record.")] = None,
    entity: Annotated[list[str] | None, typer.Option(help="Column of an entity (supplier, card, asset).")] = None,
    exposure: Annotated[str | None, typer.Option(help="Column that holds the money at risk.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Column to leave out; may be repeated.")] = None,
    scores: Annotated[Path | None, typer.Option(help="Write a line per record to this Parquet file.")] = None,
    findings: Annotated[Path | None, typer.Option(help="Write the findings to this JSON lines file.")] = None,
    report: Annotated[Path, typer.Option(help="The HTML report.")] = Path("sereno-report.html"),
    no_llm: Annotated[bool, typer.Option("--no-llm", help="Template sentences instead of the local model.")] = False,
    model: Annotated[Path | None, typer.Option(help="A GGUF file instead of the default model.")] = None,
    fdr: Annotated[float, typer.Option(help="Nominal share of false ones among the statistical flags.")] = 0.1,
    budget: Annotated[int, typer.Option(help="Most findings that are told in full.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    lang: Annotated[str, typer.Option(help="Language of the report: en or es.")] = "en",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Analyze files nobody configured.

    Infers what the columns are, flags what is abnormal, writes a report.

    Example: sereno scan june.csv --baseline may.csv --entity supplier --exposure amount
    """
    from flows.scan import Scan, run_scan

    result = run_scan(
        Scan(
            inputs=tuple(inputs),
            baselines=tuple(baseline or ()),
            time=time,
            shape=shape,
            key=key,
            entities=tuple(entity or ()),
            exposure=exposure,
            ignore=tuple(ignore or ()),
            scores=scores,
            findings=findings,
            report=report,
            narrate=not no_llm,
            model=model,
            fdr=fdr,
            budget=budget,
            seed=seed,
            lang=parse_language(lang),
        ),
        say,
    )
    if json:
        print_object(result)
    else:
        say(f"{result['findings']} findings in {result['records']:,} records; report: {result['report']}")
    return 0

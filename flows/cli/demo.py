"""The command `sereno demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import JsonOption, parse_language, print_object, say


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of the demo.")] = Path("sereno-demo"),
    lang: Annotated[str, typer.Option(help="Language of the report: en or es.")] = "en",
    model: Annotated[Path | None, typer.Option(help="A GGUF file instead of the default model.")] = None,
    no_llm: Annotated[bool, typer.Option("--no-llm", help="Template sentences instead of the local model.")] = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="Same as DIR.")] = None,
    json: JsonOption = False,
) -> int:
    """Run the main job on sample data, end to end.

    A ledger, a plant and customers, in a workspace like any other: three nights, with people's verdicts between them.
    Ends with where the report of the last night is.

    Example: sereno demo ./sereno-demo
    """
    from flows.demo.walkthrough import run_demo

    result = run_demo(workspace or folder, lang=parse_language(lang), model=model, narration=not no_llm, say=say)
    if json:
        print_object(result)
        return 0
    say("")
    say(
        f"the last of {result['nights']} nights: {result['findings']} findings, {result['new']} of them new;"
        f" verdicts given in between: {result['verdicts']}"
    )
    say(f"{result['found']} of {result['planted']} planted anomalies found")
    say(f"  {result['true_findings']} of the findings are planted ones, {result['decoys_flagged']} are decoys")
    say(f"  {result['grounded']} of {result['narratives']} narratives are grounded; model: {result['model'] or 'none'}")
    say(f"report: {result['report']}")
    say(f"mail:   {result['mail']}")
    return 0

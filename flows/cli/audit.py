"""The command `sereno audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyzers.errors import UsageError
from flows.cli.options import JsonOption, WorkspaceOption, print_object, say

if TYPE_CHECKING:
    from flows.workspace import Workspace


def audit(
    action: Annotated[str, typer.Argument(metavar="verify|export|reproduce")],
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="reproduce: a run's id, or its start.")] = None,
    anchor: Annotated[str | None, typer.Option(help="verify: head of the chain that a mail carried.")] = None,
    to: Annotated[Path | None, typer.Option(help="export: a file (default: standard output).")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Verify the audit chain, export it, or do a run once more from its record.

    `sereno audit verify --anchor HEAD` compares with the head that a mail carried. `sereno audit export` writes every
    entry with its content and salt as a JSON line; docs/trust.md says how to check them without Sereno.

    `sereno audit reproduce RUN` decides that run's date again as the night did, with what was known then, and says
    whether findings, facts and texts are the same; it changes nothing. Reports print the run's id under Method.
    """
    from flows.workspace import Workspace

    if action == "verify":
        return _verify(Workspace.open(workspace), anchor, json=json)
    if action == "export":
        return _export(Workspace.open(workspace), to, json=json)
    if action == "reproduce":
        return _reproduce(Workspace.open(workspace), run or "", json=json)
    raise UsageError(f"audit {action[:40]!r}: no such action; there are: verify, export, reproduce")


def _verify(opened: Workspace, anchor: str | None, *, json: bool) -> int:
    from flows.warehouse import Warehouse
    from flows.warehouse.audit import entries, head, verify
    from flows.warehouse.evidence import verify_evidence

    with Warehouse.of(opened).reading() as connection:
        problems, last = [*verify(connection, anchor), *verify_evidence(connection)], head(connection)
        count = len(entries(connection))
    if json:
        print_object({"valid": not problems, "head": last, "entries": count, "problems": problems})
    else:
        for problem in problems:
            say(problem)
        say(f"the audit chain of {count} entries {'is broken' if problems else 'holds'}; head {last}")
    return 1 if problems else 0


def _export(opened: Workspace, to: Path | None, *, json: bool) -> int:
    from flows.cli.options import json_line
    from flows.warehouse import Warehouse
    from flows.warehouse.audit import export, head
    from flows.writing import write_whole

    with Warehouse.of(opened).reading() as connection:
        lines, last = [json_line(entry) for entry in export(connection)], head(connection)
    if to is None:
        for line in lines:
            print(line)
        return 0
    write_whole(to, "".join(f"{line}\n" for line in lines))
    if json:
        print_object({"export": str(to), "entries": len(lines), "head": last})
    else:
        say(f"{to}: {len(lines)} entries; head {last}")
    return 0


def _reproduce(opened: Workspace, run: str, *, json: bool) -> int:
    from dataclasses import asdict

    from flows.reproducing import reproduce

    done = reproduce(opened, run, say=say)
    if json:
        print_object({"equal": done.equal, **asdict(done)})
        return 0 if done.equal else 1
    for sentence in (*done.differences, *done.otherwise):
        say(sentence)
    about = f"run {done.run} of {done.data_date}"
    if done.equal:
        say(
            f"{about} is reproduced: its {done.findings} findings with all facts, its texts and its checks are the same"
        )
    else:
        say(f"{about} is not reproduced: {len(done.differences)} things differ" + _why(done.otherwise))
    return 0 if done.equal else 1


def _why(otherwise: tuple[str, ...]) -> str:
    return "" if otherwise else "; nothing that is known to be otherwise explains it, see `sereno audit verify`"

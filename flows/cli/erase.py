"""The command `sereno erase`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, print_object, say


def erase(
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON", help="Mask as reports print it, name, number or account; - reads it from standard input."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why, such as the number of the request; kept in the audit log.")],
    free_text: Annotated[
        bool, typer.Option("--free-text", help="Also empty free text (role text) that names the person.")
    ] = False,
    by: Annotated[str | None, typer.Option(help="Who decides (default: the system's user).")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Erase one person on request, everywhere in the workspace.

    Records keep money and date and lose the person, and later nights do not read them again. The audit chain still
    holds. A monitor under a legal hold keeps everything. Free text that names the person is counted, and emptied with
    --free-text. A name on the command line can be seen by other programs of this machine: give it with - on standard
    input.

    Example: sereno erase - --reason "request 2026-17" < name.txt
    """
    from flows.erasing import erase_person
    from flows.system_user import stated_user
    from flows.workspace import Workspace

    named = sys.stdin.readline() if person == "-" else person
    done = erase_person(
        Workspace.open(workspace),
        named,
        why=reason,
        who=by or stated_user(),
        at=datetime.now(UTC),
        free_text=free_text,
    )
    if json:
        print_object(done.contract())
        return 0
    counts = done.erased
    say(
        f"erased from {counts.records} records, {counts.reference_rows} rows of reference tables, "
        f"{counts.quarantined} quarantined values, {counts.texts} texts, "
        f"{counts.log_entries} contents of the audit log, {len(done.files)} files; audit entry {done.audit_seq}"
    )
    if done.held:
        say(f"a legal hold keeps all of {', '.join(done.held)}: call this again when it ends")
    if done.waiting:
        say(f"{len(done.waiting)} mails that may name the person have not left yet: call this again when they have")
    where = ", ".join(f"{each.monitor}: {each.column} of {each.records} records" for each in done.mentions)
    if where and free_text:
        say(f"free text that named the person was emptied ({where})")
    elif where:
        say(f"free text names the person ({where}): `--free-text` empties it; without it the text stays")
    elif not done.searched:
        say("free text was not searched: that needs the name, not the mask, and three letters of it")
    say("backups that were made before, sources and mail boxes still hold the person")
    return 0

"""The command `sereno snooze`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analyzers.errors import UsageError
from flows.cli.options import JsonOption, WorkspaceOption, print_object, say

if TYPE_CHECKING:
    from flows.warehouse.snoozes import Snooze


def snooze(
    target: Annotated[str | None, typer.Argument(metavar="[ID|ENTITY]", help="A finding, or an entity.")] = None,
    until: Annotated[str | None, typer.Option(help="A date, an instant, or a span such as 12h, 7d or 2w.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept in the audit log.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="When it begins (default: now).")] = None,
    monitor: Annotated[str | None, typer.Option(help="Only in this monitor.")] = None,
    by: Annotated[str | None, typer.Option(help="Who decides (default: the system's user).")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List what is muted, or will be.")] = False,
    undo: Annotated[int | None, typer.Option(help="Take back the snooze of this number.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Mute a finding or an entity for a while.

    It is still looked at, counted and listed, and only not mailed. An entity's snooze is a maintenance window; what
    reaches `materiality`, and what names the person who muted it, is mailed all the same.

    Example: sereno snooze P2 --until 2026-06-02T18:00 --reason "overhaul"
    """
    from flows import triaging
    from flows.stated_times import parse_instant, parse_start
    from flows.system_user import stated_user
    from flows.warehouse.snoozes import sentence
    from flows.workspace import Workspace

    opened, now = Workspace.open(workspace), datetime.now(UTC)
    who, zone = by or stated_user(), opened.settings.timezone
    if listed:
        made = triaging.list_snoozes(opened, now, monitor)
    elif undo is not None:
        made = [triaging.take_back(opened, undo, who=who, why=reason or "", at=now)]
    else:
        if target is None or until is None or reason is None:
            raise UsageError("name what to mute, --until and --reason; or use --list, or --undo NUMBER")
        made = triaging.snooze(
            opened,
            target,
            until=parse_instant(until, "--until", now=now, timezone=zone),
            starts_at=parse_start(start, "--from", now=now, timezone=zone) if start else None,
            why=reason,
            who=who,
            at=now,
            monitor=monitor,
        )
    for each in made:
        if json:
            print_object(_contract(each))
        else:
            say(sentence(each))
    if listed and not made and not json:
        say("nothing is muted")
    return 0


def _contract(made: Snooze) -> dict[str, Any]:
    return {
        "number": made.audit_seq,
        "scope": made.scope.value,
        "monitor": made.monitor,
        "target": made.target,
        "from": made.starts_at.isoformat(),
        "until": made.until.isoformat(),
        "who": made.who,
        "reason": made.why,
        "ended": made.ended_at.isoformat() if made.ended_at else None,
    }

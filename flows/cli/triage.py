"""The command `sereno triage`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, parse_date, print_object, say


def triage(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="A finding's id, or enough of its start.")],
    verdict: Annotated[str, typer.Argument(help="confirmed, false_positive, accepted or inconclusive.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the audit log.")],
    until: Annotated[str | None, typer.Option(help="Last day of an acceptance: a date, or 90d.")] = None,
    normal_from: Annotated[
        str | None, typer.Option(help="An acceptance: since this date it is the new normal, and learnt from.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who decides (default: the system's user).")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Decide about a finding, or about a record drawn for review.

    A verdict closes it: it is not mailed again unless it has a new reason, half as much money again is at stake, or
    an acceptance runs out. What is confirmed leaves the history that later nights compare with. What is accepted as
    the new normal starts it anew: nothing that the series or entity did before that date is compared with any more.

    Example: sereno triage 3f09ac21b7 false_positive --reason "rent, paid quarterly"
    """
    from flows import triaging
    from flows.stated_times import parse_last_day
    from flows.system_user import stated_user
    from flows.workspace import Workspace

    opened, now = Workspace.open(workspace), datetime.now(UTC)
    decided = triaging.triage(
        opened,
        identifier,
        triaging.parse_verdict(verdict),
        why=reason,
        who=by or stated_user(),
        at=now,
        until=parse_last_day(until, "--until", now=now, timezone=opened.settings.timezone) if until else None,
        normal_from=parse_date(normal_from, "--normal-from"),
    )
    if json:
        print_object(decided.contract())
    else:
        say(triaging.sentence(decided))
    return 0

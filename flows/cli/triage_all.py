"""The command `sereno triage-all`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from analyzers.errors import UsageError
from flows.cli.options import JsonOption, WorkspaceOption, parse_date, print_object, say


def triage_all(
    verdict: Annotated[str, typer.Argument(help="confirmed, false_positive, accepted or inconclusive.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the audit log with each.")],
    monitor: Annotated[str | None, typer.Option(help="Only this monitor's.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--type", help="Only of this type; may be repeated.")] = None,
    entity: Annotated[str | None, typer.Option(help="Only about this entity, such as a supplier or asset.")] = None,
    data_date: Annotated[str | None, typer.Option(help="Only what this date saw last.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="Only what was last seen from this date on.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Only what was last seen up to this date.")] = None,
    below_priority: Annotated[float | None, typer.Option(help="Only below this priority.")] = None,
    below_exposure: Annotated[str | None, typer.Option(help="Only below this money, in whatever currency.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day of an acceptance: a date, or 90d.")] = None,
    normal_from: Annotated[
        str | None, typer.Option(help="An acceptance: since this date it is the new normal, and learnt from.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who decides (default: the system's user).")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Decide; without it they are only counted and listed.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Decide about all open findings that fit, each with its own entry in the audit log.

    Counts first: nothing is decided without --yes. What reaches `materiality`, and what names the person who decides,
    is left for a verdict of its own.

    Example: sereno triage-all false_positive --type round_amount --entity "Rent Ltd" --reason "monthly rent" --yes
    """
    from flows import triaging
    from flows.bulk_triage import Filter, triage_all
    from flows.stated_times import parse_last_day
    from flows.system_user import stated_user
    from flows.warehouse.triage import Statement
    from flows.workspace import Workspace

    opened, now = Workspace.open(workspace), datetime.now(UTC)
    if data_date is not None and (first is not None or last is not None):
        raise UsageError("--data-date names one date; leave it out, or --from and --to")
    statement = Statement(
        triaging.parse_verdict(verdict),
        who=by or stated_user(),
        why=reason,
        at=now,
        until=parse_last_day(until, "--until", now=now, timezone=opened.settings.timezone) if until else None,
        normal_from=parse_date(normal_from, "--normal-from"),
    )
    wanted = Filter(
        monitor=monitor,
        types=tuple(kind or ()),
        entity=entity,
        first_date=parse_date(data_date, "--data-date") or parse_date(first, "--from"),
        last_date=parse_date(data_date, "--data-date") or parse_date(last, "--to"),
        below_priority=below_priority,
        below_exposure=_money(below_exposure),
    )
    made = triage_all(opened, wanted, statement, carry_out=yes)
    for each in made.all:
        if json:
            print_object(each.contract(statement))
        elif not yes:
            print(each.line())
    for sentence in made.sentences():
        say(sentence)
    if made.decidable and not yes:
        say("nothing is decided yet; add --yes to decide")
    return 0


def _money(stated: str | None) -> Decimal | None:
    if stated is None:
        return None
    try:
        amount = Decimal(stated)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise UsageError(f"--below-exposure {stated[:40]!r} is no amount; write it as 250 or 99.50")
    return amount

"""The command `sereno backtest`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analyzers.errors import UsageError
from flows.cli.options import JsonOption, WorkspaceOption, parse_date, print_object, say, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzers.results import Candidate
    from reports.backtest import Backtest, ReplayedNight, ReplayedSetting


def backtest(
    monitor: Annotated[str, typer.Argument(help="The monitor's name.")],
    nights: Annotated[int, typer.Option(help="How many nights to replay.", min=1, max=366)] = 14,
    data_date: Annotated[str | None, typer.Option(help="The last of them (default: the newest record's).")] = None,
    fdr: Annotated[list[float] | None, typer.Option(help="A rate to try; may be repeated.")] = None,
    budget: Annotated[list[int] | None, typer.Option(help="A budget to try; may be repeated.")] = None,
    review: Annotated[int, typer.Option(help="Offer so many of the history's strangest for triage.", min=0)] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page to read.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Replay the last nights to choose `fdr` and `budget`.

    Each night sees only what was known then. No finding is stored and no mail is sent; works before the first night
    too. `--review` keeps its candidates, so that `sereno triage` finds them.

    Example: sereno backtest ledger --nights 30 --html backtest.html
    """
    from flows.backtesting import BUDGETS, RATES, Request, run_backtest
    from flows.workspace import Workspace
    from flows.writing import write_whole
    from reports.backtest import render_backtest

    opened = Workspace.open(workspace)
    request = Request(
        monitor=monitor,
        nights=nights,
        data_date=parse_date(data_date, "--data-date"),
        rates=_rates(fdr) or RATES,
        budgets=_budgets(budget) or BUDGETS,
        review=review,
    )
    told = run_backtest(opened, request, say=say, now=datetime.now(UTC))
    if html is not None:
        write_whole(html, render_backtest(told))
    if json:
        for each in _objects(told, html):
            print_object(each)
    else:
        for line in _lines(told, html):
            tell(line)
    return 0


def _rates(stated: list[float] | None) -> tuple[float, ...]:
    for rate in stated or ():
        if not 0 < rate < 1:
            raise UsageError(f"--fdr {rate:g}: a rate lies between 0 and 1, such as 0.1")
    return tuple(stated or ())


def _budgets(stated: list[int] | None) -> tuple[int, ...]:
    for budget in stated or ():
        if budget < 1:
            raise UsageError(f"--budget {budget}: at least 1 finding has to fit")
    return tuple(stated or ())


def _objects(told: Backtest, html: Path | None) -> Iterator[dict[str, Any]]:
    for night in told.nights:
        yield {"kind": "night", "monitor": told.monitor, **_plain(night)}
    for setting in told.settings:
        shares = {"precision": setting.precision, "recall": setting.recall}
        yield {"kind": "setting", "monitor": told.monitor, **_plain(setting), **shares}
    for candidate in told.candidates:
        yield _candidate(candidate, told)
    yield {
        "kind": "backtest",
        "monitor": told.monitor,
        "from": told.nights[0].data_date.isoformat(),
        "to": told.nights[-1].data_date.isoformat(),
        "nights": len(told.nights),
        "html": None if html is None else str(html),
    }


def _plain(told: ReplayedNight | ReplayedSetting) -> dict[str, Any]:
    money = {currency: float(amount) for currency, amount in told.money.items()}
    return {**told.model_dump(mode="json"), "money": money}


def _candidate(candidate: Candidate, told: Backtest) -> dict[str, Any]:
    from reports.backtest import reasons

    return {
        "kind": "candidate",
        "id": candidate.id,
        "fingerprint": candidate.fingerprint,
        "monitor": candidate.monitor,
        "type": candidate.type,
        "subject": candidate.subject.label,
        "records": list(candidate.records),
        "time_from": candidate.time_from.isoformat() if candidate.time_from else None,
        "time_to": candidate.time_to.isoformat() if candidate.time_to else None,
        "severity": candidate.severity,
        "exposure": float(candidate.exposure) if candidate.exposure is not None else None,
        "currency": candidate.currency,
        "reasons": reasons(candidate.facts, told.lang, told.timezone),
    }


def _lines(told: Backtest, html: Path | None) -> Iterator[str]:
    yield f"{'night':10} {'records':>9} {'history':>9} {'findings':>8} {'mailed':>6} {'new':>4}  money; types"
    for night in told.nights:
        money = ", ".join(f"{amount:,.2f} {currency}".rstrip() for currency, amount in night.money.items()) or "-"
        types = ", ".join(f"{name} {count}" for name, count in night.types.items())
        broken = f"  data broken: {', '.join(night.broken)}" if night.broken else ""
        yield (
            f"{night.data_date} {night.records:>9,} {night.history:>9,} {night.findings:>8} {night.mailed:>6} "
            f"{night.new:>4}  {money}; {types or '-'}{broken}"
        )
    yield ""
    yield (
        f"  {'fdr':>5} {'budget':>6} {'findings':>8} {'mailed':>6} {'no mail':>7} {'distinct':>8} {'repeats':>7} "
        f"{'precision':>14} {'recall':>14}   (findings and mailed: a night)"
    )
    for each in told.settings:
        precision = f"{each.precision:.0%} of {each.judged}" if each.precision is not None else "-"
        recall = f"{each.recall:.0%} of {each.known}" if each.recall is not None else "-"
        rate = f"{each.fdr:g}" if told.fdr_matters else "-"
        yield (
            f"{'*' if each.chosen else ' '} {rate:>5} {each.budget:>6} {each.findings_a_night:>8.1f} "
            f"{each.mailed_a_night:>6.1f} {each.nights_without_mail:>7} {each.distinct:>8} {each.repeats:>7} "
            f"{precision:>14} {recall:>14}"
        )
    if told.candidates:
        yield ""
        yield "the strangest of the history, for `sereno triage ID`:"
    for candidate in told.candidates:
        said = _candidate(candidate, told)
        yield f"{candidate.id}  {candidate.severity:5.1f}  {candidate.subject.label}: {'; '.join(said['reasons'][:2])}"
    if html is not None:
        yield f"page: {html}"

"""`sereno backtest`: the last nights again, as they were known then, at several settings; nothing is stored or sent."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import polars as pl

from analyzers.analyze import analyze_at
from analyzers.columns import Role, Shape
from analyzers.findings import rebudgeted
from analyzers.results import Analysis, Candidate, CheckStatus, Finding
from analyzers.settings import Material
from flows.analysis import build_material
from flows.history_review import strangest_of
from flows.house_style import read_style
from flows.judged import Judged, judged_cases
from flows.replay import Past, read_past, scratch_in
from flows.version import version
from flows.warehouse import Warehouse, episodes
from flows.warehouse.publish import publish
from flows.warehouse.runs import RunRecord, RunStatus
from flows.workspace import Workspace, run_folder
from reports.backtest import Backtest, ReplayedNight, ReplayedSetting

Say = Callable[[str], None]

RATES = (0.05, 0.1, 0.2)
BUDGETS = (5, 10, 20)


@dataclass(frozen=True)
class Request:
    """What to replay; `rates` and `budgets` are tried beside the monitor's own. `review`: cases from the history."""

    monitor: str
    nights: int
    data_date: date | None = None
    rates: tuple[float, ...] = RATES
    budgets: tuple[int, ...] = BUDGETS
    review: int = 0


@dataclass(frozen=True)
class Raised:
    """One night at one pair of settings."""

    findings: int
    mailed: tuple[Finding, ...]


@dataclass(frozen=True)
class _Night:
    told: ReplayedNight
    raised: dict[tuple[float, int], Raised]


def run_backtest(workspace: Workspace, request: Request, *, say: Say, now: datetime) -> Backtest:
    """Replay the nights and count; with `review`, also keep the history's strangest for triage.

    Raises SourceError where there is nothing to replay.
    """
    monitor = workspace.monitor(request.monitor)
    workspace.prepare()
    with run_folder(workspace, f"backtest-{monitor.name}-{now:%Y%m%dT%H%M%S}-{time.monotonic_ns()}") as folder:
        scratch = scratch_in(folder)
        say("reading the records")
        past, dates = read_past(
            workspace, monitor, scratch, nights=request.nights, data_date=request.data_date, now=now
        )
        replay = _Replay(workspace, past, scratch, request)
        nights: list[_Night] = []
        for number, day in enumerate(dates, start=1):
            nights.append(replay.night(day, seen=nights))
            say(f"[{number}/{len(dates)}] {day}: {nights[-1].told.findings} findings, {nights[-1].told.mailed} mailed")
        candidates: tuple[Candidate, ...] = ()
        if request.review:
            say("looking for the strangest of the history")
            candidates = strangest_of(workspace, past, dates[-1], request.review)
    truth = _truth(workspace, past, dates)
    return Backtest(
        title=monitor.title,
        monitor=monitor.name,
        lang=workspace.settings.language,
        timezone=monitor.timezone,
        version=version(),
        fdr_matters=monitor.records.shape is Shape.EVENTS,
        nights=tuple(night.told for night in nights),
        settings=tuple(_setting(pair, replay.own, nights, truth) for pair in replay.grid),
        candidates=candidates,
        style=read_style(workspace),
    )


class _Replay:
    """One replay: what all its nights share."""

    def __init__(self, workspace: Workspace, past: Past, scratch: Warehouse, request: Request) -> None:
        self._workspace, self._past, self._scratch = workspace, past, scratch
        self._key = workspace.hash_key()
        settings = past.monitor.analysis_settings()
        self.own = (settings.fdr, settings.budget)
        tables = past.monitor.records.shape is Shape.EVENTS
        rates = sorted({settings.fdr, *(request.rates if tables else ())})
        self.grid = tuple(product(rates, sorted({settings.budget, *request.budgets})))

    def night(self, day: date, *, seen: Sequence[_Night]) -> _Night:
        """What a date would have raised at every pair of settings."""
        started = time.monotonic()
        material = self._material(day)
        rates = tuple(dict.fromkeys(rate for rate, _ in self.grid))
        analyses = analyze_at(material, rates)
        if self._past.monitor.records.shape is not Shape.EVENTS:
            # Episodes over several nights are one: that is told by what earlier nights published.
            analyses = dict.fromkeys(rates, self._published(day, analyses[rates[0]]))
        raised = {(rate, budget): _raised(material, analyses[rate].findings, budget) for rate, budget in self.grid}
        return _Night(_told(day, analyses[self.own[0]], raised[self.own], seen, self.own, started), raised)

    def _material(self, day: date) -> Material:
        monitor, frames = self._past.monitor, self._past.frames(day)
        judged_before = self._past.decided.get(day) or monitor.batch_bounds(day)[1] + timedelta(days=1)
        stored = Warehouse.of(self._workspace) if self._workspace.warehouse.is_file() else self._scratch
        with stored.reading() as connection:
            material = build_material(
                connection, monitor, day, frames, key=self._key, judged_before=judged_before.astimezone(UTC)
            )
        if monitor.records.shape is Shape.EVENTS:
            return material
        with self._scratch.reading() as connection:
            replayed = episodes.outside_the_baseline(connection, monitor.name, day)
        return replace(material, earlier_episodes=(*material.earlier_episodes, *replayed))

    def _published(self, day: date, analysis: Analysis) -> Analysis:
        """The analysis as a night would have published it into a warehouse of the replay's own."""
        at = datetime.combine(day, datetime.min.time(), UTC)
        dated = tuple(finding.model_copy(update={"data_date": day}) for finding in analysis.findings)
        run = RunRecord(f"backtest-{day}", self._past.monitor.name, day, RunStatus.DONE, at, at)
        with self._scratch.writing() as connection:
            known = episodes.inherit(connection, replace(analysis, findings=dated), day)
            publish(connection, run, known)
        return known


def _raised(material: Material, findings: Sequence[Finding], budget: int) -> Raised:
    settings = material.settings.model_copy(update={"budget": budget})
    told = rebudgeted(replace(material, settings=settings), findings, ())
    return Raised(len(told), tuple(finding for finding in told if finding.mailed))


def _told(
    day: date, analysis: Analysis, raised: Raised, seen: Sequence[_Night], own: tuple[float, int], started: float
) -> ReplayedNight:
    before = {finding.fingerprint for night in seen for finding in night.raised[own].mailed}
    types = Counter(finding.type for finding in raised.mailed)
    return ReplayedNight(
        data_date=day,
        records=analysis.records,
        history=analysis.history_records,
        findings=raised.findings,
        mailed=len(raised.mailed),
        new=sum(finding.fingerprint not in before for finding in raised.mailed),
        money=_money(raised.mailed),
        types=dict(sorted(types.items(), key=lambda item: (-item[1], item[0]))),
        broken=tuple(dict.fromkeys(c.name for c in analysis.checks if c.status is CheckStatus.FAILED)),
        seconds=round(time.monotonic() - started, 2),
    )


def _money(findings: Iterable[Finding]) -> dict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for finding in findings:
        if finding.exposure is not None:
            sums[finding.currency or ""] += finding.exposure
    return dict(sorted(sums.items()))


@dataclass(frozen=True)
class _Truth:
    """What people know of the replayed nights."""

    judged: tuple[Judged, ...]
    real: tuple[Judged, ...]
    """Those of them that are real and lie in these nights."""


def _truth(workspace: Workspace, past: Past, dates: Sequence[date]) -> _Truth:
    monitor = past.monitor
    known = judged_cases(workspace, monitor.name)
    start, end = monitor.batch_bounds(dates[0])[0], monitor.batch_bounds(dates[-1])[1]
    time_column = pl.col(monitor.described().one(Role.TIME) or "")
    within = past.frame.filter((time_column >= start.astimezone(UTC)) & (time_column < end.astimezone(UTC)))
    records = set(within["record_id"].to_list())
    return _Truth(tuple(known), tuple(case for case in known if case.real and case.lies_within(start, end, records)))


def _setting(
    pair: tuple[float, int], own: tuple[float, int], nights: Sequence[_Night], truth: _Truth
) -> ReplayedSetting:
    raised = [night.raised[pair] for night in nights]
    distinct = {finding.fingerprint: finding for night in raised for finding in night.mailed}
    mailed = sum(len(night.mailed) for night in raised)
    verdicts = [
        next((case.real for case in truth.judged if case.is_about(finding)), None) for finding in distinct.values()
    ]
    return ReplayedSetting(
        fdr=pair[0],
        budget=pair[1],
        chosen=pair == own,
        findings_a_night=sum(night.findings for night in raised) / len(raised),
        mailed_a_night=mailed / len(raised),
        nights_without_mail=sum(not night.mailed for night in raised),
        distinct=len(distinct),
        repeats=mailed - len(distinct),
        money=_money(distinct.values()),
        judged=sum(verdict is not None for verdict in verdicts),
        real=sum(bool(verdict) for verdict in verdicts),
        known=len(truth.real),
        found=sum(any(case.is_about(finding) for finding in distinct.values()) for case in truth.real),
    )

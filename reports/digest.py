"""What a night comes to: its findings in order, counts and sums, and the sentence that proves it looked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from analyzers.results import Check, CheckStatus, FactKind, Finding
from reports.contents import MonitorPart, Night, ReportedFinding
from reports.phrases import Phrases


@dataclass(frozen=True)
class Placed:
    """A finding, the monitor it belongs to, and its place in the night's order (from 1)."""

    number: int
    part: MonitorPart
    reported: ReportedFinding


@dataclass(frozen=True)
class Money:
    """An amount in one currency; never summed across currencies."""

    amount: Decimal
    currency: str | None


@dataclass(frozen=True)
class Digest:
    """A night's findings by falling priority, and what they come to."""

    night: Night

    @cached_property
    def ordered(self) -> tuple[Placed, ...]:
        """All findings: those within the budget first, each group by falling priority."""
        pairs = [(part, reported) for part in self.night.parts for reported in part.findings]
        pairs.sort(key=lambda pair: (not pair[1].finding.mailed, -pair[1].finding.priority, pair[1].finding.id))
        return tuple(Placed(number, part, reported) for number, (part, reported) in enumerate(pairs, start=1))

    @cached_property
    def mailed(self) -> tuple[Placed, ...]:
        """Findings within the budget."""
        return tuple(placed for placed in self.ordered if placed.reported.finding.mailed)

    @cached_property
    def below_budget(self) -> tuple[Placed, ...]:
        """Findings beyond the budget."""
        return tuple(placed for placed in self.ordered if not placed.reported.finding.mailed)

    @cached_property
    def money(self) -> tuple[Money, ...]:
        """Money at risk in the findings within the budget, per currency."""
        return money_of(self.mailed)

    @cached_property
    def stoppable(self) -> tuple[Money, ...]:
        """Money at risk within the budget that can still be stopped, per currency."""
        return money_of(placed for placed in self.mailed if can_be_stopped(placed.reported.finding))

    @cached_property
    def expected_loss(self) -> tuple[Money, ...]:
        """Expected loss of the findings within the budget whose type has enough verdicts, per currency."""
        losses = ((placed.reported.finding.expected_loss, placed.reported.finding.currency) for placed in self.mailed)
        return _summed((amount, currency) for amount, currency in losses if amount is not None)

    @property
    def with_expected_loss(self) -> int:
        """How many findings `expected_loss` speaks of."""
        return sum(placed.reported.finding.expected_loss is not None for placed in self.mailed)

    @cached_property
    def open_money(self) -> tuple[Money, ...]:
        """Money at risk in what earlier nights raised and is still open, per currency."""
        return _summed(
            (amount, currency or None) for part in self.night.parts for currency, amount in part.open_exposure.items()
        )

    @property
    def oldest(self) -> date | None:
        """First night of the finding that has been open longest."""
        return min((part.oldest_open for part in self.night.parts if part.oldest_open is not None), default=None)

    @property
    def new(self) -> int:
        """Findings that no earlier night had raised."""
        return sum(part.new for part in self.night.parts)

    @property
    def still_open(self) -> int:
        """Findings of earlier nights that no disposition has closed."""
        return sum(part.still_open for part in self.night.parts)

    @property
    def unseen(self) -> int:
        """How many of these tonight did not see: they left the batch, or no longer stand out."""
        return sum(part.unseen for part in self.night.parts)

    @cached_property
    def fresh(self) -> tuple[Placed, ...]:
        """Findings within the budget that no earlier night had raised; none where all of them are."""
        found = tuple(placed for placed in self.mailed if placed.reported.finding.times_seen == 1)
        return found if self.still_open or len(found) < len(self.mailed) else ()

    @property
    def ended(self) -> int:
        """Findings whose condition has ended since the night before."""
        return sum(part.ended for part in self.night.parts)

    @property
    def failed(self) -> tuple[MonitorPart, ...]:
        """Monitors that failed, so that what they watch was not looked at."""
        return tuple(part for part in self.night.parts if part.status == "failed")

    @property
    def broken(self) -> tuple[MonitorPart, ...]:
        """Monitors whose data failed a check, so that statistics did not look at it."""
        return tuple(part for part in self.night.parts if failed_checks(part))

    @property
    def quiet(self) -> bool:
        """Whether everything was looked at and nothing needs a reader."""
        return bool(self.night.parts) and not (self.mailed or self.failed or self.broken)

    @property
    def records(self) -> int:
        """Records looked at."""
        return sum(part.records for part in self.night.parts)

    @property
    def checks_run(self) -> int:
        """Checks that ran, whatever they said."""
        return sum(check.status is not CheckStatus.SKIPPED for part in self.night.parts for check in part.checks)

    @property
    def replaced(self) -> int:
        """Claims of all narratives that failed the check against the facts."""
        return sum(placed.reported.narrative.replaced for placed in self.ordered)

    @property
    def unasked(self) -> int:
        """Findings about which the model was not asked, as its time was used up or it failed."""
        return sum(placed.reported.narrative.unasked for placed in self.ordered)

    def looked(self, phrases: Phrases) -> str:
        """The sentence that proves the run looked: records, history and checks."""
        history = sum(part.history_records for part in self.night.parts)
        records = phrases.text("page.records", count=self.records)
        checks = phrases.text("page.checks_run", count=self.checks_run)
        if not history:
            return phrases.text("page.looked_alone", records=records, checks=checks)
        earlier = phrases.text("page.earlier", count=history)
        return phrases.text("page.looked", records=records, history=earlier, checks=checks)


def failed_checks(part: MonitorPart) -> tuple[Check, ...]:
    """The checks by which a monitor's data is broken."""
    return tuple(check for check in part.checks if check.status is CheckStatus.FAILED)


def can_be_stopped(finding: Finding) -> bool | None:
    """Whether the finding's money can still be stopped; None where no fact says."""
    said = [fact.values.get("stoppable") for fact in finding.facts if fact.kind is FactKind.STOPPABLE]
    return bool(said[0]) if said else None


def money_of(findings: Iterable[Placed]) -> tuple[Money, ...]:
    """Money at risk in these findings, per currency, by its code."""
    about = [placed.reported.finding for placed in findings]
    return _summed((finding.exposure, finding.currency) for finding in about if finding.exposure is not None)


def _summed(amounts: Iterable[tuple[Decimal, str | None]]) -> tuple[Money, ...]:
    sums: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for amount, currency in amounts:
        sums[currency] += amount
    ordered = sorted(sums.items(), key=lambda item: item[0] or "")
    return tuple(Money(amount, currency) for currency, amount in ordered if amount)

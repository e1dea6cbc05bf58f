"""What a report is made of: findings with their narratives, per monitor, for one night.

Data only. `flows` fills these in; the page, the mail and the exports render them.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import Field

from analyzers.results import Candidate, Check, EntityRisk, Finding, Frozen, Guarantee
from reports.house_style import HouseStyle

Lang = Literal["en", "es"]
VerdictName = Literal["confirmed", "accepted", "false_positive", "inconclusive"]
VERDICTS: tuple[VerdictName, ...] = ("confirmed", "accepted", "false_positive", "inconclusive")
"""What a person can decide, in the order in which reports count it."""


class Mode(StrEnum):
    """How a narrative came about."""

    STRICT = "strict"
    """A local model ordered and connected the facts, chose the cause and the next step."""
    PROSE = "prose"
    """A local model that earned it also wrote the words around the facts."""
    TEMPLATE = "template"
    """No model: code's own order and wording."""


class Claim(Frozen):
    """One sentence of a narrative and the ids of the facts that it cites (none for a step)."""

    text: str
    facts: tuple[str, ...]
    part: Literal["what", "stake", "cause", "step"]
    words: tuple[str, ...] = ()
    """What a model wrote before each cited fact and after the last one; empty where code wrote the whole sentence."""


class Narrative(Frozen):
    """What the report says about one finding."""

    finding: str
    """Id of the finding."""
    text: str
    claims: tuple[Claim, ...]
    lang: Lang
    mode: Mode
    grounded: bool
    replaced: int = 0
    """Claims that failed the grounding check and were replaced by the plain clause."""
    model: str | None = None
    unasked: bool = False
    """Whether there was a model and it was not asked about this finding: it had no time left, or failed before."""


class EarlierFinding(Frozen):
    """An earlier finding like one of tonight's, and what a person decided about it."""

    fingerprint: str
    id: str
    subject: str
    data_date: date
    """The latest date that told it."""
    exposure: Decimal | None = None
    currency: str | None = None
    verdict: VerdictName | None = None
    """Null where nobody has judged it."""
    reason: str | None = None
    """The person's own words."""
    decided_on: date | None = None
    itself: bool = False
    """Whether it is the same finding, which speaks again."""
    records: tuple[str, ...] = ()
    """Record ids; not shown, but they say whom it names."""


class SimilarFindings(Frozen):
    """The nearest earlier findings, and what people decided so far about all findings of the type."""

    told: tuple[EarlierFinding, ...]
    confirmed: int = 0
    accepted: int = 0
    false_positive: int = 0
    inconclusive: int = 0
    like_judged: int = 0
    """Verdicts on those of the type and about the same entity, inconclusive ones apart; they are among the above."""
    like_dismissed: int = 0
    """Those of them that were false alarms."""


class ReportedFinding(Frozen):
    """A finding with its narrative, what was before it, and how it will be opened for triage."""

    finding: Finding
    narrative: Narrative
    similar: SimilarFindings | None = None
    """Null where no earlier night told of one."""
    triage_url: str | None = None


class Cost(Frozen):
    """What narrating came to: of one run, or of all of a night."""

    asked: int
    """Findings for which the model wrote anew; the others replayed a skeleton, or had none."""
    tokens_read: int
    tokens_written: int
    seconds: float
    """By the clock."""
    processor_seconds: float
    """Of all cores."""
    watt_hours: float | None
    """Estimated from the processor time; null where a server elsewhere did the work."""

    def __add__(self, other: Cost) -> Cost:
        known = self.watt_hours is not None and other.watt_hours is not None
        return Cost(
            asked=self.asked + other.asked,
            tokens_read=self.tokens_read + other.tokens_read,
            tokens_written=self.tokens_written + other.tokens_written,
            seconds=self.seconds + other.seconds,
            processor_seconds=self.processor_seconds + other.processor_seconds,
            watt_hours=(self.watt_hours or 0.0) + (other.watt_hours or 0.0) if known else None,
        )


class ModelNote(Frozen):
    """The model behind the narratives; `name` is null where there was none."""

    name: str | None = None
    sha256: str | None = None
    mode: Mode = Mode.TEMPLATE
    reason: str | None = None
    """Why there was no model."""
    mark: Literal["strict", "prose", "none"] | None = None
    """What the model earned in the exam on the machine of the run; null where it has not been examined there."""
    examined: date | None = None
    """Day of that exam."""
    cost: Cost | None = None
    """What its narration came to; null where no model wrote."""
    failure: str | None = None
    """How it failed while it narrated; what it had not been asked about then keeps template sentences."""


class Precision(Frozen):
    """What people found when they judged findings: the share of real ones, with its exact interval of 95 %."""

    statistical: bool
    """Whether only findings of statistics count, or all."""
    real: int
    judged: int
    low: float
    high: float


class Missed(Frozen):
    """What people found among the cases drawn at random from below the line."""

    nights: int
    drawn: int
    judged: int
    missed: int
    below_line: int
    """Cases below the line in those nights."""
    share_at_most: float
    """Upper bound of 95 % on the share of them that should have been reported."""


class MonitorPart(Frozen):
    """One monitor's part of a night."""

    monitor: str
    title: str
    run: str
    data_date: date | None
    status: Literal["done", "unchanged", "failed", "skipped"]
    error: str | None = None
    records: int = 0
    history_records: int = 0
    quarantined: int = 0
    time_from: datetime | None = None
    time_to: datetime | None = None
    findings: tuple[ReportedFinding, ...] = ()
    checks: tuple[Check, ...] = ()
    guarantees: tuple[Guarantee, ...] = ()
    inferred: tuple[str, ...] = ()
    """For `scan`: what was inferred about each column, a sentence each."""
    new: int = 0
    still_open: int = 0
    unseen: int = 0
    """How many of what is still open this run did not see."""
    open_exposure: dict[str, Decimal] = Field(default_factory=dict)
    """Money at risk in what is still open, per currency; the empty text stands for one that nothing states."""
    oldest_open: date | None = None
    """When the oldest of what is still open was first seen."""
    entities: tuple[EntityRisk, ...] = ()
    """Entities at risk, by falling risk."""
    ended: int = 0
    precision: tuple[Precision, ...] = ()
    """What people judged so far; empty where nobody has."""
    drawn: tuple[Candidate, ...] = ()
    """Cases drawn at random from below the line, for review."""
    missed: Missed | None = None
    """What such cases have shown so far."""


class Night(Frozen):
    """All that one report says."""

    title: str
    lang: Lang
    timezone: str
    data_date: date | None
    created_at: datetime
    parts: tuple[MonitorPart, ...]
    model: ModelNote
    version: str
    config_hash: str | None = None
    audit_head: str | None = None
    correction: int = 0
    """0 for the night's first report, then the number of the correction."""
    style: HouseStyle = HouseStyle()

"""What analyzers give back. Data only: `reports` uses these types and nothing else of `analyzers`.

A flag is one analyzer's hit; flags about the same thing become one finding; a finding's facts are all that its
narrative may speak of. A check is something a run did or skipped, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import polars as pl
from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """A value: immutable, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Direction(StrEnum):
    """Where the actual value lies against what was expected."""

    ABOVE = "above"
    BELOW = "below"


class FactKind(StrEnum):
    """Every kind of fact. `reports.clauses` has one template per kind and language.

    Each comment says what `actual`, `expected_low`/`expected_high`, `ratio` and `values` hold.
    """

    # -- a record against others -------------------------------------------------------------------------------------
    OWN_HISTORY = "own_history"
    """actual: the value; expected: its entity's usual range (10th to 90th percentile); ratio: actual / own median;
    values: entity (label), count (earlier records of the entity), earlier (false where they are other records of the
    same batch, for want of a history; so below)."""
    PEERS = "peers"
    """actual: the value; expected: the usual range of all comparable records; ratio: actual / their median;
    values: count."""
    RARE_VALUE = "rare_value"
    """actual: the category's text; values: count (how often in history), total (history's size), earlier."""
    RARE_PAIR = "rare_pair"
    """actual: "a + b"; values: first, second (column names), count, total, earlier."""
    NEW_ENTITY = "new_entity"
    """actual: the entity's label; feature: its column; values: count (records of it before this batch), earlier,
    unusual (records of the finding, where there are several)."""
    FREQUENCY = "frequency"
    """actual: records of the entity in a window; expected: its usual range; ratio; values: entity, days."""
    UNUSUAL_TIME = "unusual_time"
    """at: the instant; actual: the hour (0-23), unit "h"; expected: usual hours; values: weekday (0 Monday),
    count (further records of the finding, where it is a run of them)."""
    COMBINATION = "combination"
    """No single column explains it: feature: the strongest one; values: columns (comma-separated)."""
    STRANGENESS = "strangeness"
    """actual: share of comparable records that are less strange (0-1); values: count (their number)."""
    # -- audit tests -------------------------------------------------------------------------------------------------
    DUPLICATE = "duplicate"
    """actual: amount; values: other (document label of the first payment), days (between the two), pattern
    (such as "EESE"), other_at (ISO date of the first), respelt (whether the same number is written differently)."""
    STOPPABLE = "stoppable"
    """Whether the payment's money can still be stopped. values: stoppable (bool); until (ISO date: the last day on
    which it can be, or by which it had left) or status (the text of its status, where that decides)."""
    BELOW_LIMIT = "below_limit"
    """actual: amount; expected_high: the limit; ratio: actual / limit; values: count (others as close of
    this entity)."""
    SPLIT = "split"
    """actual: the pieces' sum; expected_high: the limit; values: count (pieces), days (from first to last)."""
    ROUND_AMOUNT = "round_amount"
    """actual: amount; values: unit_of (the round unit, 1000), share (how often amounts are that round, 0-1)."""
    BENFORD = "benford"
    """actual: observed share of the leading digits; expected_low/high: their share by Benford's law; ratio;
    values: digits, count (amounts), mad (mean absolute deviation), excess (over what chance gives)."""
    ENDINGS = "endings"
    """actual: share of amounts with one ending; expected_high: usual share; values: ending, count."""
    NO_DESCRIPTION = "no_description"
    """feature: the empty column."""
    SEQUENCE_GAP = "sequence_gap"
    """actual: how many numbers are missing; values: after, before (document labels)."""
    WEEKEND = "weekend"
    """at; values: weekday (0 Monday), share (of all records on such days, 0-1)."""
    HOLIDAY = "holiday"
    """at; values: holiday (its name)."""
    NIGHT = "night"
    """at; actual: the hour, unit "h"; expected: office hours."""
    PERIOD_END = "period_end"
    """at; values: days (to the end of the period)."""
    SELDOM_PAIR = "seldom_pair"
    """actual: "account + user"; values: first, second (columns), count and total (of all other records)."""
    SELF_APPROVED = "self_approved"
    """actual: the (masked) person who both created and approved."""
    BANK_CHANGED = "bank_changed"
    """values: days (from the change to the payment), previous (masked account), current (masked account)."""
    SHARED_DETAILS = "shared_details"
    """feature: the shared column; values: with (masked label of the employee or other vendor)."""
    RELATIVE_SIZE = "relative_size"
    """actual: amount; expected_high: the entity's next largest; ratio: actual / next largest; values: entity."""
    HOUSE_RULE = "house_rule"
    """actual: the rule's name; values: text (what the monitor's author wrote)."""
    # -- behaviour of an entity --------------------------------------------------------------------------------------
    SILENCE = "silence"
    """No record for long. actual: whole days since the last one; at: the last one; expected: usual days between two
    (10th to 90th percentile); ratio: actual / their median; values: entity, count (records up to then)."""
    CATEGORY_SHIFT = "category_shift"
    """feature: the category; actual: a value of it that has become more or less usual; direction; values: entity, count
    (latest records with it), total (latest records), days (within which), before (earlier records with it),
    before_total (earlier records)."""
    RECENT_LEVEL = "recent_level"
    """actual: median of the latest values; expected: the entity's usual range (10th to 90th percentile); ratio: actual
    / own median; values: entity, count (latest records), days (within which)."""
    RECENT_SUM = "recent_sum"
    """actual: what the records of a window add up to; expected: what they usually add up to in as long a time (10th to
    90th percentile); ratio: actual / their median; values: entity, days."""
    # -- series ------------------------------------------------------------------------------------------------------
    OUTSIDE_BAND = "outside_band"
    """actual: the peak of the episode; expected: the band at that moment; at: when; ratio: distance in usual
    deviations."""
    LEVEL_SHIFT = "level_shift"
    """actual: mean within the episode; expected_low/high: baseline mean +- its usual variation; ratio: shift in
    usual deviations."""
    MORE_VARIATION = "more_variation"
    """actual: spread in the episode; expected_high: usual spread; ratio."""
    LESS_VARIATION = "less_variation"
    """actual: spread in the episode; expected_low: usual spread; ratio."""
    RELATION_BROKEN = "relation_broken"
    """The sensor no longer follows the others. actual: measured; expected: what the others predict; ratio: in
    usual deviations."""
    EPISODE = "episode"
    """at: start; actual: duration in minutes, unit "min"; values: open (bool), end (ISO instant or null), paused
    (true where it is open and nothing was judged since)."""
    ALSO_MOVED = "also_moved"
    """feature: another measure that moved in the same episode; ratio: its deviation; direction."""
    ONE_SIDED = "one_sided"
    """A small difference that lasts. ratio: its mean in usual deviations of single readings; direction."""
    JOINT_DISTANCE = "joint_distance"
    """All measures together left their usual pattern, none by itself. ratio: how far, in usual deviations; values:
    columns (comma-separated, those that contribute most)."""
    # -- sensor quality ----------------------------------------------------------------------------------------------
    FLAT_LINE = "flat_line"
    """actual: the value it is stuck at; at: since when; values: minutes."""
    SILENT = "silent"
    """at: since when; actual: minutes without a reading, unit "min"; expected_high: usual interval in minutes."""
    SPIKES = "spikes"
    """actual: number of single-sample spikes; expected_high: usual number in as long a time."""
    GROSS_RANGE = "gross_range"
    """actual: the most extreme reading; expected: the plausible range; values: count (readings outside)."""
    RATE_OF_CHANGE = "rate_of_change"
    """actual: the largest step between two readings; expected_high: the largest usual one; values: count (steps
    beyond it)."""
    CLIMATOLOGY = "climatology"
    """actual: the most extreme reading; expected: the range stated for that time of the year; values: count (readings
    outside)."""
    NEIGHBOUR = "neighbour"
    """actual: mean difference from the neighbouring sensor; expected: its usual range; ratio; values: neighbour."""
    CLOCK_STUCK = "clock_stuck"
    """at: the time that the readings share; values: count (readings)."""
    BAD_QUALITY = "bad_quality"
    """The source itself marked the readings as bad. at: since when; values: count (readings)."""
    UNIT_CHANGED = "unit_changed"
    """values: previous, current (units as the source writes them), count (readings in the current one)."""
    SENSOR_DRIFT = "sensor_drift"
    """actual: mean difference from the redundant or predicted sensor; expected: its usual range; ratio."""
    # -- any ---------------------------------------------------------------------------------------------------------
    EXPOSURE = "exposure"
    """actual: the money at risk; unit: its currency."""
    DECIDED_BEFORE = "decided_before"
    """What became of similar earlier findings, of the same type and entity. values: count, days (within which);
    dismissed, accepted, confirmed (how many of them were judged so; left out where none was); reason (the latest words
    of the verdict given most often, or null)."""
    SEEN_BEFORE = "seen_before"
    """values: count (nights), since (ISO date)."""


Scalar = str | int | float | bool | None


class Fact(Frozen):
    """One typed, checkable statement of evidence; `FactKind` says what each slot holds for its kind."""

    id: str = ""
    """`f1`, `f2`, ... in order of weight within a finding; set when flags are merged."""
    kind: FactKind
    feature: str | None = None
    """Name of the source column that it is about."""
    actual: float | str | None = None
    expected_low: float | None = None
    expected_high: float | None = None
    ratio: float | None = None
    direction: Direction | None = None
    unit: str | None = None
    """A currency code (ISO 4217), or a unit as the source writes it."""
    at: datetime | None = None
    """Time zone aware."""
    weight: float = 1.0
    """How much it explains, 0 to 1; facts are told in this order."""
    values: dict[str, Scalar] = Field(default_factory=dict)


class SubjectKind(StrEnum):
    """What a finding is about."""

    RECORD = "record"
    GROUP = "group"
    """Several records of one entity, such as the parts of a purchase; labelled with the entity."""
    ENTITY = "entity"
    SERIES = "series"
    BATCH = "batch"


class Subject(Frozen):
    """What a finding is about: `id` is stable across nights, `label` is what reports print."""

    kind: SubjectKind
    id: str
    label: str


class Family(StrEnum):
    """Where a flag comes from; decides how it merges, and which playbook serves a type without its own."""

    TABULAR = "tabular"
    AUDIT = "audit"
    SERIES = "series"
    SENSOR = "sensor"
    RULE = "rule"
    BEHAVIOUR = "behaviour"


class SeriesChart(Frozen):
    """Actual against expected band. At most 400 points, downsampled so that extremes stay; all of one length."""

    feature: str
    unit: str | None = None
    times: tuple[datetime, ...]
    actual: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    start: datetime
    """The episode, to be shaded; `end` is null while it lasts."""
    end: datetime | None = None


class Statistic(StrEnum):
    """What a control chart of subgroups plots."""

    CUSUM = "cusum"
    """The larger of two one-sided sums of what the subgroups' means depart by, signed."""
    EWMA = "ewma"
    """The exponentially weighted mean of the subgroups, in deviations of its own."""
    RUNS = "runs"
    """How unlikely the pattern of the latest subgroups is (Western Electric), as a normal deviate."""


class ControlChart(Frozen):
    """A control chart of subgroup means with its limits. At most 400 points, extremes kept; all of one length."""

    feature: str
    statistic: Statistic
    minutes: float
    """Length of a subgroup."""
    times: tuple[datetime, ...]
    values: tuple[float, ...]
    """In deviations of a subgroup's mean, 0 for what is usual."""
    limit: float
    """The limit on either side, widened to the stated false alarms."""
    textbook: float
    """The limit of the textbook, which takes independent readings for granted."""
    start: datetime
    """The episode, to be shaded; `end` is null while it lasts."""
    end: datetime | None = None


class PeersChart(Frozen):
    """The record among its peers: at most 200 peers' values, sampled evenly over their order."""

    feature: str
    unit: str | None = None
    actual: float
    peers: tuple[float, ...]
    peers_label: str
    """Whose values these are, such as an entity's label."""


class DigitsChart(Frozen):
    """Observed share of the leading digits (10 to 99) against Benford's."""

    digits: tuple[int, ...]
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    count: int


class WeeksChart(Frozen):
    """Records of an entity a week, and how many of them are of one value; at most 60 weeks, all of one length."""

    label: str
    """Whose records these are."""
    weeks: tuple[datetime, ...]
    """Start of each week."""
    counts: tuple[int, ...]
    low: float
    """Usual number a week, 10th to 90th percentile before `start`."""
    high: float
    start: datetime
    """Since when it is otherwise."""
    value: str | None = None
    """The value that `with_value` counts; null where none stands out."""
    with_value: tuple[int, ...] = ()


Chart = SeriesChart | ControlChart | PeersChart | DigitsChart | WeeksChart


class Flag(Frozen):
    """One analyzer's hit on one record, entity or interval."""

    analyzer: str
    type: str
    """The finding type it asks for, such as `duplicate_payment` or `level_shift`."""
    family: Family
    subject: Subject
    rows: tuple[int, ...]
    """Rows of the batch frame, from 0."""
    severity: float = Field(ge=0, le=100)
    score: float = 0.0
    p_value: float | None = None
    exposure: Decimal | None = None
    currency: str | None = None
    time_from: datetime | None = None
    time_to: datetime | None = None
    open: bool | None = None
    """For series and behaviour: whether it still lasts at the batch's end."""
    facts: tuple[Fact, ...]
    chart: Chart | None = None


class Condition(StrEnum):
    """Whether what a finding about a series or an entity describes still holds."""

    ACTIVE = "active"
    ENDED = "ended"


class Review(StrEnum):
    """How far people are with it; only a disposition closes it."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    CLOSED = "closed"


class Finding(Frozen):
    """Flags about the same thing, as one reportable item."""

    id: str
    """The first 12 hex digits of the fingerprint."""
    fingerprint: str
    """`v1:` and a keyed hash of (monitor, type, subject id[, start of the episode])."""
    monitor: str
    data_date: date | None
    type: str
    family: Family
    also: tuple[str, ...] = ()
    """Types of the other flags that were merged into it."""
    subject: Subject
    rows: tuple[int, ...]
    records: tuple[str, ...]
    """Record ids, at most 200 (an episode has more rows)."""
    time_from: datetime | None
    time_to: datetime | None
    severity: float
    """0 to 100, how strange; reports print it as "strangeness"."""
    exposure: Decimal | None
    currency: str | None
    likelihood: float
    """0 to 1."""
    consequence: float
    """0 to 1."""
    priority: float
    """0 to 100."""
    condition: Condition | None = None
    review: Review = Review.OPEN
    first_seen: date | None = None
    times_seen: int = 1
    mailed: bool = True
    """Whether it is within the monitor's budget, neither trivial nor allowed."""
    material: bool = False
    """Whether its money reaches the monitor's `materiality`."""
    allowed: str | None = None
    """The reason for which the monitor's allow list tolerates it; null where it does not."""
    muted_until: datetime | None = None
    """Until when a person has snoozed it, or the entity that it is about; null where nobody has."""
    expected_loss: Decimal | None = None
    """Exposure times likelihood; null until there are enough verdicts on findings of its type."""
    p_value: float | None = None
    facts: tuple[Fact, ...]
    chart: Chart | None = None
    entities: dict[str, str] = Field(default_factory=dict)
    """The entities that it is about, a label by entity column; none where it is about several or about a batch."""
    fields: dict[str, str] = Field(default_factory=dict)
    """The record's own columns as text, to be shown beside the finding; person columns are masked already."""


class Origin(StrEnum):
    """How a candidate was chosen."""

    BELOW_LINE = "below_line"
    """Drawn at random among what a night did not mail, to learn how much is missed."""
    HISTORY = "history"
    """Among the strangest of the history, to be taken out of it where a person confirms it."""


class Candidate(Frozen):
    """A record, or an hour or episode of a series, that a person is asked to look at although no mail named it."""

    id: str
    """The first 12 hex digits of the fingerprint."""
    fingerprint: str
    monitor: str
    origin: Origin
    type: str
    """Finding type that it would have; `below_line` for one that was drawn."""
    also: tuple[str, ...] = ()
    subject: Subject
    records: tuple[str, ...]
    """Record ids, at most 200."""
    time_from: datetime | None = None
    time_to: datetime | None = None
    severity: float = 0.0
    exposure: Decimal | None = None
    currency: str | None = None
    facts: tuple[Fact, ...] = ()
    fields: dict[str, str] = Field(default_factory=dict)
    """The record's own columns as text; person columns are masked already."""


class NightRisk(Frozen):
    """An entity's risk on a night."""

    day: date
    risk: float


class EntityRisk(Frozen):
    """What is open about an entity on a night, in one figure; `analyzers.risk.entity_risks` has the formula."""

    column: str
    entity: str
    """Its label; masked where it is a person."""
    open_findings: int
    severity: float
    """The highest of its open findings."""
    risk: float
    """0 to 100."""
    exposure: dict[str, Decimal] = Field(default_factory=dict)
    """Money at risk per currency; the empty text stands for a currency that nothing states."""
    nights: tuple[NightRisk, ...] = ()
    """The last nights, oldest first, the present one last."""


class CheckStatus(StrEnum):
    """What became of a check."""

    DONE = "done"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILED = "failed"


class Check(Frozen):
    """Something a run did or skipped, and why ("Benford skipped: 74 amounts, needs 3,000")."""

    name: str
    """Analyzer or data check, such as `benford` or `volume`."""
    status: CheckStatus
    code: str
    """Key of the sentence under `checks` in `reports/locales/*.yaml`, which prints `values` into it."""
    values: dict[str, Scalar] = Field(default_factory=dict)
    flags: int = 0


class GuaranteeKind(StrEnum):
    """What stands behind the flags of a run."""

    FDR = "fdr"
    """Conformal p-values against history, Benjamini-Hochberg."""
    RANKING = "ranking"
    """Scored against itself: an empirical null, no guarantee."""
    EPISODES = "episodes"
    """Series: limits set by the baseline's own residuals."""
    BEHAVIOUR = "behaviour"
    """Conformal p-values of entities against all entities at earlier dates, Benjamini-Hochberg."""


class Guarantee(Frozen):
    """What is and is not guaranteed about the statistical flags of a run."""

    kind: GuaranteeKind
    fdr: float | None = None
    calibration_size: int = 0
    smallest_p: float | None = None
    too_small: bool = False
    """Whether the calibration set is too small to flag a single record at this `fdr`."""
    shifted: int = 0
    """Records that are strange to the history only because the whole batch is, and were not flagged for it."""


@dataclass(frozen=True)
class Analysis:
    """All that one run of the analyzers found.

    scores : frame with one line per batch row, in order: `row` (Int64), `score` (Float64), `p_value` (Float64,
        nullable), `severity` (Float64, 0-100), `flagged` (Boolean, before the budget), `finding` (String, nullable).
    """

    scores: pl.DataFrame
    findings: tuple[Finding, ...]
    """By falling priority."""
    checks: tuple[Check, ...]
    guarantees: tuple[Guarantee, ...]
    flags: tuple[Flag, ...]
    records: int
    history_records: int
    drawn: tuple[Candidate, ...] = ()
    """Drawn at random from below the line."""
    below_line: int = 0
    """How many there were to draw from."""


@dataclass(frozen=True)
class Outcome:
    """What one group of analyzers gives back; `analyze` joins the groups into an `Analysis`.

    scores : None, or a frame with one line per batch row, in order: `row` (Int64), `score` (Float64, higher is
        stranger), `p_value` (Float64, nullable), `severity` (Float64, 0-100), `flagged` (Boolean).
    """

    flags: tuple[Flag, ...] = ()
    checks: tuple[Check, ...] = ()
    guarantees: tuple[Guarantee, ...] = ()
    scores: pl.DataFrame | None = None

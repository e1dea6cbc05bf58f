"""What a monitor states about its analysis: thresholds, budgets and the parameters of each analyzer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Bounds

from analyzers.columns import Columns, Role
from analyzers.risk import TrackRecord
from analyzers.spreading import Cores, Spread

Share = Annotated[float, Bounds(gt=0, lt=1)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Settings(BaseModel):
    """Base of every settings model: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class AuditSettings(Settings):
    """Parameters of the audit tests: the field's standard ones where there are any; each says where it comes from."""

    skip: tuple[str, ...] = ()
    """Names of audit tests not to run."""
    limits: tuple[Decimal, ...] = ()
    """Approval limits in the records' currency, for the below-limit and split tests."""
    below_limit: Share = 0.05
    """How far below a limit still counts as just below it, as a share of the limit. No published standard."""
    split_days: int = Bounds(3, ge=1, le=60)
    """Days within which payments to one entity count as one purchase split up. No published standard."""
    duplicate_days: int = Bounds(730, ge=1)
    """Look-back of the duplicate payments test in days: 24 months, as recovery auditors usually contract."""
    similar_days: int = Bounds(15, ge=0, le=366)
    """Days up to which two dates are similar in the duplicate payments test. No published standard."""
    similar_amount: float = Bounds(0.02, ge=0, le=0.2)
    """Share by which two amounts may differ and still be similar: cash discounts, rounding. No published standard."""
    intercompany: tuple[str, ...] = ()
    """Entities of the own group, whose payments are no duplicates; a column `intercompany` of `vendors` says it too."""
    settlement_days: int = Bounds(1, ge=0, le=60)
    """Days from a payment's date until the money has left: one for a SEPA credit transfer (SCT rulebook, D+1)."""
    paid_statuses: tuple[str, ...] = (
        "paid",
        "settled",
        "executed",
        "cleared",
        "pagado",
        "pagada",
        "liquidado",
        "bezahlt",
    )
    """Values of the field `status` by which the money has left, whatever the dates say; case does not matter."""
    open_statuses: tuple[str, ...] = ("open", "pending", "scheduled", "blocked", "pendiente", "bloqueado", "offen")
    """Values of the field `status` by which the money has not left yet."""
    void_statuses: tuple[str, ...] = ("void", "voided", "cancelled", "canceled", "reversed", "anulado", "storniert")
    """Values of the field `status` of a record that does not count: voided, cancelled."""
    round_unit: Decimal = Bounds(Decimal(1000), gt=0)
    """Amounts that are whole multiples of this count as round. No published standard."""
    office_hours: tuple[int, int] = (6, 21)
    """First and last hour of the working day, in the monitor's time zone."""
    weekend: tuple[Weekday, ...] = ("saturday", "sunday")
    """Days of the week on which nobody works."""
    period_end_days: int = Bounds(2, ge=0, le=15)
    """Days before a month's end that belong to the closing, where no closing days are stated. No published standard."""
    seldom: int = Bounds(2, ge=1)
    """Records up to which a pair of account and user is seldom used (AS 2401.61 names it without a number)."""
    bank_change_days: int = Bounds(30, ge=1)
    """A payment within so many days after the entity's bank account changed is flagged. No published standard."""
    size_factor: float = Bounds(10.0, gt=1)
    """Relative size factor from which the largest amount is reported (Nigrini, Forensic Analytics, ch. 11)."""
    benford_amounts: int = Bounds(3_000, ge=300)
    """Amounts that the first-two digits test needs (Nigrini, Benford's Law, 2012)."""
    benford_orders: float = Bounds(3.0, ge=1)
    """Orders of magnitude that the amounts must span for Benford's law to be expected."""
    benford_deviation: float = Bounds(0.0022, gt=0)
    """Mean absolute deviation, beyond chance, from which digits do not conform (Nigrini, Benford's Law, 2012)."""
    endings_amounts: int = Bounds(12, ge=5)
    """Amounts of an entity in the batch that the test of consistent endings needs. No published standard."""


class CalendarSettings(Settings):
    """Days that explain records; reference tables of these names (`holidays`, ...) say the same and are added."""

    holidays: dict[date, str] = Bounds(default_factory=dict)
    """Day and name of each holiday."""
    closing_days: tuple[date, ...] = ()
    """Days on which a period is closed; without any, the last days of each month are."""
    payment_runs: tuple[date | Weekday, ...] = ()
    """Days of the payment runs, dates or weekdays: what a run does in one go or at night is not odd."""


class Allowed(Settings):
    """Something known and tolerated: counted and listed with its reason, but not mailed.

    All that is stated must hold; an entity, values or a finding type have to be. A reference table `allowed` with the
    columns `entity`, `type`, `until`, `reason` and any of the records' columns says the same, a line an entry.
    """

    entity: str | None = None
    values: dict[str, str] = Bounds(default_factory=dict)
    """Values that the finding's records have, by column: a pair such as account and user."""
    type: str | None = None
    """Finding type, such as `duplicate_payment`."""
    until: date | None = None
    """Last data date on which it holds."""
    reason: str = Bounds(min_length=3)
    """Why it is tolerated; the report shows it."""

    @model_validator(mode="after")
    def _says_something(self) -> Allowed:
        if self.entity is None and not self.values and self.type is None:
            raise ValueError("name an entity, values or a type; an entry that allows everything is not accepted")
        return self


class Control(Settings):
    """Totals that a reference table states and that the records must come to."""

    table: str
    """Name of the reference table."""
    day: str | None = None
    """Its column with the day that a line is about; without it a line is about the whole batch."""
    by: dict[str, str] = Bounds(default_factory=dict)
    """Further columns of the table that tell lines apart, and the records' column that each equals (`currency`)."""
    count: str | None = None
    """Its column with the number of records."""
    sums: dict[str, str] = Bounds(default_factory=dict)
    """Columns with sums, and the records' column that each adds up."""
    opening: str | None = None
    """Its column with the balance before; opening + movement must be `closing`, and open where the last one closed."""
    closing: str | None = None
    """Its column with the balance after."""
    tolerance: Decimal = Bounds(Decimal(0), ge=0)
    """Money by which a sum or a balance may differ."""

    @model_validator(mode="after")
    def _states_totals(self) -> Control:
        if (self.opening is None) is not (self.closing is None):
            raise ValueError("`opening` and `closing` need each other")
        if self.count is None and not self.sums and self.opening is None:
            raise ValueError("name a `count`, `sums`, or `opening` and `closing`")
        return self


class SeasonalRange(Settings):
    """What a measure plausibly reads in some months."""

    months: tuple[Annotated[int, Bounds(ge=1, le=12)], ...]
    """Numbers of the months, 1 to 12."""
    low: float | None = None
    high: float | None = None


class SeriesSettings(Settings):
    """Parameters of the series analyzers and the sensor tests."""

    running: str | None = None
    """Rule for the operating state in which series are compared, such as `speed > 50`."""
    false_alarms_per_year: float = Bounds(4, gt=0)
    """Episodes a year and asset that pure noise may open."""
    on_delay: int = Bounds(0, ge=0)
    """Seconds that a deviation must last before an episode opens; 0 leaves it to the smoothing."""
    off_delay: int = Bounds(0, ge=0)
    """Hits closer than so many seconds are one episode; 0 chooses it from the sampling interval."""
    deadband: Share = 0.75
    """Share of the limit by which the score must fall below it before an episode can close (ISA-18.2)."""
    western_electric: tuple[Literal[1, 2, 3, 4], ...] = ()
    """Western Electric rules to watch subgroups by, such as `[2, 3, 4]`; they share the budget of false alarms."""
    new_normal: dict[str, date] = Bounds(default_factory=dict)
    """What an asset does from a date on is its new normal, such as `P2: 2026-01-03`: nothing earlier is learnt from.
    `"*"` stands for every asset without a date of its own."""
    plausible: dict[str, tuple[float | None, float | None]] = Bounds(default_factory=dict)
    """Plausible lowest and highest reading of a measure, for the gross range test."""
    climatology: dict[str, tuple[SeasonalRange, ...]] = Bounds(default_factory=dict)
    """Plausible range of a measure by months, such as `temperature: [{months: [12, 1, 2], low: -15, high: 20}]`. Where
    none is stated, readings beyond what their hour usually reads are suspect."""
    rate_of_change: dict[str, Annotated[float, Bounds(gt=0)]] = Bounds(default_factory=dict)
    """Largest plausible change of a measure in a minute; where none is stated it is learnt."""
    redundant: dict[str, str] = Bounds(default_factory=dict)
    """Sensors that measure the same thing, such as `level_a: level_b`; where none are stated, measures of one unit that
    have always read alike are compared."""


class BehaviourSettings(Settings):
    """Whose behaviour is watched, and over which time.

    Off until `entity` is named: that a supplier or a card is not seen for a month is worth a finding only where
    somebody counts on its coming back.
    """

    entity: str | None = None
    """Column of the entity whose behaviour is watched, such as `customer`; without it nobody's is."""
    peers: str | None = None
    """Category column with the segment that an entity belongs to; what a whole segment does explains its members."""
    place: tuple[str, ...] = ()
    """Category columns that say where; a change in one is a moved place, in any other category a changed mix."""
    window: int = Bounds(28, ge=7, le=366)
    """Days before the batch's end whose records are compared with what was before: whole weeks are best."""
    least_records: int = Bounds(8, ge=4)
    """Records before the window that an entity needs to have habits."""
    dormant: int = Bounds(120, ge=14, le=3660)
    """Days without a record after which an entity is no longer watched; a finding about its silence ends then."""


class SqlRule(Settings):
    """A check of the house's own: a SQL predicate over the batch's columns."""

    name: str
    where: str
    text: str
    weight: float = Bounds(0.7, gt=0, le=1)


class AnalysisSettings(Settings):
    """All that steers one analysis; the defaults are what `sereno scan` uses."""

    monitor: str = "scan"
    timezone: str = "UTC"
    currency: str | None = None
    """Currency of the exposure where no column says it."""
    fdr: Share = 0.1
    """Nominal share of false ones among the statistical flags (Benjamini-Hochberg)."""
    budget: int = Bounds(20, ge=1)
    """Most findings in the mail; the rest are counted and listed in the appendix."""
    min_change: float = Bounds(0.1, ge=0)
    """A statistical flag's measure must differ from what is usual by at least this share."""
    min_change_absolute: dict[str, float] = Bounds(default_factory=dict)
    """By how much at least, in a column's own unit, it must differ as well (`amount: 100`)."""
    sample: int = Bounds(3, ge=0, le=50)
    """Records drawn at random each night from what is not mailed, for review: they bound how much is missed."""
    trivial: Decimal = Bounds(Decimal(0), ge=0)
    """Money below this never reaches the mail."""
    materiality: Decimal | None = Bounds(None, gt=0)
    """Money from which nothing is lowered or left out of the mail, neither by `allow` nor by reviewers' verdicts."""
    allow: tuple[Allowed, ...] = ()
    """What is known and tolerated."""
    calendar: CalendarSettings = CalendarSettings()
    controls: tuple[Control, ...] = ()
    """Control totals to compare the batch with."""
    criticality: float = Bounds(0.5, ge=0, le=1)
    """Consequence of a finding that has no money: how critical the asset is."""
    detectors: tuple[str, ...] = ()
    """Import paths of further scikit-learn-compatible outlier estimators for the ensemble."""
    skip: tuple[str, ...] = ()
    """Analyzers not to run: `ensemble`, `behaviour`, `audit`, `series`, `sensors`, `rules`."""
    audit: AuditSettings = AuditSettings()
    series: SeriesSettings = SeriesSettings()
    behaviour: BehaviourSettings = BehaviourSettings()
    rules: tuple[SqlRule, ...] = ()
    seed: int = 0

    @model_validator(mode="after")
    def _in_order(self) -> AnalysisSettings:
        if self.materiality is not None and self.materiality < self.trivial:
            raise ValueError("`materiality` lies below `trivial`; what is material cannot be trivial")
        return self


@dataclass(frozen=True)
class EarlierEpisode:
    """A time of an earlier night in which a series was not its normal self: nothing is learnt from it.

    subject : id of the series, as `Subject.id`. time_to : null while it lasts.
    """

    subject: str
    time_from: datetime
    time_to: datetime | None


@dataclass(frozen=True)
class NewNormal:
    """What a person accepted as the new normal of a series or an entity: nothing earlier is learnt from.

    subject : id of what the accepted finding was about, as `Subject.id`. entity : its column and label; None where the
        finding named none. since : first day, in the monitor's time zone.
    """

    subject: str
    entity: tuple[str, str] | None
    since: date


@dataclass(frozen=True)
class Material:
    """What one run of the analyzers works on.

    history, batch : frames with the same columns, in time order where there is a time column. Beside the source's
        columns each has `record_id` (String). Instants are `Datetime("us", "UTC")`, money `Decimal(18, 4)`,
        measures Float64, keys, categories, entities, texts and (already masked) persons String. Nulls may occur
        anywhere. `history` is empty where there is none: the batch is then ranked against itself.
    references : named reference tables, such as `vendors` or `employees`; persons in them are masked already.
    earlier_episodes : of series, those that were still open or that a person confirmed.
    other_units : of measures of a historian's export that came in another unit than before.
    hash_key : key of the fingerprints, the workspace's own.
    days : first and last local day of the batch; None where nobody stated them (a scan).
    account_changes : when vendors' bank accounts changed, as nightly snapshots saw it: `entity`, `changed_on` (Date),
        `previous`, `current` (String); None where there are no snapshots.
    track_records : what reviewers decided so far, by finding type.
    track_records_of_like : the same by finding type and `analyzers.risk.alike`.
    new_normals : what people accepted as a new normal, from a day up to the batch's last.
    confirmed : ids of records that a person confirmed as anomalies: statistics learn nothing from them.
    spread : who computes what can be computed in parts.
    """

    columns: Columns
    history: pl.DataFrame
    batch: pl.DataFrame
    settings: AnalysisSettings
    references: dict[str, pl.DataFrame] = field(default_factory=dict)
    earlier_episodes: tuple[EarlierEpisode, ...] = ()
    other_units: dict[str, str] = field(default_factory=dict)
    hash_key: bytes = b"sereno"
    days: tuple[date, date] | None = None
    account_changes: pl.DataFrame | None = None
    track_records: dict[str, TrackRecord] = field(default_factory=dict)
    track_records_of_like: dict[tuple[str, str], TrackRecord] = field(default_factory=dict)
    new_normals: tuple[NewNormal, ...] = ()
    confirmed: frozenset[str] = frozenset()
    spread: Spread = field(default_factory=Cores)

    @property
    def last_day(self) -> date | None:
        """The batch's last day: as stated, else that of its newest record; None where records have no time."""
        if self.days is not None:
            return self.days[1]
        time = self.columns.one(Role.TIME)
        if time is None or time not in self.batch.columns or not self.batch.schema[time].is_temporal():
            return None
        newest = self.batch[time].drop_nulls().max()
        if isinstance(newest, datetime):
            return (newest.astimezone(ZoneInfo(self.settings.timezone)) if newest.tzinfo else newest).date()
        return newest if isinstance(newest, date) else None

    @property
    def ranking(self) -> bool:
        """Whether there is no history, so that the batch is ranked against itself."""
        return self.history.is_empty()

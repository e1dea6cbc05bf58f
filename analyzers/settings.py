"""What a monitor states about its analysis: thresholds, budgets and the parameters of each analyzer."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated

import polars as pl
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Bounds

from analyzers.columns import Columns

Share = Annotated[float, Bounds(gt=0, lt=1)]


class Settings(BaseModel):
    """Base of every settings model: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class AuditSettings(Settings):
    """Parameters of the audit tests. Each test's docstring says where its default comes from."""

    skip: tuple[str, ...] = ()
    """Names of audit tests not to run."""
    limits: tuple[Decimal, ...] = ()
    """Approval limits in the records' currency, for the below-limit and split tests."""
    below_limit: Share = 0.05
    """How far below a limit still counts as just below it, as a share of the limit (no published standard)."""
    split_days: int = Bounds(3, ge=1, le=60)
    """Days within which payments to one entity count as one purchase split up (no published standard)."""
    duplicate_days: int = Bounds(730, ge=1)
    """Look-back of the duplicate payments test in days."""
    round_unit: Decimal = Decimal(1000)
    """Amounts that are whole multiples of this count as round."""
    office_hours: tuple[int, int] = (6, 21)
    """First and last hour of the working day, in the monitor's time zone."""
    bank_change_days: int = Bounds(30, ge=1)
    """A payment within so many days after the entity's bank account changed is flagged."""


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
    plausible: dict[str, tuple[float | None, float | None]] = Bounds(default_factory=dict)
    """Plausible lowest and highest reading of a measure, for the gross range test."""


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
    trivial: Decimal = Decimal(0)
    """Money below this never reaches the mail."""
    criticality: float = Bounds(0.5, ge=0, le=1)
    """Consequence of a finding that has no money: how critical the asset is."""
    detectors: tuple[str, ...] = ()
    """Import paths of further scikit-learn-compatible outlier estimators for the ensemble."""
    skip: tuple[str, ...] = ()
    """Analyzers not to run: `ensemble`, `audit`, `series`, `sensors`, `rules`."""
    audit: AuditSettings = AuditSettings()
    series: SeriesSettings = SeriesSettings()
    rules: tuple[SqlRule, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Material:
    """What one run of the analyzers works on.

    history, batch : frames with the same columns, in time order where there is a time column. Beside the source's
        columns each has `record_id` (String). Instants are `Datetime("us", "UTC")`, money `Decimal(18, 4)`,
        measures Float64, keys, categories, entities, texts and (already masked) persons String. Nulls may occur
        anywhere. `history` is empty where there is none: the batch is then ranked against itself.
    references : named reference tables, such as `vendors` or `employees`.
    hash_key : key of the fingerprints, the workspace's own.
    """

    columns: Columns
    history: pl.DataFrame
    batch: pl.DataFrame
    settings: AnalysisSettings
    references: dict[str, pl.DataFrame] = field(default_factory=dict)
    hash_key: bytes = b"sereno"

    @property
    def ranking(self) -> bool:
        """Whether there is no history, so that the batch is ranked against itself."""
        return self.history.is_empty()

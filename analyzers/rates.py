"""Exchange rates from the reference table `rates`, so that one threshold serves amounts in several currencies.

Exposures are never converted for print and never summed across currencies: a rate only decides on which side of a
threshold an amount lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import polars as pl

from analyzers.settings import Material


@dataclass(frozen=True)
class Rates:
    """What one unit of each currency is worth in the monitor's own, on the batch's last day."""

    own: str | None
    worth: Mapping[str, Decimal] = field(default_factory=dict)

    def converted(self, amount: Decimal, currency: str | None) -> Decimal | None:
        """The amount in the monitor's own currency; None where no rate is known."""
        if self.own is None or currency is None or currency == self.own:
            return amount
        rate = self.worth.get(currency)
        return None if rate is None else amount * rate


def open_rates(material: Material) -> Rates:
    """The newest rate of each currency up to the batch's last day.

    The table's first text column names the currency, its first column of dates the day (one without holds always), its
    first number what a unit is worth in the monitor's own currency. Rates that are no positive number are left out.
    """
    own, table = material.settings.currency, material.references.get("rates")
    if table is None or table.is_empty():
        return Rates(own)
    code = _first(table, lambda dtype: dtype == pl.String)
    rate = _first(table, lambda dtype: dtype.is_numeric())
    if code is None or rate is None:
        return Rates(own)
    day, last = _first(table, lambda dtype: dtype.is_temporal()), material.last_day
    dated = table.select(
        code=pl.col(code).str.strip_chars().str.to_uppercase(),
        rate=pl.col(rate).cast(pl.Float64),
        day=pl.col(day).dt.date() if day else pl.lit(date.min, pl.Date),
    ).drop_nulls()
    known = dated.filter(pl.col("rate").is_finite() & (pl.col("rate") > 0))
    if last is not None:
        known = known.filter(pl.col("day") <= last)
    newest = known.sort("day", maintain_order=True).unique("code", keep="last")
    return Rates(own, {name: Decimal(str(worth)) for name, worth in newest.select("code", "rate").rows()})


def _first(table: pl.DataFrame, fits: object) -> str | None:
    return next((name for name, dtype in table.schema.items() if callable(fits) and fits(dtype)), None)

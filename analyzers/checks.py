"""Data checks: whether a batch is what its history says it should be, before anyone looks for anomalies in it.

A check FAILED means that the data is broken and statistical findings would be about the breakage; WARNING means that
a person should know. Thresholds are wide on purpose: a check that cries at every bank holiday is not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.calendars import holiday_names
from analyzers.columns import Role, Shape
from analyzers.controls import control_checks
from analyzers.local_days import local_days
from analyzers.results import Check, CheckStatus, Scalar
from analyzers.settings import Material

_LEAST_DAYS = 14
"""Days of history from which a weekday's volume is known."""
_LEAST_RECORDS = 50
"""Records of the batch from which shares of it mean anything."""
_COLLAPSED, _LOW = 0.2, 0.5
"""Share of the usual volume below which the load is broken, or is worth a word (and its inverse above)."""
_NULL_JUMP, _NULL_BROKEN = 0.1, 0.5
"""Rise of a column's share of nulls that is worth a word, and that is a broken load."""
_NEW_SHARE = 0.2
"""Share of the batch in categories never seen before that is worth a word."""
_MOST_KINDS = 200
"""Distinct values in history up to which a category can drift."""
_SHIFTED = 0.25
"""Population stability index from which a mix has shifted: the customary border of a significant change."""
_NEVER_EMPTY = 5
"""Fewest records that a weekday ever had from which a day without any is a lost load."""
_USUAL_BAND = 4.0
"""Usual deviations of a weekday's volume that are still usual."""


def check_data(material: Material) -> tuple[Check, ...]:
    """Check volume, freshness, empty values, repeated keys, categories, constant columns and control totals.

    Every check is told, passed or not: a quiet night proves that it looked.
    """
    if material.batch.is_empty():
        return (_empty_batch(material), *control_checks(material))
    return (
        _volume(material),
        *_empty_days(material),
        _freshness(material),
        *_empty_values(material),
        _repeated_keys(material),
        *_categories(material),
        *_constant_columns(material),
        *control_checks(material),
    )


def _check(name: str, status: CheckStatus, code: str, **values: Scalar) -> Check:
    return Check(name=name, status=status, code=code, values=values)


def _empty_batch(material: Material) -> Check:
    """An empty batch is told, not broken: there may be nothing on a Sunday, and nothing can be flagged in it."""
    return _check("volume", CheckStatus.WARNING, "empty_batch", history=material.history.height)


# -- volume and freshness ---------------------------------------------------------------------------------------------


def _volume(material: Material) -> Check:
    """Records of the batch against what its weekdays brought in history."""
    past, now = _per_day(material, material.history), _per_day(material, material.batch)
    if past is None or now is None or len(past) < _LEAST_DAYS:
        return _check("volume", CheckStatus.DONE, "volume_unjudged", records=material.batch.height)
    low, usual, high = _expected(past, [day for day, _ in now])
    records = sum(count for _, count in now)
    values: dict[str, Scalar] = {"records": records, "low": round(low), "high": round(high), "usual": round(usual)}
    if records < _COLLAPSED * usual and records < low:
        return _check("volume", CheckStatus.FAILED, "volume_collapsed", **values)
    if records < _LOW * usual and records < low:
        return _check("volume", CheckStatus.WARNING, "volume_low", **values)
    if records > usual / _LOW and records > high:
        return _check("volume", CheckStatus.WARNING, "volume_high", **values)
    return _check("volume", CheckStatus.DONE, "volume_usual", **values)


def _empty_days(material: Material) -> list[Check]:
    """Days of the batch without any record, of a weekday that always had some: a month's volume hides a lost file."""
    past = _per_day(material, material.history)
    days = _days(material, material.batch)
    if past is None or days is None or material.days is None or len(past) < _LEAST_DAYS:
        return []
    seen, holidays = set(days.to_list()), set(holiday_names(material))
    least = {
        weekday: min((count for day, count in past if day.weekday() == weekday and day not in holidays), default=0)
        for weekday in range(7)
    }
    first, last = material.days
    wanted = [first + timedelta(days=shift) for shift in range((last - first).days + 1)]
    empty = [d for d in wanted if d not in seen and d not in holidays and least[d.weekday()] >= _NEVER_EMPTY]
    if not empty:
        return []
    return [_check("volume", CheckStatus.WARNING, "volume_days_missing", count=len(empty), day=empty[0].isoformat())]


def _per_day(material: Material, frame: pl.DataFrame) -> list[tuple[date, int]] | None:
    """Records on each local day from the first to the last, days without any included."""
    days = _days(material, frame)
    if days is None or days.is_empty():
        return None
    counts = days.value_counts().sort(days.name)
    every = pl.DataFrame({days.name: pl.date_range(days.min(), days.max(), "1d", eager=True)})  # type: ignore[arg-type]
    filled = every.join(counts, on=days.name, how="left").with_columns(pl.col("count").fill_null(0)).sort(days.name)
    return [(day, int(count)) for day, count in filled.rows()]


def _days(material: Material, frame: pl.DataFrame) -> pl.Series | None:
    name = material.columns.one(Role.TIME)
    if name is None or name not in frame.columns or not frame.schema[name].is_temporal():
        return None
    return frame.select(local_days(frame, name, material.settings.timezone).alias("day"))["day"].drop_nulls()


def _expected(past: Sequence[tuple[date, int]], days: Sequence[date]) -> tuple[float, float, float]:
    """Lowest, usual and highest number of records for these days, by their weekdays in history.

    A weekday's usual number is its median, its deviation the scaled median absolute deviation, never below that of a
    Poisson count.
    """
    counts = np.array([count for _, count in past], dtype=np.float64)
    weekdays = np.array([day.weekday() for day, _ in past])
    usual = variance = 0.0
    # By weekday, not by day: one record dated in the year 1 makes a batch of 740,000 days.
    for weekday, n_days in Counter(day.weekday() for day in days).items():
        same = counts[weekdays == weekday]
        center = float(np.median(same if len(same) else counts))
        spread = 1.4826 * float(np.median(np.abs((same if len(same) else counts) - center)))
        usual += n_days * center
        variance += n_days * max(spread, float(np.sqrt(center)), 1.0) ** 2
    band = _USUAL_BAND * float(np.sqrt(variance))
    return max(usual - band, 0.0), usual, usual + band


def _freshness(material: Material) -> Check:
    """Whether the newest record is as recent as the batch's own spacing and the history let expect.

    The batch has no clock; a gap between history and batch that is longer than any gap within the history is told.
    """
    before, now = _instants(material, material.history), _instants(material, material.batch)
    if before is None or now is None or len(before) < _LEAST_RECORDS:
        return _check("freshness", CheckStatus.DONE, "freshness_unjudged")
    longest = float(np.diff(before).max()) / 3600
    gap = float(now[0] - before[-1]) / 3600
    values: dict[str, Scalar] = {"hours": round(gap, 1), "longest": round(longest, 1)}
    if (since := _hours_since(material, float(now[-1]))) > 1.5 * longest + 24:
        stale: dict[str, Scalar] = {"hours": round(since, 1), "longest": round(longest, 1)}
        return _check("freshness", CheckStatus.WARNING, "freshness_stale", **stale)
    if gap > 1.5 * longest + 24:
        return _check("freshness", CheckStatus.WARNING, "freshness_gap", **values)
    return _check("freshness", CheckStatus.DONE, "freshness_usual", **values)


def _hours_since(material: Material, newest: float) -> float:
    """From the newest record to the end of the batch's last day; 0 where nobody stated that day."""
    if material.days is None:
        return 0.0
    zone = ZoneInfo(material.settings.timezone)
    end = datetime.combine(material.days[1] + timedelta(days=1), time.min, zone)
    return max((end.timestamp() - newest) / 3600, 0.0)


def _instants(material: Material, frame: pl.DataFrame) -> NDArray[np.float64] | None:
    """Sorted epoch seconds."""
    name = material.columns.one(Role.TIME)
    if name is None or name not in frame.columns or not frame.schema[name].is_temporal():
        return None
    seconds = frame.select(pl.col(name).cast(pl.Datetime("us")).dt.epoch("s"))[name].drop_nulls().sort()
    return seconds.to_numpy().astype(np.float64) if len(seconds) else None


# -- columns ----------------------------------------------------------------------------------------------------------


def _watched(material: Material) -> list[str]:
    """Columns that mean something, in both frames."""
    return [
        column.name
        for column in material.columns.columns
        if (column.role is not Role.IGNORE or column.field is not None)
        and column.name in material.batch.columns
        and column.name in material.history.columns
    ]


def _judgeable(material: Material) -> bool:
    return material.batch.height >= _LEAST_RECORDS and material.history.height >= _LEAST_RECORDS


def _empty_values(material: Material) -> list[Check]:
    """Columns that are empty more often than they were."""
    names = _watched(material)
    if not names or not _judgeable(material):
        return [_check("empty_values", CheckStatus.DONE, "empty_values_unjudged")]
    before = material.history.select(_empty_share(material.history, names)).row(0)
    now = material.batch.select(_empty_share(material.batch, names)).row(0)
    checks: list[Check] = []
    for name, was, share in zip(names, before, now, strict=True):
        if share - was > _NULL_JUMP:
            broken = share - was > _NULL_BROKEN and _is_vital(material, name)
            status = CheckStatus.FAILED if broken else CheckStatus.WARNING
            values: dict[str, Scalar] = {"column": name, "share": round(share, 4), "before": round(was, 4)}
            checks.append(_check("empty_values", status, "empty_values_jump", **values))
    return checks or [_check("empty_values", CheckStatus.DONE, "empty_values_usual", columns=len(names))]


def _empty_share(frame: pl.DataFrame, names: Sequence[str]) -> list[pl.Expr]:
    shares = []
    for name in names:
        value, dtype = pl.col(name), frame.schema[name]
        empty = value.is_null()
        if dtype in (pl.String, pl.Categorical):
            empty = empty | (value.cast(pl.String).str.strip_chars() == "")
        elif dtype.is_float():
            empty = empty | value.is_nan()
        shares.append(empty.mean().alias(name))
    return shares


def _is_vital(material: Material, name: str) -> bool:
    """Whether the analyzers lean on the column; a dead sensor of many is the sensor tests' own subject."""
    if material.columns.get(name).role in (Role.KEY, Role.TIME, Role.EXPOSURE):
        return True
    return material.columns.shape is Shape.EVENTS and material.columns.get(name).role is Role.ENTITY


def _repeated_keys(material: Material) -> Check:
    """Keys that occur more than once in the batch."""
    key = material.columns.one(Role.KEY)
    if key is None or key not in material.batch.columns:
        return _check("keys", CheckStatus.SKIPPED, "keys_none")
    values = material.batch[key].drop_nulls()
    repeated = len(values) - values.n_unique()
    if repeated:
        return _check("keys", CheckStatus.WARNING, "keys_repeated", count=repeated, column=key)
    return _check("keys", CheckStatus.DONE, "keys_unique", count=len(values), column=key)


def _categories(material: Material) -> list[Check]:
    """Categories much of which never occurred before, or whose mix has shifted."""
    names = [name for name in material.columns.names(Role.CATEGORY) if name in _watched(material)]
    if not names or not _judgeable(material):
        return [_check("categories", CheckStatus.DONE, "categories_unjudged")]
    history = _same_weekdays(material)
    checks = [check for name in names if (check := _category(material, history, name)) is not None]
    return checks or [_check("categories", CheckStatus.DONE, "categories_usual", columns=len(names))]


def _category(material: Material, history: pl.DataFrame, name: str) -> Check | None:
    known = material.history[name].drop_nulls().unique()
    if not 0 < len(known) <= _MOST_KINDS:
        return None
    values = material.batch[name].drop_nulls()
    fresh = ~values.is_in(known.implode())
    share = float(fresh.mean() or 0.0)  # type: ignore[arg-type]
    if share > _NEW_SHARE:
        found: dict[str, Scalar] = {"column": name, "share": round(share, 4), "count": values.filter(fresh).n_unique()}
        return _check("categories", CheckStatus.WARNING, "categories_new", **found)
    index = _stability_index(history[name].drop_nulls(), values)
    if index > _SHIFTED:
        return _check("categories", CheckStatus.WARNING, "categories_shifted", column=name, index=round(index, 2))
    return None


def _same_weekdays(material: Material) -> pl.DataFrame:
    """The part of history that falls on the batch's weekdays, where that is enough: Saturdays differ from Tuesdays."""
    now, before = _days(material, material.batch), _days(material, material.history)
    if now is None or before is None or len(before) != material.history.height:
        return material.history
    same = material.history.filter(before.dt.weekday().is_in(now.dt.weekday().unique().implode()))
    return same if same.height >= _LEAST_RECORDS else material.history


def _stability_index(before: pl.Series, now: pl.Series) -> float:
    """Population stability index beyond what chance gives in as many records (Siddiqi, Credit Risk Scorecards, 2006).

    Half a record is added to each category, so that an empty one has a logarithm.
    """
    if len(before) < _LEAST_RECORDS or len(now) < _LEAST_RECORDS:
        return 0.0
    kinds = pl.concat([before, now]).unique()
    counts = [
        kinds.to_frame("kind")
        .join(values.rename("kind").value_counts(), on="kind", how="left", maintain_order="left")["count"]
        .fill_null(0)
        .to_numpy()
        .astype(np.float64)
        + 0.5
        for values in (before, now)
    ]
    was, is_now = (count / count.sum() for count in counts)
    chance = (len(kinds) - 1) * (1 / len(before) + 1 / len(now))
    return float(((is_now - was) * np.log(is_now / was)).sum()) - chance


def _constant_columns(material: Material) -> list[Check]:
    """Measures and amounts that varied and no longer do."""
    roles = (Role.MEASURE, Role.EXPOSURE)
    names = [name for name in _watched(material) if material.columns.get(name).role in roles]
    if not names or not _judgeable(material):
        return [_check("constant", CheckStatus.DONE, "constant_unjudged")]
    past = material.history.select(pl.col(names).n_unique()).row(0, named=True)
    now = material.batch.select(pl.col(names).drop_nulls().n_unique()).row(0, named=True)
    # A sensor that stands still is the sensor tests' subject; here it is said only where nothing moves any more.
    stuck = [name for name in names if past[name] > 10 and now[name] == 1]
    if not stuck:
        return [_check("constant", CheckStatus.DONE, "constant_none", columns=len(names))]
    everything = len(stuck) == len(names)
    status = CheckStatus.FAILED if everything else CheckStatus.WARNING
    return [_check("constant", status, "constant_now", column=name) for name in stuck]

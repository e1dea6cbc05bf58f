"""Series of one run: every asset's sensors are tested, its states told apart, its measures charted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from analyzers import sensors
from analyzers.columns import Role
from analyzers.results import Check, CheckStatus, Flag, Guarantee, GuaranteeKind, Outcome, Scalar
from analyzers.series.assets import AssetAnalysis, AssetOutcome, Charted
from analyzers.series.evidence import severity_of
from analyzers.series.samples import GAP, Samples, new_normal_of, presences, samples_by_asset
from analyzers.series.states import LEAST_STATE, running_rule
from analyzers.series.watch import LEAST_SCORED
from analyzers.settings import Material

MOST_LISTED = 10
"""Names that a check lists."""


@dataclass(frozen=True)
class _Asset:
    """One asset's part of the outcome."""

    samples: Samples
    outcome: AssetOutcome


def analyze_series(material: Material) -> Outcome:
    """Finds episodes in which assets left their own normal, and sensors that are at fault.

    Parameters
    ----------
    material : columns of shape `series`: a `time`, measures, perhaps entities (each combination is one asset) and a
        state. Without history each asset's batch is its own baseline and the result is a ranking.

    Returns
    -------
    Flags of the families `series` and `sensor`, one per episode; checks; an episodes guarantee; and scores per batch
    row, where a row is flagged if it is a member of an episode.

    Raises
    ------
    MonitorError
        There is no time column, or the operating rule cannot be read.
    """
    rule = material.settings.series.running
    running, drivers = running_rule(rule, material.batch) if rule else (None, ())
    if not material.columns.names(Role.MEASURE):
        return Outcome(
            checks=(_check(CheckStatus.SKIPPED, "series_no_measures"),), scores=_scores(material.batch.height, [])
        )
    samples = samples_by_asset(material, running)
    outcomes = material.spread.each(AssetAnalysis(drivers, material.columns, material.settings), samples)
    assets = [_Asset(*each) for each in zip(samples, outcomes, strict=True)]
    flags = (*(flag for outcome in outcomes for flag in outcome.flags), *_timing(assets, material))
    return Outcome(
        flags=flags,
        checks=tuple(_checks(assets, material)),
        guarantees=tuple(_guarantees(assets)),
        scores=_scores(material.batch.height, assets),
    )


def _timing(assets: list[_Asset], material: Material) -> list[Flag]:
    """Stuck clocks, gaps and assets that are not heard any more."""
    if "sensors" in material.settings.skip:
        return []
    heard, clock = presences(material), material.columns.one(Role.TIME) or "time"
    flags = [flag for asset in assets for flag in sensors.inspect_timing(asset.samples, heard, clock)]
    return [*flags, *sensors.silent_assets(heard, clock)]


def _scores(height: int, assets: Iterable[_Asset]) -> pl.DataFrame:
    """One line per batch row; rows without a time have score 0 and are not flagged."""
    score, flagged, severity = np.zeros(height), np.zeros(height, dtype=bool), np.zeros(height)
    for asset in assets:
        rows, sample = asset.samples.batch_rows, asset.samples.sample_of_row - asset.samples.first_batch
        score[rows], flagged[rows] = asset.outcome.score[sample], asset.outcome.flagged[sample]
        severity[rows] = severity_of(asset.outcome.score)[sample]
    return pl.DataFrame(
        {
            "row": np.arange(height, dtype=np.int64),
            "score": score,
            "p_value": pl.Series([None] * height, dtype=pl.Float64),
            "severity": severity,
            "flagged": flagged,
        }
    )


def _guarantees(assets: list[_Asset]) -> list[Guarantee]:
    charted = _those_charted(assets)
    if not charted:
        return []
    kind = GuaranteeKind.RANKING if any(asset.samples.ranking for asset, _ in charted) else GuaranteeKind.EPISODES
    return [Guarantee(kind=kind, calibration_size=sum(charts.baseline for _, charts in charted))]


def _those_charted(assets: list[_Asset]) -> list[tuple[_Asset, Charted]]:
    return [(asset, asset.outcome.charted) for asset in assets if asset.outcome.charted is not None]


def _checks(assets: list[_Asset], material: Material) -> list[Check]:
    """What was tested and charted, what was left out, and why."""
    settings, rows = material.settings, material.batch.height
    checks = [_sensor_check(assets)] if "sensors" not in settings.skip else []
    timed = sum(len(asset.samples.batch_rows) for asset in assets)
    averaged = timed - sum(len(asset.samples) - asset.samples.first_batch for asset in assets)
    if rows > timed:
        checks.append(_check(CheckStatus.WARNING, "series_rows_without_time", count=rows - timed))
    if averaged:
        checks.append(_check(CheckStatus.WARNING, "series_times_repeated", count=averaged))
    if gaps := _gaps(assets):
        checks.append(_check(CheckStatus.WARNING, "series_gaps", count=len(gaps), minutes=round(max(gaps), 1)))
    if "series" not in settings.skip:
        checks.extend(_charting_checks(assets, material))
    return checks


def _charting_checks(assets: list[_Asset], material: Material) -> list[Check]:
    charted = _those_charted(assets)
    checks = [_too_short(asset) for asset in assets if asset.outcome.charted is None]
    if not charted:
        return checks
    batch = sum(charts.samples for _, charts in charted)
    flags = sum(flag.analyzer == "series" for asset, _ in charted for flag in asset.outcome.flags)
    checks.append(_check(CheckStatus.DONE, "series_charted", assets=len(charted), samples=batch, flags=flags))
    stopped, transient, unknown = (
        sum(getattr(asset.outcome, part) for asset in assets) for part in ("stopped", "transient", "unknown")
    )
    if stopped or transient:
        checks.append(_check(CheckStatus.DONE, "series_not_scored", stopped=stopped, transient=transient))
    if unknown:
        checks.append(_check(CheckStatus.SKIPPED, "series_state_unknown", count=unknown, needs=LEAST_STATE))
    checks.extend(_learnt_from(assets, material))
    checks.extend(_slow_charts(charted))
    per_year = material.settings.series.false_alarms_per_year
    limit = "series_limit_calibrated" if all(charts.calibrated for _, charts in charted) else "series_limit_fixed"
    checks.append(_check(CheckStatus.DONE, limit, per_year=per_year))
    if resting := _resting(charted):
        listed = ", ".join(resting[:MOST_LISTED])
        checks.append(_check(CheckStatus.SKIPPED, "series_constant", count=len(resting), measures=listed))
    return checks


def _learnt_from(assets: list[_Asset], material: Material) -> list[Check]:
    """What the baselines were kept clear of."""
    checks, left_out = [], 0
    for asset in assets:
        since = new_normal_of(asset.samples.asset, asset.samples.measures, material)
        if since is None:
            left_out += int(asset.samples.left_out.sum())
        else:
            name = asset.samples.asset or "-"
            checks.append(_check(CheckStatus.DONE, "series_new_normal", asset=name, since=since.isoformat()))
    return checks if not left_out else [*checks, _check(CheckStatus.DONE, "series_left_out", count=left_out)]


def _slow_charts(charted: list[tuple[_Asset, Charted]]) -> list[Check]:
    """How many charts of subgroups were drawn."""
    windows = [window for _, charts in charted for window in charts.slow]
    if not windows:
        return []
    return [
        _check(CheckStatus.DONE, "series_slow_charts", charts=len(windows), shortest=min(windows), longest=max(windows))
    ]


def _check(status: CheckStatus, code: str, *, flags: int = 0, **values: Scalar) -> Check:
    return Check(name="series", status=status, code=code, values={**values}, flags=flags)


def _too_short(asset: _Asset) -> Check:
    scored = asset.outcome.comparable
    if scored >= LEAST_SCORED:
        return _check(CheckStatus.SKIPPED, "series_nothing_varies", asset=asset.samples.asset or "-")
    return _check(
        CheckStatus.SKIPPED, "series_too_short", asset=asset.samples.asset or "-", count=scored, needs=LEAST_SCORED
    )


def _sensor_check(assets: list[_Asset]) -> Check:
    """The assets' counts of readings by quality, added up."""
    totals: dict[str, Scalar] = {}
    for asset in assets:
        for name, count in asset.outcome.quality.items():
            totals[name] = int(totals.get(name) or 0) + count
    flags = sum(flag.analyzer == "sensors" for asset in assets for flag in asset.outcome.flags)
    return Check(name="sensors", status=CheckStatus.DONE, code="sensors_tested", values=totals, flags=flags)


def _gaps(assets: list[_Asset]) -> list[float]:
    """Minutes of every gap in the batch of an asset."""
    minutes = []
    for asset in assets:
        samples = asset.samples
        steps = np.diff(samples.times[max(samples.first_batch - 1, 0) :]) / 6e7
        minutes.extend(steps[steps > GAP * samples.interval / 60].tolist())
    return minutes


def _resting(charted: list[tuple[_Asset, Charted]]) -> list[str]:
    """Measures that do not vary in the baseline of some asset."""
    return sorted({name for _, charts in charted for name in charts.resting})

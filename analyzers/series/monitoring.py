"""Series of one run: every asset's sensors are tested, its states told apart, its measures charted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from analyzers import sensors
from analyzers.columns import Role
from analyzers.results import Check, CheckStatus, Flag, Guarantee, GuaranteeKind, Outcome
from analyzers.series.evidence import flag_episode, severity_of
from analyzers.series.numeric import Booleans, Floats
from analyzers.series.samples import Samples, samples_by_asset
from analyzers.series.states import Phases, operating_phases, running_rule
from analyzers.series.watch import LEAST_SCORED, AssetWatch, watch_asset
from analyzers.settings import Material


@dataclass
class _Asset:
    """One asset's part of the outcome."""

    samples: Samples
    phases: Phases
    score: Floats
    flagged: Booleans
    flags: list[Flag] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    watch: AssetWatch | None = None


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
        return Outcome(checks=(_skipped("series_no_measures"),), scores=_scores(material.batch.height, []))
    assets = [_analyze(samples, drivers, material) for samples in samples_by_asset(material, running)]
    flags = tuple(flag for asset in assets for flag in asset.flags)
    return Outcome(
        flags=flags,
        checks=tuple(_checks(assets, material)),
        guarantees=tuple(_guarantees(assets)),
        scores=_scores(material.batch.height, assets),
    )


def _analyze(samples: Samples, drivers: tuple[str, ...], material: Material) -> _Asset:
    phases = operating_phases(samples)
    size = len(samples)
    asset = _Asset(samples, phases, np.zeros(size), np.zeros(size, dtype=bool))
    bad = np.zeros(samples.values.shape, dtype=bool)
    if "sensors" not in material.settings.skip:
        report = sensors.inspect_sensors(samples, phases, material.columns, material.settings.series)
        asset.flags.extend(report.flags)
        asset.checks.extend(report.checks)
        asset.flagged |= report.faulty
        bad = report.bad
    if "series" not in material.settings.skip:
        asset.watch = watch_asset(samples, phases, bad, drivers, material.settings)
        if asset.watch is not None:
            _add_episodes(asset, asset.watch, material)
    return asset


def _add_episodes(asset: _Asset, watch: AssetWatch, material: Material) -> None:
    asset.score[watch.rows] = watch.scored.score
    for episode in watch.episodes:
        if episode.end > watch.first_batch:
            asset.flags.append(flag_episode(watch, episode, material.columns))
            asset.flagged[watch.rows[episode.start : episode.end]] = True


def _scores(height: int, assets: Iterable[_Asset]) -> pl.DataFrame:
    """One line per batch row; rows without a time have score 0 and are not flagged."""
    score, flagged, severity = np.zeros(height), np.zeros(height, dtype=bool), np.zeros(height)
    for asset in assets:
        rows, sample = asset.samples.batch_rows, asset.samples.sample_of_row
        score[rows], flagged[rows] = asset.score[sample], asset.flagged[sample]
        severity[rows] = severity_of(asset.score)[sample]
    for asset in assets:
        for flag in asset.flags:
            members = list(flag.rows)
            severity[members] = np.maximum(severity[members], min(flag.severity, 50.0))
    return pl.DataFrame(
        {
            "row": np.arange(height, dtype=np.int64),
            "score": score,
            "p_value": pl.Series([None] * height, dtype=pl.Float64),
            "severity": severity,
            "flagged": flagged,
        }
    )


def _skipped(code: str, **values: str | float) -> Check:
    return Check(name="series", status=CheckStatus.SKIPPED, code=code, values=dict(values))


def _guarantees(assets: list[_Asset]) -> list[Guarantee]:
    charted = [asset.watch for asset in assets if asset.watch is not None]
    if not charted:
        return []
    kind = GuaranteeKind.RANKING if any(watch.samples.ranking for watch in charted) else GuaranteeKind.EPISODES
    return [Guarantee(kind=kind, calibration_size=sum(int(watch.baseline_rows.sum()) for watch in charted))]


def _checks(assets: list[_Asset], material: Material) -> list[Check]:
    checks = [check for asset in assets for check in asset.checks]
    short = [asset for asset in assets if asset.watch is None]
    checks.extend(
        _skipped(
            "series_too_short", asset=asset.samples.asset, count=int(asset.phases.scored.sum()), needs=LEAST_SCORED
        )
        for asset in short
    )
    return checks

"""One asset by itself: its sensors tested, its states told apart, its measures charted. None looks at another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers import sensors
from analyzers.columns import Columns
from analyzers.results import Flag
from analyzers.series.charts import SUBGROUPED
from analyzers.series.evidence import flag_episode
from analyzers.series.limits import ALARM
from analyzers.series.numeric import Booleans, Floats
from analyzers.series.samples import Samples
from analyzers.series.states import operating_phases
from analyzers.series.watch import AssetWatch, watch_asset
from analyzers.settings import AnalysisSettings


@dataclass(frozen=True)
class Charted:
    """What the checks say of an asset's charts.

    samples : charted ones of the batch. baseline : samples that were learnt from. calibrated : whether the limit is the
    baseline's own. slow : windows of the charts of subgroups. resting : measures that do not vary in the baseline.
    """

    samples: int
    baseline: int
    calibrated: bool
    slow: tuple[int, ...]
    resting: tuple[str, ...]


@dataclass(frozen=True)
class AssetOutcome:
    """What came of one asset.

    score, flagged : (n,), of the batch's samples. flags : episodes and faults. quality : readings by quality. stopped,
    transient, unknown : as in `Phases`. comparable : baseline samples that could be learnt from. charted : None where
    the baseline has too few or nothing varies.
    """

    score: Floats
    flagged: Booleans
    flags: tuple[Flag, ...]
    quality: dict[str, int]
    stopped: int
    transient: int
    unknown: int
    comparable: int
    charted: Charted | None


@dataclass(frozen=True)
class AssetAnalysis:
    """The analysis of one asset after the other, which all have in common.

    drivers : measures that the operating rule looks at.
    """

    drivers: tuple[str, ...]
    columns: Columns
    settings: AnalysisSettings

    def __call__(self, samples: Samples) -> AssetOutcome:
        """What came of the asset."""
        phases = operating_phases(samples)
        score, flagged = np.zeros(len(samples)), np.zeros(len(samples), dtype=bool)
        bad = np.zeros(samples.values.shape, dtype=bool)
        flags: list[Flag] = []
        quality: dict[str, int] = {}
        faulty, watch = None, None
        if "sensors" not in self.settings.skip:
            report = sensors.inspect_sensors(samples, phases, self.columns, self.settings)
            flags.extend(report.flags)
            quality, faulty, bad = report.counts, report.faulty, report.bad
            flagged |= faulty
        if "series" not in self.settings.skip:
            watch = watch_asset(samples, phases, bad, self.drivers, self.settings)
            if watch is not None:
                flags.extend(self._episodes(watch, score, flagged))
        if faulty is not None:
            # What a broken sensor reads is not charted; the row is as strange as an alarm all the same.
            score[faulty] = np.maximum(score[faulty], ALARM)
        return AssetOutcome(
            score=score[samples.first_batch :],
            flagged=flagged[samples.first_batch :],
            flags=tuple(flags),
            quality=quality,
            stopped=phases.stopped,
            transient=phases.transient,
            unknown=phases.unknown,
            comparable=int((phases.scored & samples.baseline).sum()),
            charted=None if watch is None else _charted(watch),
        )

    def _episodes(self, watch: AssetWatch, score: Floats, flagged: Booleans) -> list[Flag]:
        """Flags of the batch's episodes; their samples are entered in `score` and `flagged`."""
        score[watch.rows] = watch.scored.score
        flags = []
        for episode in watch.episodes:
            if episode.end > watch.first_batch:
                flags.append(flag_episode(watch, episode, self.columns))
                flagged[watch.rows[episode.start : episode.end]] = True
        return flags


def _charted(watch: AssetWatch) -> Charted:
    measures = zip(watch.samples.measures, watch.levels.charted, strict=True)
    return Charted(
        samples=len(watch.rows) - watch.first_batch,
        baseline=int(watch.baseline_rows.sum()),
        calibrated=bool(watch.scored.calibrated),
        slow=tuple(int(chart.window) for chart in watch.charted.charts if chart.aspect in SUBGROUPED),
        resting=tuple(name for name, varies in measures if not varies),
    )

"""What is true of readings: values at a time, means over an episode, lengths, silences, plausible ranges.

What a model of the series expects (a band, a prediction from other measures) cannot be recomputed from the input. Such
figures are held against each other and against the baseline, and the statement counts as consistent, not as true.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from benchmarks.claims.record_truth import Truth, best, rows_of, side_of
from benchmarks.claims.source import Floats, Source
from benchmarks.claims.statement import Finding, Judgement, Statement

_BY_MODEL = "what is expected is a model's"


@dataclass(frozen=True)
class Readings:
    """One measure of the finding's asset in time order; `judged`: those of the input, `inside`: the finding's."""

    at: Floats
    values: Floats
    judged: NDArray[np.bool_]
    inside: NDArray[np.bool_]

    @property
    def usual(self) -> Floats:
        """Readings of the baseline, or of all but the finding where there is none."""
        chosen = ~self.judged if (~self.judged).any() else ~self.inside
        values = self.values[chosen]
        return values[np.isfinite(values)]

    def between(self, start: float, end: float) -> NDArray[np.bool_]:
        """Readings of the input from one instant to another, both included."""
        return self.judged & (self.at >= start - 1e-3) & (self.at <= end + 1e-3)


def readings(stated: str | None, finding: Finding, source: Source) -> list[Readings]:
    """The readings of a printed measure: a column, or a tag of a long table."""
    if stated is None:
        return []
    inside = np.zeros(source.frame.height, dtype=bool)
    inside[np.array(finding.get("rows") or (), dtype=np.int64)] = True
    asset = _asset(finding, inside, source)
    column = source.column(stated)
    found = []
    for time in source.time_columns[:2]:
        if column is not None:
            found.append(_in_time(source.seconds(time), source.numbers(column), asset, inside, source))
            continue
        for tag in source.text_columns:
            chosen = asset & (source.labels(tag) == stated)
            for name in source.columns if chosen.any() else []:
                if name not in (tag, time) and np.isfinite(source.numbers(name)[chosen]).any():
                    found.append(_in_time(source.seconds(time), source.numbers(name), chosen, inside, source))
    return found


def _in_time(
    at: Floats, values: Floats, chosen: NDArray[np.bool_], inside: NDArray[np.bool_], source: Source
) -> Readings:
    rows = np.flatnonzero(chosen & np.isfinite(at))
    order = rows[np.argsort(at[rows], kind="stable")]
    return Readings(at[order], values[order], order < source.n, inside[order])


def _asset(finding: Finding, inside: NDArray[np.bool_], source: Source) -> NDArray[np.bool_]:
    """Rows of the finding's asset: those that share the cells which its label begins with."""
    chosen = np.ones(source.frame.height, dtype=bool)
    subject = str(finding.get("subject") or "")
    for name in source.text_columns:
        cells = set(source.labels(name)[inside])
        if (
            len(cells) == 1
            and (cell := str(next(iter(cells))))
            and (subject.startswith(cell) or f"/ {cell} " in subject)
        ):
            chosen &= source.labels(name) == cell
    return chosen


def _stamp(statement: Statement, slot: str) -> float | None:
    when = statement.times.get(slot)
    return when.timestamp() if isinstance(when, datetime) else None


def _bounds(finding: Finding) -> tuple[float, float]:
    start, end = (
        datetime.fromisoformat(str(finding[slot]).replace("Z", "+00:00")) for slot in ("time_from", "time_to")
    )
    return start.timestamp(), end.timestamp()


def _near(at: Floats, when: float) -> NDArray[np.bool_]:
    """Readings in the minute that is printed, or at the very instant of a fact."""
    return (at >= when - 1e-3) & (at < when + 60)


# -- one reading, or a mean ------------------------------------------------------------------------------------------
def outside_band(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The reading stands at its time, on the stated side of the band; the distance fits the band."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement(unchecked=[_BY_MODEL])
        _reading_at(judgement, statement, series)
        _side_and_distance(judgement, statement, half_width=3.0)
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


def _reading_at(judgement: Judgement, statement: Statement, series: Readings) -> None:
    when, stated = _stamp(statement, "at"), statement.figures.get("actual")
    if stated is None:
        return
    chosen = series.judged & (_near(series.at, when) if when is not None else series.inside)
    values = series.values[chosen]
    same_time = [float(np.nanmean(values))] if np.isfinite(values).any() else []
    judgement.need(any(stated.shows(float(one)) for one in [*values, *same_time]), f"no reading there is {stated}")


def _side_and_distance(judgement: Judgement, statement: Statement, half_width: float) -> None:
    low, high, actual = (statement.figures.get(slot) for slot in ("low", "high", "actual"))
    side = side_of(statement)
    if low is None or high is None or actual is None:
        return
    wide = max(low.half, high.half, actual.half)
    centre = (low.value + high.value) / 2
    if side is not None:
        judgement.need((actual.value - centre) * (1 if side == "above" else -1) > -wide, f"it is not {side}")
    stated = statement.figures.get("deviations") or statement.figures.get("ratio")
    usual = (high.value - low.value) / 2 / half_width
    if stated is None or usual <= 0:
        return
    distance = abs(actual.value - centre) / usual
    slack = stated.half + (2 * wide + distance * wide * 2 / half_width) / usual
    judgement.need(abs(distance - stated.value) <= slack, f"{stated} deviations are {distance:.3g}")
    beyond = abs(actual.value - (high.value if actual.value > centre else low.value)) / usual
    whence = statement.texts.get("whence", "")
    if whence in ("the expected band", "de la banda esperada", "that") and abs(beyond - stated.value) > slack:
        judgement.misleading.append(f"from the band itself it is {beyond:.3g} deviations, {stated} from its middle")


def level_shift(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The mean over the episode's rows, and its side of the baseline."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement(unchecked=[_BY_MODEL])
        _mean_within(judgement, statement, finding, series)
        _side_and_distance(judgement, statement, half_width=1.0)
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


def _mean_within(judgement: Judgement, statement: Statement, finding: Finding, series: Readings) -> None:
    """The mean of the rows; a few of them may be left out as stopped or as a sensor's fault."""
    stated = statement.figures.get("actual")
    chosen = series.between(*_bounds(finding))
    values = [series.values[one & np.isfinite(series.values)] for one in (series.inside, chosen)]
    means = [float(one.mean()) for one in values if len(one)]
    if stated is None or not means or any(stated.shows(mean) for mean in means):
        return
    spread = float(np.std(series.usual)) or 1.0
    apart = min(abs(mean - stated.value) for mean in means)
    if apart <= 0.25 * spread:
        judgement.unchecked.append(f"the mean of all its rows is {means[0]:.5g}, some rows are left out")
    else:
        judgement.problems.append(f"the mean is {means[0]:.5g}")


def relation_broken(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The reading or the mean that is told; the prediction is the model's, and must lie where the measure can."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement(unchecked=[_BY_MODEL])
        single = Judgement()
        _reading_at(single, statement, series)
        if single.problems and "at" not in statement.times:
            _mean_within(judgement, statement, finding, series)
        else:
            judgement.problems += single.problems
        # Single readings are told against two deviations, means of many against one.
        _side_and_distance(judgement, statement, half_width=1.0 if _is_mean(single, statement) else 2.0)
        low, high, usual = statement.figures.get("low"), statement.figures.get("high"), series.usual
        if low and high and len(usual):
            reach = float(np.ptp(usual)) or 1.0
            far = min(abs(one.value - float(np.median(usual))) for one in (low, high)) > 1.5 * reach
            if far:
                judgement.misleading.append("the prediction lies far beyond all readings of the baseline")
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


def _is_mean(single: Judgement, statement: Statement) -> bool:
    """A mean of many readings has no time; a printed one says that it is a mean."""
    if "at" in statement.times:
        return False
    if statement.origin == "fact":
        return True
    return bool(single.problems) or bool(re.search("averaged|promedió", statement.said))


def variation(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Spread is told of what the model leaves over; figures must fit each other."""
    judgement = Judgement(unchecked=["spread is that of what a model leaves over"])
    judgement.need(readings(statement.texts.get("feature"), finding, source), "the input has no such measure")
    usual = statement.figures.get("usual") or statement.figures.get("high") or statement.figures.get("low")
    actual = statement.figures.get("actual")
    if usual and actual and usual.value:
        ratio = actual.value / usual.value
        slack = (actual.half + ratio * usual.half) / usual.value
        for slot, scale in (("times", 1.0), ("ratio", 1.0), ("portion", 100.0)):
            stated = statement.figures.get(slot)
            if stated is not None:
                judgement.need(
                    abs(stated.value - scale * ratio) <= stated.half + scale * slack, f"{slot} is {scale * ratio:.3g}"
                )
        if statement.texts.get("more"):
            more = statement.texts["more"] in ("more", "más")
            judgement.need((ratio > 1) == more, "it is the other way round")
    return judgement


def also_moved(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Its mean in the episode lies on the stated side of the baseline's median."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement(unchecked=["the usual level is a model's"])
        inside, usual = series.values[series.inside], series.usual
        inside = inside[np.isfinite(inside)]
        side = side_of(statement)
        if len(inside) and len(usual) and side:
            apart = (float(inside.mean()) - float(np.median(usual))) / (float(np.std(usual)) or 1.0)
            judgement.need(
                (apart if side == "above" else -apart) > -1.0, f"it lies {apart:.2g} deviations of the baseline off"
            )
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


# -- times -----------------------------------------------------------------------------------------------------------
def episode(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Start, end and length against the times of the finding's rows."""
    rows = np.array(finding.get("rows") or (), dtype=np.int64)
    start, end = _bounds(finding)

    def of(time: str) -> Judgement:
        judgement = Judgement()
        at = source.seconds(time)
        begin, when = _stamp(statement, "at"), _stamp(statement, "end")
        stamps = np.unique(at[: source.n][np.isfinite(at[: source.n])])
        for slot, told in (("start", begin), ("end", when)):
            if told is not None:
                judgement.need(_near(at, told).any(), f"no row is at the {slot}")
        begin = start if begin is None else begin
        own = at[rows]
        own = own[np.isfinite(own)]
        if not len(own):
            judgement.problems.append("the finding has no rows")
            return judgement
        # What began before the input's first row did so in the baseline, none of whose rows are the finding's.
        earlier = begin < stamps[0] and own.min() < stamps[0] + 60 and begin > stamps[0] - 86_400
        judgement.need(own.min() - 60 < begin <= own.max() or earlier, f"its rows begin at {own.min():.0f}")
        if statement.texts.get("open"):
            judgement.need(
                own.max() >= stamps[-1] - 3 * _interval(stamps) - 1 or _goes_on(source, rows, own), "it has ended"
            )
        if when is not None:
            judgement.need(
                abs(when - own.max()) < 60 or abs(when - end) < 60 or when in own, f"it ends at {own.max():.0f}"
            )
        stated = statement.figures.get("actual")
        if stated is not None:
            ends = [one for one in (when, end, float(own.max())) if one is not None]
            fits = any(abs(stated.value * 60 - (one - first)) <= stated.half * 60 + 60
                       for one in ends for first in (begin, start, float(own.min())))  # fmt: skip
            judgement.need(fits, f"it lasts {(ends[0] - begin) / 60:.1f} min")
        return judgement

    return best((of(time) for time in source.time_columns[:2]), "no column is a time")


def _interval(stamps: Floats) -> float:
    return float(np.median(np.diff(stamps))) if len(stamps) > 1 else 60.0


def _goes_on(source: Source, rows: NDArray[np.int64], own: Floats) -> bool:
    """Whether the asset has no later rows, or only stopped ones, so that its episode is the last that is known."""
    for name in source.text_columns:
        cells = set(source.labels(name)[rows])
        if len(cells) == 1:
            same = np.flatnonzero(source.labels(name)[: source.n] == next(iter(cells)))
            if source.settings.running is not None:
                column, least = source.settings.running
                same = same[source.numbers(column)[same] > least]
            times = [source.seconds(time)[same] for time in source.time_columns[:1]]
            if times and np.nanmax(times[0]) - own.max() <= 3 * _interval(np.unique(own)) + 1:
                return True
    return False


def flat_line(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """All readings from the start for as long are the same."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement()
        start = _stamp(statement, "at")
        start = _bounds(finding)[0] if start is None else start
        length = statement.figures.get("minutes")
        whole = series.between(start, start + (length.value - length.half if length else 1) * 60)
        values = series.values[whole & np.isfinite(series.values)]
        judgement.need(len(values), "there is no reading")
        if len(values):
            judgement.figure(statement, "actual", float(np.median(values)))
            steps = np.abs(np.diff(series.usual))
            usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
            judgement.need(float(np.ptp(values)) <= 0.05 * usual * len(values) + 1e-12, "the readings vary")
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


def silent(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """No reading from the start for as long, and the usual time between two."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement()
        start = _stamp(statement, "at")
        start = _bounds(finding)[0] if start is None else start
        length = statement.figures.get("minutes") or statement.figures.get("actual")
        if length is not None:
            inside = (
                series.judged & (series.at >= start - 1e-3) & (series.at < start + (length.value - length.half) * 60)
            )
            judgement.need(not np.isfinite(series.values[inside]).any(), "there are readings")
            after = series.at[series.judged & (series.at >= start) & np.isfinite(series.values)]
            if len(after):
                real = (float(after.min()) - start) / 60
                judgement.need(abs(real - length.value) <= length.half + 2 + 0.02 * real, f"it lasts {real:.1f} min")
        usual = statement.figures.get("interval") or statement.figures.get("high")
        if usual is not None:
            stamps = np.unique(series.at)
            judgement.need(
                abs(usual.value - _interval(stamps) / 60) <= usual.half + 1e-6, f"it is {_interval(stamps) / 60:g} min"
            )
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


def spikes(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Single readings far from both neighbours, counted with a plain rule of the checker's own."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement(unchecked=["what is far is learnt from the baseline"])
        values = series.values
        apart = np.abs(values - (np.r_[np.nan, values[:-1]] + np.r_[values[1:], np.nan]) / 2)
        start, end = _bounds(finding)
        usual = float(np.nanmedian(apart)) or 1e-12
        far = int((apart[series.between(start, end)] > 8 * usual).sum())
        stated = statement.figures.get("actual")
        judgement.need(stated is None or stated.value <= far + 1, f"only {far} readings stand alone")
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


def gross_range(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Readings of the input outside the stated range, and the most extreme of them."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement()
        low, high = statement.figures.get("low"), statement.figures.get("high")
        values = series.values[series.judged]
        outside = np.zeros(len(values), dtype=bool)
        if low is not None:
            outside |= values < low.value - low.half
        if high is not None:
            outside |= values > high.value + high.half
        stated = statement.figures.get("count")
        if stated is not None:
            judgement.need(stated.value <= outside.sum() + 0.5, f"{int(outside.sum())} readings lie outside")
            if stated.value < outside.sum() - 0.5:
                judgement.unchecked.append("some readings outside the range are no sentinels")
        extreme = statement.figures.get("actual")
        if extreme is not None:
            judgement.need(any(extreme.shows(float(one)) for one in values[outside]), f"no reading is {extreme}")
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


def sensor_drift(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The difference from a redundant sensor is the analyzer's own model."""
    judgement = Judgement(unchecked=["the reference is a model's"])
    judgement.need(rows_of(finding), "the finding has no rows")
    return judgement


def one_sided(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """How far it lies from what is expected is a model's; the measure exists."""
    judgement = Judgement(unchecked=[_BY_MODEL])
    judgement.need(readings(statement.texts.get("feature"), finding, source), "the input has no such measure")
    return judgement


def joint_distance(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The distance of all measures together is a model's; the measures exist."""
    judgement = Judgement(unchecked=[_BY_MODEL])
    for name in re.split(r", | and | [ye] |,", statement.texts.get("columns", "")):
        judgement.need(not name or source.column(name.strip("“”«» ")), f"the input has no column {name}")
    return judgement


def rate_of_change(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The most extreme step between two readings is one of the input's; how many are usual is learnt."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement(unchecked=["what is usual is learnt from the baseline"])
        known = np.isfinite(series.values)
        steps = np.abs(np.diff(series.values[known]))[series.judged[known][1:]]
        stated, most, count = (statement.figures.get(slot) for slot in ("actual", "high", "count"))
        if stated is not None:
            size = replace(stated, value=abs(stated.value))
            judgement.need(any(size.shows(float(one)) for one in steps), f"no step is {stated}")
        if most is not None and count is not None:
            beyond = int((steps > most.value - most.half).sum())
            judgement.need(count.value <= beyond + 0.5, f"only {beyond} steps are beyond it")
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


def neighbour(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The mean difference of the two sensors over the finding's rows; what is usual is learnt."""

    def of(series: Readings) -> Judgement:
        judgement = Judgement(unchecked=["what is usual is learnt from the baseline"])
        other, stated = source.column(statement.texts.get("with", "")), statement.figures.get("actual")
        if other is None or stated is None:
            return judgement
        rows = np.array(finding.get("rows") or (), dtype=np.int64)
        column = source.column(statement.texts.get("feature", "")) or other
        apart = source.numbers(column)[rows] - source.numbers(other)[rows]
        mean = float(np.nanmean(apart)) if np.isfinite(apart).any() else float("nan")
        slack = 0.25 * float(np.nanstd(series.usual)) if len(series.usual) else 0.0
        judgement.need(abs(abs(mean) - abs(stated.value)) <= stated.half + slack, f"they differ by {mean:.5g}")
        return judgement

    found = readings(statement.texts.get("feature"), finding, source)
    return best((of(series) for series in found), "the input has no such measure")


def clock_stuck(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """So many readings have the stated time."""
    when, count = _stamp(statement, "at"), statement.figures.get("count")

    def of(time: str) -> Judgement:
        judgement = Judgement()
        at = source.seconds(time)[: source.n]
        _, times = np.unique(at[_near(at, when)] if when is not None else at[np.isfinite(at)], return_counts=True)
        most = int(times.max(initial=0))
        judgement.need(count is None or count.value <= most + 0.5, f"only {most} readings have one time")
        return judgement

    return best((of(time) for time in source.time_columns[:2]), "no column is a time")


def marked(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """What the source writes beside its readings: a mark of bad quality, a unit. The readings must be there."""
    judgement = Judgement(unchecked=["marks and units are read by the analyzer"])
    count, rows = statement.figures.get("count"), finding.get("rows") or ()
    judgement.need(count is None or count.value <= len(rows) + 0.5, f"the finding has {len(rows)} rows")
    for slot in ("previous", "current"):
        unit = statement.texts.get(slot)
        judgement.need(unit is None or source.called(unit), f"no cell is {unit}")
    return judgement


SERIES_TRUTHS: Mapping[str, Truth] = {
    "outside_band": outside_band,
    "level_shift": level_shift,
    "relation_broken": relation_broken,
    "variation": variation,
    "more_variation": variation,
    "less_variation": variation,
    "also_moved": also_moved,
    "episode": episode,
    "flat_line": flat_line,
    "silent": silent,
    "spikes": spikes,
    "gross_range": gross_range,
    "sensor_drift": sensor_drift,
    "one_sided": one_sided,
    "joint_distance": joint_distance,
    "rate_of_change": rate_of_change,
    "climatology": gross_range,
    "neighbour": neighbour,
    "clock_stuck": clock_stuck,
    "bad_quality": marked,
    "unit_changed": marked,
}

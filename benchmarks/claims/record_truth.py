"""What is true of a record among others: own past, peers, rarity, frequency, time; recomputed from the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.claims.figures import WEEKDAYS, Figure
from benchmarks.claims.source import Floats, Source, same_name
from benchmarks.claims.statement import Finding, Judgement, Statement

Truth = Callable[[Statement, Finding, Source], Judgement]
_AMOUNTS = ("amount", "importe", "monto", "amt", "betrag", "montant", "tx_amount")
_MOST_ROWS = 1_000


def best(judgements: Iterator[Judgement], otherwise: str) -> Judgement:
    """The judgement that holds best; a statement need only be true of one of the finding's records."""
    chosen: Judgement | None = None
    for judgement in judgements:
        if chosen is None or judgement.rank < chosen.rank:
            chosen = judgement
        if chosen.rank == (0, 0, 0):
            break
    return chosen or Judgement(problems=[otherwise])


def rows_of(finding: Finding) -> Sequence[int]:
    """The finding's rows, at most a thousand."""
    return list(finding.get("rows") or ())[:_MOST_ROWS]


def feature_of(statement: Statement, finding: Finding, source: Source) -> list[str]:
    """The column that a statement is about; for `the amount` that of the money."""
    stated = statement.texts.get("feature")
    if stated is not None:
        column = source.column(stated)
        return [column] if column else []
    named = [name for name in source.columns if name.lower() in _AMOUNTS]
    told = [fact["feature"] for fact in finding["facts"] if fact.get("feature") in source.columns]
    return list(dict.fromkeys([*named, *told]))


def entity_columns(stated: str, row: int, source: Source) -> list[str]:
    """Columns whose cell in this row has the printed name."""
    return [name for name in source.columns if source.is_called(stated, str(source.labels(name)[row]))]


def others_like(source: Source, column: str, row: int) -> NDArray[np.int64]:
    """The other reference rows of the same label."""
    labels = source.labels(column)
    others = source.others(row)
    return np.asarray(others[labels[others] == labels[row]])


# -- a value against others ------------------------------------------------------------------------------------------
def value(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """A named value stands in one of the finding's rows."""
    return best(
        (
            _same_value(statement, "actual", source.numbers(column)[row])
            for column in feature_of(statement, finding, source)
            for row in rows_of(finding)
        ),
        "no such column",
    )


def _same_value(statement: Statement, slot: str, truth: float) -> Judgement:
    judgement = Judgement()
    judgement.figure(statement, slot, float(truth))
    return judgement


def own_history(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Against the entity's other records."""
    stated = _entity_of(statement, finding)
    return best(
        (
            against(statement, column, row, others_like(source, entity, row), source)
            for column in feature_of(statement, finding, source)
            for row in rows_of(finding)
            for entity in entity_columns(stated, row, source)
            if entity != column
        ),
        f"no record of the finding is of {stated}",
    )


def _entity_of(statement: Statement, finding: Finding) -> str:
    """Whose past it is; `it` is what the finding is about."""
    stated = statement.texts.get("entity")
    return str(finding.get("subject")) if stated in (None, "it") else str(stated)


def peers(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Against all other records."""
    return best(
        (
            against(statement, column, row, source.others(row), source)
            for column in feature_of(statement, finding, source)
            for row in rows_of(finding)
        ),
        "no such column",
    )


def against(statement: Statement, column: str, row: int, others: NDArray[np.int64], source: Source) -> Judgement:
    """A value against the usual range (10th to 90th percentile) and the median of other rows."""
    judgement = Judgement()
    actual = float(source.numbers(column)[row])
    usual = source.numbers(column)[others]
    usual = usual[np.isfinite(usual)]
    for slot in ("actual", "value_actual"):
        judgement.figure(statement, slot, actual)
    if not len(usual):
        judgement.problems.append("there is nothing to compare with")
        return judgement
    low, median, high = (float(part) for part in np.quantile(usual, [0.1, 0.5, 0.9]))
    judgement.figure(statement, "count", len(usual))
    judgement.figure(statement, "low", low)
    judgement.figure(statement, "high", high)
    compare(judgement, statement, actual, low, median, high)
    _whose(judgement, statement, source)
    return judgement


def compare(judgement: Judgement, statement: Statement, actual: float, low: float, median: float, high: float) -> None:
    """Ratio, side and words of size of a figure against a usual range and its median."""
    ratio = actual / median if median else None
    if "ratio" in statement.figures:
        judgement.figure(statement, "ratio", ratio)
    judge_times(judgement, statement, ratio)
    if "portion" in statement.figures:
        judgement.figure(statement, "portion", None if ratio is None else 100 * ratio)
    direction = side_of(statement)
    if direction == "above":
        judgement.need(actual > median, "it is not above what is usual")
    if direction == "below":
        judgement.need(actual < median, "it is not below what is usual")
    far = direction is not None or "times" in statement.figures or "portion" in statement.figures
    if statement.origin == "text" and far and low <= actual <= high:
        judgement.misleading.append(f"{actual:g} lies within the usual range {low:g} to {high:g}")
    if statement.texts.get("inside"):
        judgement.need(low <= actual <= high, "it is not within the usual range")
    if statement.texts.get("degree") and ratio:
        _judge_degree(judgement, statement.texts["degree"], ratio)


def _judge_degree(judgement: Judgement, degree: str, ratio: float) -> None:
    """Slightly: under a tenth; somewhat: under a half; well: more. A share below 1 counts as its inverse."""
    size = abs(ratio) if abs(ratio) >= 1 else 1 / max(abs(ratio), 1e-12)
    least, most = {
        "slightly": (1.0, 1.1), "ligeramente": (1.0, 1.1), "somewhat": (1.1, 1.5), "algo": (1.1, 1.5),
        "well": (1.5, 3.0), "bastante": (1.5, 3.0),
    }[degree]  # fmt: skip
    judgement.need(least - 1e-9 <= size <= most + 1e-9 or ratio < 0, f"{degree} is said of {ratio:.3g} times the usual")


def judge_times(judgement: Judgement, statement: Statement, ratio: float | None) -> None:
    """`4.2 times` is told to a tenth below ten, above in whole times."""
    stated = statement.figures.get("times")
    if stated is not None:
        half = 0.05 if stated.value < 10 else 0.5
        shown = ratio is not None and Figure(stated.value, half).shows(ratio)
        judgement.need(shown, f"{stated} times is {'nothing' if ratio is None else f'{ratio:.4g}'} times")


def side_of(statement: Statement) -> str | None:
    """`above` or `below` in either language."""
    said = statement.texts.get("direction")
    if said is None:
        return None
    return {"above": "above", "por encima": "above", "below": "below", "por debajo": "below"}.get(said)


def _whose(judgement: Judgement, statement: Statement, source: Source) -> None:
    which = statement.texts.get("which", "").strip()
    if source.ranking and which in ("earlier", "anterior", "anteriores"):
        judgement.misleading.append("`earlier` is said of records of the same input")


# -- how often -------------------------------------------------------------------------------------------------------
def rare_value(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """How often a category occurs in the other reference rows."""
    stated = "" if statement.texts.get("empty") else statement.texts["actual"]
    wanted = statement.texts.get("feature")
    columns = [column] if wanted and (column := source.column(wanted)) else source.columns
    return best(
        (
            _counted(statement, len(others_like(source, column, row)), len(source.others(row)), source)
            for row in rows_of(finding)
            for column in columns
            if source.is_called(stated, str(source.labels(column)[row]))
        ),
        f"no record of the finding has {stated}",
    )


def _counted(statement: Statement, count: int, total: int, source: Source) -> Judgement:
    judgement = Judgement()
    judgement.figure(statement, "count", count)
    judgement.figure(statement, "total", total)
    if statement.texts.get("never"):
        judgement.need(count == 0, f"`never` is said of {count} records")
    if statement.texts.get("seldom"):
        judgement.need(count * 20 < total, f"`only` is said of {count} in {total}")
    _whose(judgement, statement, source)
    return judgement


def pair(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """How often two values occur together: among the reference, or (audit) among all other records."""
    first, second = (source.column(statement.texts.get(slot, "")) for slot in ("first", "second"))
    if first is None or second is None:
        return Judgement(problems=["names columns that the input has not"])
    named = statement.texts["actual"]
    everything = np.arange(source.frame.height)
    pools = {"rare_pair": [source.reference], "seldom_pair": [everything]}.get(
        statement.kind, [source.reference, everything]
    )

    def of(row: int, pool: NDArray[np.int64]) -> Judgement:
        one, other = source.labels(first), source.labels(second)
        pool = pool[pool != row]
        count = int(((one[pool] == one[row]) & (other[pool] == other[row])).sum())
        judgement = _counted(statement, count, len(pool), source)
        left, _, right = named.partition(" + ")
        is_named = source.is_called(left, str(one[row])) and source.is_called(right, str(other[row]))
        judgement.need(is_named or same_name(named, f"{one[row]} + {other[row]}"), "the record has other values")
        return judgement

    return best((of(row, pool) for row in rows_of(finding) for pool in pools), "the finding has no records")


def new_entity(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """How many other reference records an entity has."""
    judgement = rare_value(statement, finding, source)
    judgement.figure(statement, "unusual", float(len(rows_of(finding))))
    return judgement


def frequency(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Records of an entity in the days up to one of its records."""
    stated = _entity_of(statement, finding)
    days = statement.figures["days"].value if "days" in statement.figures else None
    if days is None:
        return Judgement(unchecked=["names no length of time"])
    rows = rows_of(finding)
    return best(
        (
            _in_window(statement, source, time, entity, row, days)
            for time in source.time_columns
            for row in rows
            for entity in entity_columns(stated, row, source)
        ),
        f"no record of the finding is of {stated}",
    )


def _in_window(statement: Statement, source: Source, time: str, entity: str, row: int, days: float) -> Judgement:
    seconds = np.floor(source.seconds(time))
    labels = source.labels(entity)
    own = np.flatnonzero((labels == labels[row]) & np.isfinite(seconds))
    at = np.sort(seconds[own])
    counts = np.searchsorted(at, seconds[own], "right") - np.searchsorted(at, seconds[own] - days * 86_400, "right")
    count = float(counts[own == row][0])
    compared = np.isin(own, source.others(row))
    judgement = Judgement()
    judgement.figure(statement, "actual", count)
    if not compared.any():
        judgement.need("low" not in statement.figures and "times" not in statement.figures, "nothing to compare with")
        return judgement
    low, median, high = (float(part) for part in np.quantile(counts[compared], [0.1, 0.5, 0.9]))
    judgement.figure(statement, "low", low)
    judgement.figure(statement, "high", high)
    judge_times(judgement, statement, count / median if median else None)
    return judgement


# -- when ------------------------------------------------------------------------------------------------------------
def unusual_time(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """When a record falls, and the usual hours of the others."""

    def of(row: int, time: str) -> Judgement:
        judgement = falls(statement, row, time, source)
        judgement.figure(statement, "others", float(len(rows_of(finding)) - 1))
        hours = hours_of(source, time)
        usual = hours[source.others(row)]
        low, high = np.quantile(usual[np.isfinite(usual)], [0.1, 0.9])
        judgement.figure(statement, "from", float(low))
        judgement.figure(statement, "until", float(high))
        if "from" in statement.figures and statement.origin == "text":
            judgement.need(not low <= hours[row] <= high, "it lies within the usual hours")
        return judgement

    return best((of(row, time) for row in rows_of(finding) for time in source.time_columns), "no column is a time")


def falls(statement: Statement, row: int, time: str, source: Source) -> Judgement:
    """Day, weekday and time of day of a record's cell."""
    judgement = Judgement()
    seconds = source.seconds(time)[row]
    day = source.dates(time)[row]
    stated = statement.times.get("at")
    if stated is not None:
        judgement.need(statement.texts["at_day"] == str(day), f"the day is {day}")
        if "at_day_only" not in statement.texts and not judgement.problems:
            apart = abs(stated.timestamp() - seconds) if hasattr(stated, "timestamp") else 0.0
            judgement.need(apart < 60, "the time of day is another")
            if _without_hours(source, time):
                judgement.misleading.append("a time of day is told of a date without one")
    if "weekday" in statement.texts and not np.isnat(day):
        number = int((day.astype("datetime64[D]").astype(int) + 3) % 7)
        names = {WEEKDAYS[lang][number] for lang in WEEKDAYS}
        judgement.need(statement.texts["weekday"] in names, f"{day} is no {statement.texts['weekday']}")
    return judgement


def hours_of(source: Source, time: str) -> Floats:
    """Hour of the day of a time column, local, in whole hours."""
    seconds, days = source.seconds(time), source.dates(time)
    midnight = days.astype("datetime64[s]").astype(np.float64)
    local = seconds + source.offsets(time)
    hours: Floats = np.floor((local - midnight) / 3600)
    return np.where(np.isfinite(seconds), hours, np.nan)


def _without_hours(source: Source, time: str) -> bool:
    seconds = source.seconds(time) + source.offsets(time)
    known = seconds[np.isfinite(seconds)]
    return len(known) > 0 and bool((known % 86_400 == 0).mean() > 0.5)


# -- as a whole ------------------------------------------------------------------------------------------------------
def combination(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The columns exist; `rather than each alone` needs all of their numbers within the usual range."""
    judgement = Judgement()
    listed = statement.texts.get("columns") or statement.texts.get("feature") or ""
    names = [part for chunk in listed.split(", ") for part in _parted(chunk, source)]
    columns = [source.column(name.strip("“”«»")) for name in names]
    for name, column in zip(names, columns, strict=True):
        judgement.need(column is not None, f"the input has no column {name}")
    known = [column for column in columns if column]
    rows = rows_of(finding)
    if statement.texts.get("alone") and rows:
        outside = [column for column in known if _is_outside(source, column, rows[0])]
        if outside:
            judgement.misleading.append(f"{outside[0]} is outside its usual range alone")
    judgement.unchecked.append("that values are odd together is the model's judgement")
    return judgement


def _parted(chunk: str, source: Source) -> list[str]:
    if source.column(chunk.strip("“”«»")):
        return [chunk]
    for word in (" and ", " y ", " e "):
        left, joined, right = chunk.partition(word)
        if joined and source.column(left.strip("“”«»")):
            return [left, right]
    return [chunk]


def _is_outside(source: Source, column: str, row: int) -> bool:
    numbers = source.numbers(column)
    usual = numbers[source.others(row)]
    usual = usual[np.isfinite(usual)]
    if not len(usual) or not np.isfinite(numbers[row]):
        return False
    low, high = np.quantile(usual, [0.1, 0.9])
    return not low <= numbers[row] <= high


def strangeness(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Ranks are the detector's: only the number of records compared with can be counted."""
    judgement = Judgement(unchecked=["the rank is the detector's judgement"])
    judgement.figure(statement, "count", int(source.readable[: source.n].sum()) - 1)
    share = statement.figures.get("share")
    judgement.need(share is None or 0 < share.value <= 100, "a share beyond 100 %")
    return judgement


RECORD_TRUTHS: Mapping[str, Truth] = {
    "value": value,
    "own_history": own_history,
    "peers": peers,
    "rare_value": rare_value,
    "rare_pair": pair,
    "seldom_pair": pair,
    "pair": pair,
    "new_entity": new_entity,
    "frequency": frequency,
    "unusual_time": unusual_time,
    "combination": combination,
    "strangeness": strangeness,
}

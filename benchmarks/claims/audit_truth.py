"""What is true of payments and entries: duplicates, limits, splits, rounding, digits, days; recomputed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.claims.party_truth import rows_named
from benchmarks.claims.record_truth import (
    Truth,
    best,
    entity_columns,
    falls,
    feature_of,
    hours_of,
    judge_times,
    rows_of,
)  # fmt: skip
from benchmarks.claims.source import Source, same_name
from benchmarks.claims.statement import Finding, Judgement, Statement


def _amounts(statement: Statement, finding: Finding, source: Source) -> list[str]:
    return [name for name in feature_of(statement, finding, source) if np.isfinite(source.numbers(name)).any()]


def duplicate(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The second payment against the document that it is said to repeat."""
    other = statement.texts.get("other")
    if other is None:
        return Judgement(problems=["names no first payment"])
    return best(
        (
            _pair_of_payments(statement, amount, row, first, label, source)
            for amount in _amounts(statement, finding, source)
            for row in rows_of(finding)
            for label, first in rows_named(other, source)
            if first != row
        ),
        f"there is no document {other}",
    )


def _pair_of_payments(statement: Statement, amount: str, row: int, first: int, label: str, source: Source) -> Judgement:
    judgement = Judgement()
    values = source.numbers(amount)
    judgement.figure(statement, "value_actual", float(values[row]))
    judgement.figure(statement, "actual", float(values[row]))
    if statement.texts.get("alike") in ("equals", "coincide"):
        judgement.need(abs(values[row] - values[first]) < 0.005, f"the amounts are {values[row]} and {values[first]}")
    times = [_apart(statement, row, first, time, source) for time in source.time_columns]
    judgement.problems += best(iter(times), "no column is a time").problems
    entity = [name for name in source.text_columns if name != label]
    same = [name for name in entity if source.labels(name)[row] == source.labels(name)[first] != ""]
    payee, number = statement.texts.get("payee"), statement.texts.get("number")
    keyed = [name for name in same if _distinct(name, source) > 0.01]
    if payee in ("the same", "al mismo"):
        judgement.need(any(_is_payee(name, source) for name in same), "the payees differ")
    if payee in ("another", "a otro"):
        judgement.need(not any(name in ("supplier", "vendor", "entity") for name in same), "the payee is the same")
    if number in ("the same", "el mismo"):
        _judge_number(judgement, keyed, row, first, source, bool(statement.texts.get("respelt")))
    return judgement


def _judge_number(judgement: Judgement, same: list[str], row: int, first: int, source: Source, respelt: bool) -> None:
    invoices = _invoice_columns(source)
    if any(name in same for name in invoices):
        return
    alike = any(_core(source.labels(n)[row]) == _core(source.labels(n)[first]) != "" for n in invoices)
    if alike and respelt:
        return
    (judgement.misleading if alike else judgement.problems).append(
        "the invoice numbers are written differently" if alike else "the invoice numbers differ"
    )


def _core(text: object) -> str:
    # An O for a zero, an I or an L for a one: another way of writing the same number.
    figures = str(text).upper().translate(str.maketrans("OIL", "011"))
    return re.sub(r"^[A-Z]*0*", "", re.sub(r"[^A-Z0-9]", "", figures))


def _invoice_columns(source: Source) -> list[str]:
    named = [
        name for name in source.text_columns if re.search(r"invoice|factura|rechnung|beleg|number|nummer", name.lower())
    ]
    return named or source.text_columns


def _distinct(name: str, source: Source) -> float:
    return len(set(source.labels(name))) / max(source.frame.height, 1)


def _is_payee(name: str, source: Source) -> bool:
    return _distinct(name, source) < 0.5 and len(set(source.labels(name))) > 5


def _apart(statement: Statement, row: int, first: int, time: str, source: Source) -> Judgement:
    judgement = Judgement()
    days = source.dates(time)
    between = float((days[row] - days[first]).astype(int)) if not np.isnat(days[row] - days[first]) else None
    judgement.figure(statement, "days", between)
    if statement.texts.get("same_day"):
        judgement.need(between == 0, f"they are {between} days apart")
    if "other_at_day" in statement.texts:
        judgement.need(statement.texts["other_at_day"] == str(days[first]), f"the first is of {days[first]}")
    return judgement


def below_limit(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Below a stated limit, and how many other amounts of the same origin are as close."""
    limit = statement.figures.get("high")
    top = limit.value if limit else 0.0

    def of(amount: str, row: int) -> Judgement:
        judgement = Judgement()
        values = source.numbers(amount)
        judgement.need(
            not source.settings.limits or top in source.settings.limits, f"{top:g} is no limit of the monitor"
        )
        judgement.need(values[row] < top, "it is not below")
        judgement.figure(statement, "value_actual", float(values[row]))
        judgement.figure(statement, "portion", 100 * float(values[row]) / top if top else None)
        stated = statement.figures.get("count")
        if stated is not None:
            near = (values >= 0.95 * top) & (values < top)
            near[row] = False
            counts = {int(near[source.labels(name) == source.labels(name)[row]].sum()) for name in source.text_columns}
            judgement.need(stated.value in counts, f"{stated} others: no column gives that ({sorted(counts)})")
        return judgement

    pairs = ((amount, row) for amount in _amounts(statement, finding, source) for row in rows_of(finding))
    return best((of(amount, row) for amount, row in pairs), "no amount")


def not_below(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Said of a finding about limits only by mistake."""
    return Judgement(misleading=["a limit that is not kept below of is no reason"])


def split(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The finding's amounts come to the stated sum, above the limit, each below it."""

    def of(amount: str) -> Judgement:
        judgement = Judgement()
        rows = np.array(rows_of(finding), dtype=np.int64)
        values = source.numbers(amount)[rows]
        limit = statement.figures["high"].value if "high" in statement.figures else None
        pieces = values >= 0.2 * limit if limit else np.ones(len(values), dtype=bool)
        judgement.figure(statement, "count", float(pieces.sum()))
        judgement.figure(statement, "actual", float(values[pieces].sum()))
        if limit is not None:
            judgement.need(bool((values[pieces] < limit).all()), "a part is not below the limit")
            if statement.texts.get("side", "above").startswith(("above", "por encima")):
                judgement.need(values[pieces].sum() > limit, "the sum is not above the limit")
        spans = [_span(source.dates(time)[rows[pieces]]) for time in source.time_columns]
        if "days" in statement.figures:
            judgement.need(statement.figures["days"].value in spans, f"the days between are {spans}")
        if statement.texts.get("same_day"):
            judgement.need(0 in spans, f"the days between are {spans}")
        return judgement

    return best((of(amount) for amount in _amounts(statement, finding, source)), "no amount")


def _span(days: NDArray[np.datetime64]) -> int:
    known = days[~np.isnat(days)]
    return int((known.max() - known.min()).astype(int)) if len(known) else -1


def round_amount(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """A whole multiple, and the share of all amounts that are."""

    def of(amount: str, row: int) -> Judgement:
        judgement = Judgement()
        cents = np.round(source.numbers(amount) * 100)
        unit = round(statement.figures["unit_of"].value * 100) if "unit_of" in statement.figures else 100_000
        is_round = np.isfinite(cents) & (cents != 0) & (np.nan_to_num(cents) % unit == 0)
        judgement.need(is_round[row], "it is no multiple")
        judgement.figure(statement, "share", 100 * float(is_round.sum()) / source.frame.height)
        return judgement

    pairs = ((amount, row) for amount in _amounts(statement, finding, source) for row in rows_of(finding))
    return best((of(amount, row) for amount, row in pairs), "no amount")


def relative_size(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Against the entity's next largest amount."""
    stated = statement.texts.get("entity") or str(finding.get("subject"))

    def of(amount: str, row: int, entity: str) -> Judgement:
        judgement = Judgement()
        values, labels = source.numbers(amount), source.labels(entity)
        own = (labels == labels[row]) & (values > 0)
        own[row] = False
        following = float(values[own].max()) if own.any() else None
        judgement.figure(statement, "value_actual", float(values[row]))
        judgement.figure(statement, "high", following)
        judge_times(judgement, statement, float(values[row]) / following if following else None)
        return judgement

    return best(
        (
            of(amount, row, entity)
            for amount in _amounts(statement, finding, source)
            for row in rows_of(finding)
            for entity in entity_columns(stated, row, source)
        ),
        f"no record of the finding is of {stated}",
    )


# -- days and hours --------------------------------------------------------------------------------------------------
def _when(statement: Statement, finding: Finding, source: Source) -> Iterator[tuple[Judgement, int, str]]:
    for row in rows_of(finding):
        for time in source.time_columns:
            yield falls(statement, row, time, source), row, time


def weekend(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """On a Saturday or Sunday, and the share of all records that are."""

    def of(judgement: Judgement, row: int, time: str) -> Judgement:
        days = source.dates(time)
        odd = (days.astype("datetime64[D]").astype(int) + 3) % 7 >= 5
        odd &= ~np.isnat(days)
        judgement.need(odd[row], f"{days[row]} is a working day")
        judgement.figure(statement, "share", 100 * float(odd.sum()) / source.frame.height)
        return judgement

    return best((of(*found) for found in _when(statement, finding, source)), "no column is a time")


def holiday(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """On a day of the reference table `holidays`."""
    table = source.settings.references.get("holidays")

    def of(judgement: Judgement, row: int, time: str) -> Judgement:
        if table is None:
            judgement.unchecked.append("there is no table of holidays")
            return judgement
        days = Source.of(table, None, source.settings)
        day = source.dates(time)[row]
        judgement.need(any(day in days.dates(name) for name in days.time_columns), f"{day} is no holiday")
        return judgement

    return best((of(*found) for found in _when(statement, finding, source)), "no column is a time")


def night(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Outside the office hours that are named."""

    def of(judgement: Judgement, row: int, time: str) -> Judgement:
        if "from" in statement.figures:
            hour = hours_of(source, time)[row]
            low, high = statement.figures["from"].value, statement.figures["until"].value
            judgement.need(hour < low or hour >= high, f"{hour:g} h is within office hours")
        return judgement

    return best((of(*found) for found in _when(statement, finding, source)), "no column is a time")


def period_end(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Days to the end of the month."""

    def of(judgement: Judgement, row: int, time: str) -> Judgement:
        day = source.dates(time)[row]
        if np.isnat(day):
            return Judgement(problems=["there is no day"])
        end = (day.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
        left = int((end - day).astype(int))
        judgement.figure(statement, "days", left)
        if statement.texts.get("last"):
            judgement.need(left == 0, f"{left} days are left")
        return judgement

    return best((of(*found) for found in _when(statement, finding, source)), "no column is a time")


# -- digits ----------------------------------------------------------------------------------------------------------
def benford(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Share of two leading digits in the trailing year, of all amounts or of the entity's."""
    digits = int(re.sub(r"\D", "", statement.texts.get("digits", "0")) or 0)

    def of(amount: str) -> Judgement:
        judgement = Judgement()
        cents = np.abs(np.round(np.nan_to_num(source.numbers(amount)) * 100)).astype(np.int64)
        used = cents >= 1000
        for name in source.text_columns:
            own = source.labels(name) == finding["subject"]
            if own.any():
                used &= own
        lead = Counter(int(str(value)[:2]) for value in cents[used])
        law = float(np.log10(1 + 1 / digits)) if digits else 0.0
        total = sum(lead.values())
        judgement.figure(statement, "count", total)
        judgement.figure(statement, "actual", 100 * lead[digits] / total if total else None)
        judgement.figure(statement, "low", 100 * law)
        judge_times(judgement, statement, lead[digits] / total / law if total and law else None)
        return judgement

    return best((of(amount) for amount in _amounts(statement, finding, source)), "no amount")


def endings(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Share of an entity's amounts in the batch that end alike."""

    def of(amount: str, entity: str) -> Judgement:
        judgement = Judgement()
        values = source.numbers(amount)[: source.n]
        own = (source.labels(entity)[: source.n] == finding["subject"]) & (values > 0)
        cents = np.round(values[own] * 100).astype(np.int64)
        ending = int(statement.texts["ending"])
        judgement.figure(statement, "count", len(cents))
        shares = [100 * float((part % 100 == ending).mean()) for part in (cents, cents // 100)] if len(cents) else [0.0]
        stated = statement.figures["actual"]
        judgement.need(any(stated.shows(share) for share in shares), f"the share is {shares}")
        judgement.unchecked.append("the usual share is drawn towards that of all records")
        return judgement

    return best(
        (of(a, e) for a in _amounts(statement, finding, source) for e in source.text_columns
         if (source.labels(e) == finding["subject"]).any()),
        "no such entity",
    )  # fmt: skip


# -- money -----------------------------------------------------------------------------------------------------------
def exposure(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The money of one of the finding's records, or of several together; its currency."""
    stated = statement.figures.get("actual")
    if stated is None:
        return Judgement()

    def of(amount: str) -> Judgement:
        judgement = Judgement()
        rows = np.array(rows_of(finding), dtype=np.int64)
        values = np.abs(source.numbers(amount)[rows])
        values = values[np.isfinite(values)]
        reach = [*values, values.sum(), *_subset_sums(values)]
        judgement.need(any(stated.shows(float(one)) for one in reach), f"{stated} is no sum of {values[:6].tolist()}")
        if stated.unit is not None:
            held = {str(source.labels(name)[row]).strip() for name in source.columns for row in rows}
            judgement.need(
                stated.unit in held or stated.unit == source.settings.currency, f"no record is in {stated.unit}"
            )
        return judgement

    numeric = [
        n for n in source.columns if n not in source.time_columns and np.isfinite(source.numbers(n)).mean() > 0.5
    ]
    amounts = _amounts(statement, finding, source) or numeric
    return best((of(amount) for amount in [*amounts, *numeric]), "no amount")


def _subset_sums(values: NDArray[np.float64]) -> list[float]:
    """Sums of all subsets of few values: a reason may be about some of the finding's records only."""
    if len(values) > 12:
        return []
    sums = np.zeros(1)
    for one in values:
        sums = np.concatenate([sums, sums + one])
    return [float(total) for total in sums]


def house_rule(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The rule is the monitor's own; it is named in the facts."""
    judgement = Judgement(unchecked=["the rule stands in the monitor, not in the input"])
    names = [fact["actual"] for fact in finding["facts"] if fact["kind"] == "house_rule"]
    judgement.need(any(same_name(statement.texts["actual"], str(one)) for one in names), "no fact names the rule")
    return judgement


def decided_before(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Earlier verdicts are the warehouse's: the figures are held against the finding's own fact."""
    judgement = Judgement(unchecked=["earlier nights are not in the input"])
    known = [fact["values"] for fact in finding["facts"] if fact["kind"] == "decided_before"]
    for slot, figure in statement.figures.items():
        judgement.need(any(figure.shows(values.get(slot)) for values in known), f"no fact counts {figure} {slot}")
    return judgement


def seen_before(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Earlier nights are in the warehouse, not in the input."""
    return Judgement(unchecked=["earlier nights are not in the input"])


AUDIT_TRUTHS: Mapping[str, Truth] = {
    "duplicate": duplicate,
    "below_limit": below_limit,
    "not_below": not_below,
    "split": split,
    "round_amount": round_amount,
    "relative_size": relative_size,
    "weekend": weekend,
    "holiday": holiday,
    "night": night,
    "period_end": period_end,
    "benford": benford,
    "endings": endings,
    "exposure": exposure,
    "house_rule": house_rule,
    "decided_before": decided_before,
    "seen_before": seen_before,
}

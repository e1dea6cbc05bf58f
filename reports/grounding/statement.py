"""The check of one statement against the one fact that it cites."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from analyzers.results import Direction, Fact, FactKind, Subject
from reports.contents import Lang
from reports.grounding import lexicon
from reports.grounding.dates import WrongTimeError, without_times
from reports.grounding.figures import Figure, figures
from reports.grounding.names import bare, label_names, masked, names_of
from reports.grounding.phrasing import words_of
from reports.grounding.unbacked import UnbackedError
from reports.grounding.verdicts import check_verdicts
from reports.grounding.vocabulary import WORDS

_UNITS_OF_TIME = {"d": 1440, "h": 60, "m": 1}


def check_statement(
    text: str, fact: Fact, subject: Subject, lang: Lang, timezone: str, assets: Mapping[str, str]
) -> None:
    """Raise UnbackedError for the first thing in the statement that the fact does not back.

    `text` is bare (see `names.bare`), one statement without period; `assets` are further names of the subject.
    """
    names = {**names_of(fact), **label_names(subject.label or subject.id), **assets}
    # A column may be called like a word of any statement ("amount"); a value only like one of this kind's.
    column = WORDS[lang].intersection(re.findall(r"\w+", (fact.feature or "").lower()))
    text = masked(text, names, words_of(fact.kind, lang) | column)
    text = text.rstrip(". ")
    if fact.kind is FactKind.DECIDED_BEFORE:
        check_verdicts(text, fact, lang)
        return
    _check_order(text, fact)
    if not re.search(lexicon.MARKS[fact.kind][lang == "es"], text, re.IGNORECASE):
        raise UnbackedError(f"does not say what a fact of the kind {fact.kind.value} says")
    try:
        text = without_times(text, fact, lang, timezone)
    except WrongTimeError as wrong:
        raise UnbackedError(str(wrong)) from None
    text = re.sub(lexicon.EVERY[lang], lambda every: every[0].replace(" min", " 1 min"), text)
    found = figures(text, lang)
    _check_directions(text, fact, lang, found)
    _check_silences(text, fact, lang)
    rest = _check_figures(text, found, fact, lang)
    _check_words(rest, fact, lang)


def _check_order(text: str, fact: Fact) -> None:
    first, second = lexicon.IN_ORDER.get(fact.kind, ("", ""))
    both = f"<{first}>" in text and f"<{second}>" in text
    if both and text.rindex(f"<{first}>") > text.rindex(f"<{second}>"):
        raise UnbackedError(f"{first} and {second} are exchanged")


# -- figures -----------------------------------------------------------------------------------------------------------
def _check_figures(text: str, found: Sequence[Figure], fact: Fact, lang: Lang) -> str:
    """Check each figure with its unit; the text without them."""
    unit = bare(fact.unit or "")[:16].strip()
    rest, position, index, read = "", 0, 0, 0
    whole: str | None = None
    while index < len(found):
        figure = found[index]
        before, read = text[read : figure.start], figure.end
        sense, end = _sense(text, figure, unit, lang)
        # In "3 of 40 records" both figures are of what the words before them speak of.
        role = whole or _role(before, lang)
        whole = role if sense == "part" else None
        following = found[index + 1] if index + 1 < len(found) else None
        if sense == "duration" and fact.kind in _LASTING:
            index, end = _check_duration(text, found, index, before, fact, lang)
        elif following is not None and _is_range(text[figure.end : following.start], unit):
            sense, end = _sense(text, following, unit, lang)
            _check_range(figure, following, sense, fact, role)
            index, read = index + 1, following.end
        elif not _is_backed(figure, sense, role, fact):
            raise UnbackedError(f"{text[figure.start : end]!r} is not in the fact")
        rest += text[position : figure.start] + " "
        position, read = end, max(read, found[index].end)
        index += 1
    return rest + text[position:]


def _is_range(between: str, unit: str) -> bool:
    """Whether what stands between two figures makes them the ends of a range."""
    return re.fullmatch(rf"(?: ?%| {re.escape(unit)})? (?:to|a) ", between) is not None


def _is_backed(figure: Figure, sense: str, role: str, fact: Fact) -> bool:
    """Whether a slot of the fact shows as this figure; one figure for a range must look like both of its ends."""
    shown = [figure.rounds(value, scale=scale) for value, scale in _values(sense, role, fact)]
    both = role == "expected" and fact.kind not in lexicon.ONE_SIDED
    return bool(shown) and (all(shown) if both else any(shown))


_LASTING = frozenset({FactKind.EPISODE, FactKind.FLAT_LINE, FactKind.SILENT})


def _sense(text: str, figure: Figure, unit: str, lang: Lang) -> tuple[str, int]:
    """What kind of figure it is by what follows it, and where that ends."""
    after = text[figure.end :]
    if unit and (match := re.match(rf" {re.escape(unit)}(?![\w/])", after)):
        return "quantity", figure.end + match.end()
    for pattern, sense in lexicon.SENSES[lang]:
        if match := re.match(pattern, after):
            return sense, figure.end + match.end()
    if match := re.match(r" ([A-Z]{3})\b", after):
        raise UnbackedError(f"the currency {match[1]} is not that of the fact")
    return "plain", figure.end


def _role(before: str, lang: Lang) -> str:
    """The slot that the words before a figure speak of; the last cue decides."""
    best, role = -1, "actual"
    for pattern, named in lexicon.CUES[lang]:
        for match in re.finditer(pattern, before):
            if match.end() > best:
                best, role = match.end(), named
    return role


def _values(sense: str, role: str, fact: Fact) -> Iterator[tuple[object, float]]:
    """Slots that a figure of this sense and role may show, each with its scale."""
    values = fact.values
    if sense == "times":
        yield fact.ratio, 1.0
    elif sense == "deviations":
        yield (abs(fact.ratio) if fact.ratio is not None else None), 1.0
    elif sense == "duration":
        yield from ((value, 1.0) for value in _durations(role, fact))
    elif sense == "excess":
        yield values.get("excess"), 1.0
    elif fact.kind is FactKind.CATEGORY_SHIFT and sense in ("part", "count"):
        yield values.get(_SHIFT_COUNTS[role == "expected", sense]), 1.0
    elif sense == "part":
        yield values.get("count"), 1.0
    elif sense == "count":
        yield from _counts(fact)
    elif sense == "percent":
        yield from ((value, 100.0) for value in _shares(role, fact))
    elif role in ("digits", "unit_of", "mad", "unusual"):
        yield values.get(role), 1.0
    elif role == "expected":
        yield from ((value, 1.0) for value in _ends(fact))
    elif fact.kind is FactKind.STRANGENESS or not _is_unit_missing(sense, fact):
        yield fact.actual, 1.0


_SHIFT_COUNTS = {
    (False, "part"): "count",
    (False, "count"): "total",
    (True, "part"): "before",
    (True, "count"): "before_total",
}
"""Which count a figure of a shift shows: of the latest records, or of those that they stand against."""


def _durations(role: str, fact: Fact) -> Iterator[object]:
    """Lengths of time in days: of a window, or of a silence and of what is usual between records."""
    if fact.kind is not FactKind.SILENCE:
        yield fact.values.get("days")
    elif role == "expected":
        yield from _ends(fact)
    else:
        yield fact.actual


def _is_unit_missing(sense: str, fact: Fact) -> bool:
    """Whether a figure stands without the unit that the fact has."""
    return sense == "plain" and bool(bare(fact.unit or ""))


def _counts(fact: Fact) -> Iterator[tuple[object, float]]:
    if fact.kind in lexicon.COUNT_IS_ACTUAL:
        yield fact.actual, 1.0
    elif "total" in fact.values and fact.values["total"] is not None:
        yield fact.values["total"], 1.0
    else:
        yield fact.values.get("count"), 1.0


def _shares(role: str, fact: Fact) -> Iterator[object]:
    if fact.kind in (FactKind.ROUND_AMOUNT, FactKind.WEEKEND):
        yield fact.values.get("share")
    elif fact.kind in (FactKind.BENFORD, FactKind.ENDINGS):
        yield from _ends(fact) if role == "expected" else (fact.actual,)
    elif fact.kind is FactKind.STRANGENESS:
        yield fact.actual
    else:
        yield fact.ratio


def _ends(fact: Fact) -> Iterator[object]:
    """The known ends of the expected range."""
    for value in (fact.expected_low, fact.expected_high):
        if value is not None and math.isfinite(value):
            yield value


def _check_range(low: Figure, high: Figure, sense: str, fact: Fact, role: str) -> None:
    scale = 100.0 if sense == "percent" else 1.0
    timed = sense == "duration" and fact.kind is FactKind.SILENCE
    if role != "expected" or not (timed or sense in ("quantity", "percent", "plain")):
        raise UnbackedError("a range stands where the fact has none")
    if sense == "plain" and bare(fact.unit or ""):
        raise UnbackedError("a range stands without its unit")
    if not (low.rounds(fact.expected_low, scale=scale) and high.rounds(fact.expected_high, scale=scale)):
        raise UnbackedError("the range is not the expected one")


def _check_duration(
    text: str, found: Sequence[Figure], index: int, before: str, fact: Fact, lang: Lang
) -> tuple[int, int]:
    """Check a time such as `3 h 20 min`; the index of its last figure and where it ends."""
    total, finest, end = 0.0, 1.0, found[index].start
    last = index
    for at in range(index, len(found)):
        figure = found[at]
        match = re.match(r" (d(?:ays?|ías?)|h|m(?:in(?:utes?|utos?)?))\b", text[figure.end :])
        if match is None or text[end : figure.start].strip():
            break
        each = _UNITS_OF_TIME[match[1][0]]
        total, finest, end, last = total + figure.value * each, each * figure.step, figure.end + match.end(), at
    if fact.kind is FactKind.FLAT_LINE:
        exact = fact.values.get("minutes")
    else:
        exact = fact.expected_high if _role(before, lang) == "expected" else fact.actual
    # Days are told to the hour; anything shorter is rounded to what it shows.
    in_days = re.search(r"d(?:ays?|ías?)", text[found[index].start : end]) is not None
    slack = 30.0 if in_days else 0.5 * finest
    known = isinstance(exact, int | float) and not isinstance(exact, bool)
    if not known or abs(float(exact or 0) - total) > slack + 1e-6:
        raise UnbackedError(f"the time {text[found[index].start : end]!r} is not in the fact")
    return last, end


# -- directions and silences -------------------------------------------------------------------------------------------
def _check_directions(text: str, fact: Fact, lang: Lang, found: Sequence[Figure]) -> None:
    plain = re.sub(lexicon.IDIOMS[lang], " ", text, flags=re.IGNORECASE)
    if re.search(lexicon.NOT_BELOW[lang], plain):
        if fact.kind is not FactKind.BELOW_LIMIT or _compared(fact) is Direction.BELOW:
            raise UnbackedError("the fact lies below")
        plain = re.sub(lexicon.NOT_BELOW[lang], " ", plain)
    allowed = direction_of(fact)
    times = any(re.match(r" (?:times|veces)\b", text[figure.end :]) and figure.value >= 1 for figure in found)
    if (
        (re.search(lexicon.ABOVE[lang], plain) or times)
        and allowed is not Direction.ABOVE
        and not (times and allowed is None)
    ):
        raise UnbackedError("says above, which the fact does not")
    below = re.search(lexicon.BELOW[lang], plain) or re.search(lexicon.PORTION[lang], plain)
    if below and allowed is not Direction.BELOW and not (allowed is None and not re.search(lexicon.BELOW[lang], plain)):
        raise UnbackedError("says below, which the fact does not")


def direction_of(fact: Fact) -> Direction | None:
    """The direction that a statement about the fact may take."""
    if fact.kind is FactKind.MORE_VARIATION:
        return Direction.ABOVE
    if fact.kind is FactKind.LESS_VARIATION:
        return Direction.BELOW
    if fact.kind is FactKind.GROSS_RANGE:
        return Direction.ABOVE if fact.expected_low is None else Direction.BELOW
    if fact.kind is FactKind.BELOW_LIMIT:
        return Direction.BELOW if _compared(fact) is not Direction.ABOVE else Direction.ABOVE
    if fact.kind is FactKind.SPLIT:
        return _compared(fact)
    return fact.direction or _compared(fact)


def _compared(fact: Fact) -> Direction | None:
    actual = fact.actual if isinstance(fact.actual, int | float) and math.isfinite(fact.actual) else None
    if actual is None:
        return None
    if fact.expected_high is not None and actual > fact.expected_high:
        return Direction.ABOVE
    if fact.expected_low is not None and actual < fact.expected_low:
        return Direction.BELOW
    if fact.kind is FactKind.BELOW_LIMIT and fact.expected_high is not None:
        return Direction.BELOW if actual < fact.expected_high else Direction.ABOVE
    return None


def _check_silences(text: str, fact: Fact, lang: Lang) -> None:
    """`Never`, `no earlier records` and `all` are counts, too."""
    if re.search(lexicon.NEVER[lang], text) and fact.values.get("count") not in (0, None):
        raise UnbackedError("says never, but the fact counts some")
    if re.search(lexicon.STOPPABLE[lang], text) and fact.values.get("stoppable") is not True:
        raise UnbackedError("says that the money can be stopped, which the fact does not")
    if re.search(lexicon.GONE[lang], text) and fact.values.get("stoppable") is not False:
        raise UnbackedError("says that the money has left, which the fact does not")
    if re.search(lexicon.ALL[lang], text) and fact.actual != 1:
        raise UnbackedError("says all, but the fact does not")


# -- words -------------------------------------------------------------------------------------------------------------
def _check_words(text: str, fact: Fact, lang: Lang) -> None:
    # Names made of such words ("account") are not set aside.
    known = words_of(fact.kind, lang) | {
        word for name in names_of(fact).values() for word in re.findall(r"[^\W\d_]+(?:_\w+)?", bare(name).lower())
    }
    without = re.sub(r"<\w+>", " ", text)
    for word in re.findall(r"[^\W\d_]+(?:_\w+)?", without):
        if word.lower() not in known:
            raise UnbackedError(f"the word {word!r} is neither in the fact nor part of a statement")
    if digit := re.search(r"\d[\w.,]*", without):
        raise UnbackedError(f"the figure {digit[0]!r} cannot be read")

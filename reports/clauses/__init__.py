"""Facts to clauses: code, never the model, renders what is known, in English or Spanish.

A clause says what its fact holds and nothing else. What a fact lacks is left out; a figure that is no number (NaN,
infinite) counts as lacking.
"""

from __future__ import annotations

from analyzers.results import Fact
from reports.clauses.brief import brief
from reports.clauses.english import ENGLISH
from reports.clauses.english_behaviour import ENGLISH_BEHAVIOUR
from reports.clauses.english_series import ENGLISH_SERIES
from reports.clauses.saying import Saying
from reports.clauses.slots import Slots
from reports.clauses.spanish import SPANISH
from reports.clauses.spanish_behaviour import SPANISH_BEHAVIOUR
from reports.clauses.spanish_series import SPANISH_SERIES
from reports.contents import Lang

__all__ = ["Saying", "clause", "saying"]

_TEMPLATES = {
    "en": {**ENGLISH, **ENGLISH_SERIES, **ENGLISH_BEHAVIOUR},
    "es": {**SPANISH, **SPANISH_SERIES, **SPANISH_BEHAVIOUR},
}


def saying(fact: Fact, lang: Lang, *, timezone: str = "UTC") -> Saying:
    """The fact's clause as subject and predicate, times in the given zone."""
    return _TEMPLATES[lang][fact.kind](Slots(fact, lang, timezone))


def clause(fact: Fact, lang: Lang, *, timezone: str = "UTC", short: bool = False) -> str:
    """The fact as a main clause without its period, its first letter small where the word is not a name.

    Every kind of fact has a clause in every language, whichever of its slots are missing. The short form leaves out the
    ranges, counts and dates that stand beside it, for tables and mail.
    """
    return saying(brief(fact) if short else fact, lang, timezone=timezone).text

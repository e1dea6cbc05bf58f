"""What a template makes of a fact: a subject and what is said of it, so that sentences need not repeat the subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from analyzers.results import FactKind
from reports.clauses.slots import Slots


class Saying(NamedTuple):
    """One clause in two halves; together they are a main clause without its period."""

    subject: str
    predicate: str
    of_record: bool = False
    """Whether the subject is the record itself, so that its label can stand in the subject's place."""

    @property
    def text(self) -> str:
        """The clause; where the language needs no subject, the predicate alone."""
        return f"{self.subject} {self.predicate}" if self.subject else self.predicate


Template = Callable[[Slots], Saying]
Templates = Mapping[FactKind, Template]


def told(*parts: str | None) -> str:
    """The parts that there are, joined; a part that opens with a comma or a bracket joins as it should."""
    return " ".join(part for part in parts if part).replace(" ,", ",")


def within(text: str | None, pattern: str) -> str | None:
    """The pattern filled with the text, or None where there is no text."""
    return pattern.format(text) if text is not None else None


AMOUNT_NAMES = frozenset({"amount", "importe", "monto", "amt", "betrag", "montant"})
"""Column names for which a sentence says "the amount" ("el importe")."""


def is_amount(slots: Slots) -> bool:
    """Whether the fact's column is simply an amount of money."""
    feature = (slots.fact.feature or "").strip().lower()
    return feature in AMOUNT_NAMES or (not feature and slots.is_money)

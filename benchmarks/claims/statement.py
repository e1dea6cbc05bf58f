"""What is claimed, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from benchmarks.claims.figures import Figure


@dataclass(frozen=True)
class Statement:
    """One claim: its kind, the figures, names and times that it states, and where it was said.

    Names of slots are those of the finding's JSON facts: `actual`, `low`, `high`, `ratio`, `direction`, `feature`,
    `at`, and the names of `values`.
    """

    kind: str
    said: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, datetime | date] = field(default_factory=dict)
    origin: str = "text"
    """`text` for the printed narrative, `fact` for the finding's JSON."""


class Outcome(StrEnum):
    """What became of a claim."""

    TRUE = "true"
    FALSE = "false"
    MISLEADING = "misleading"
    """Literally defensible, but a reader takes away something untrue."""
    CONSISTENT = "consistent"
    """Not recomputable from the input; it agrees with the finding's JSON and lies where the input allows."""
    UNREAD = "unread"
    """A part of the text that no pattern knows: counted against the text."""


@dataclass(frozen=True)
class Verdict:
    """A statement with its outcome, and why it is not simply true."""

    statement: Statement
    outcome: Outcome
    why: str = ""


@dataclass
class Judgement:
    """Collects what is wrong with a statement and what could not be recomputed."""

    problems: list[str] = field(default_factory=list)
    misleading: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def need(self, holds: object, problem: str) -> None:
        """Note a problem where the condition does not hold."""
        if not holds:
            self.problems.append(problem)

    def figure(self, statement: Statement, name: str, truth: float | None) -> None:
        """Compare a stated figure, if it is stated, with the true value."""
        stated = statement.figures.get(name)
        if stated is not None and not stated.shows(truth):
            self.problems.append(f"{name} {stated} is {'nothing' if truth is None else f'{truth:.8g}'}")

    @property
    def rank(self) -> tuple[int, int, int]:
        """Fewest problems first."""
        return len(self.problems), len(self.misleading), len(self.unchecked)

    def verdict(self, statement: Statement) -> Verdict:
        """The outcome of it all."""
        for outcome, why in (
            (Outcome.FALSE, self.problems),
            (Outcome.MISLEADING, self.misleading),
            (Outcome.CONSISTENT, self.unchecked),
        ):
            if why:
                return Verdict(statement, outcome, "; ".join(why))
        return Verdict(statement, Outcome.TRUE)


Finding = Mapping[str, Any]
"""A finding as `sereno scan --findings` writes it."""

"""What a section of a benchmark is: units of work that run apart, and a summary of what they gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Result = dict[str, Any]
"""What one unit gave; only what JSON can hold."""


@dataclass(frozen=True)
class Unit:
    """A piece of work small enough to be repeated: a data set and a seed, a file, a day."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """One measured value beside its target (`docs/design.md`, "Figures to reach"); without a target it only informs."""

    name: str
    value: float | None
    """None where nothing could be measured."""
    target: float | None = None
    at_least: bool = True
    """Whether the target is a lower bound, or an upper one."""

    @property
    def met(self) -> bool | None:
        """None where there is no target."""
        if self.target is None:
            return None
        if self.value is None:
            return False
        return self.value >= self.target if self.at_least else self.value <= self.target

    def as_object(self) -> Result:
        """For JSON."""
        bound = {} if self.target is None else {"at_least" if self.at_least else "at_most": self.target}
        return {"value": self.value, **bound, **({} if self.met is None else {"met": self.met})}


@dataclass(frozen=True)
class Detail:
    """A table for those who want to know where a figure comes from."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Summary:
    """What a section comes to."""

    figures: tuple[Figure, ...]
    rivals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Measured in the same run on the same input, by name."""
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True)
class Section:
    """One corpus or question.

    units : the work, given the data folder and whether only a look is wanted.
    measure : runs one unit, in a process of its own.
    summarize : results by unit, in the order of `units`; units that failed are missing.
    """

    name: str
    title: str
    how: str
    """How it is measured, in a sentence or two."""
    units: Callable[[Path, bool], Sequence[Unit]]
    measure: Callable[[Path, Unit], Result]
    summarize: Callable[[Sequence[tuple[Unit, Result]]], Summary]


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean; None of nothing."""
    return sum(values) / len(values) if values else None

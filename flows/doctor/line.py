"""What a section says: one line a thing that it looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from flows.workspace import Workspace


class Status(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    """A night would fail, or leave something undone."""


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    name: str
    status: Status
    text: str
    """What was found."""
    remedy: str | None = None
    """What to do; none where all is well."""


@dataclass(frozen=True)
class Patient:
    """What is looked at."""

    workspace: Workspace | None
    """None outside a workspace: then only the machine is looked at."""
    connect: bool = False
    """Whether the configured databases, mail and model servers may be contacted."""


Section = Callable[[Patient], Iterator[Line]]


def ok(name: str, text: str) -> Line:
    """All is well."""
    return Line(name, Status.OK, text)


def warning(name: str, text: str, remedy: str) -> Line:
    """It works, but look at it."""
    return Line(name, Status.WARNING, text, remedy)


def problem(name: str, text: str, remedy: str) -> Line:
    """A night would fail, or leave something undone."""
    return Line(name, Status.PROBLEM, text, remedy)

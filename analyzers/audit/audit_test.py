"""What an audit test is: a name, what it needs of the books, and a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from analyzers.audit.books import Books
from analyzers.results import Flag, Scalar


@dataclass(frozen=True)
class Skip:
    """Why a test could not say anything: the code of a check's sentence and what is printed into it."""

    code: str
    values: dict[str, Scalar] = field(default_factory=dict)


Found = Sequence[Flag] | Skip


@dataclass(frozen=True)
class AuditTest:
    """One entry of the table of audit tests."""

    name: str
    needs: tuple[str, ...]
    """Columns of `Books` without which it is skipped."""
    run: Callable[[Books], Found]
    unpublished: tuple[str, ...] = ()
    """Settings for which no published standard gives a value; the report says so."""

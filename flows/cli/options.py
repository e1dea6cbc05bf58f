"""Options and output that several commands share."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analyzers.errors import UsageError

if TYPE_CHECKING:
    from reports.contents import Lang

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", help="The workspace's folder (default: $SERENO_WORKSPACE, else this folder)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line on standard output.")]

_STEERING = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def parse_date(value: str | None, option: str) -> date | None:
    """An ISO date; UsageError names the option."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise UsageError(f"{option} {value[:40]!r} is not a date; write it as 2026-05-31") from None


def parse_language(value: str) -> Lang:
    """A language of the reports; UsageError for another."""
    if value == "en":
        return "en"
    if value == "es":
        return "es"
    raise UsageError(f"--lang {value[:20]!r}: no such language; use en or es")


def print_object(values: Mapping[str, Any]) -> None:
    """One JSON object on one line of standard output."""
    sys.stdout.write(json_line(values) + "\n")
    sys.stdout.flush()


def json_line(values: Mapping[str, Any]) -> str:
    """A JSON object as one line; letters that could steer a terminal are escaped."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(values, ensure_ascii=False, default=str))


def printable(text: str) -> str:
    """A text for a terminal: what could steer one (records may hold it) is replaced."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)


def tell(text: str = "") -> None:
    """A line of a command's answer, on standard output."""
    print(printable(text))


def say(text: str) -> None:
    """A line of progress, on standard error."""
    print(printable(text), file=sys.stderr, flush=True)

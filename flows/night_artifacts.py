"""What Prefect's UI shows of a night: its progress, and what it came to. Counts and dates, never a record.

A server that takes no artifact costs a line in the log, not the night.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from reports.contents import Lang
from reports.locale import texts

log = logging.getLogger("sereno.night")


class Progress:
    """How far a night is, in equal steps."""

    def __init__(self, steps: int) -> None:
        self._steps, self._done = steps, 0
        self._artifact: UUID | None = _tried(create_progress_artifact, progress=0.0, key="night-progress")

    def step(self) -> None:
        """One step more is done."""
        self._done += 1
        self._show(min(100.0, 100.0 * self._done / self._steps))

    def finish(self) -> None:
        """Nothing is left to do."""
        self._show(100.0)

    def _show(self, progress: float) -> None:
        if self._artifact is not None:
            _tried(update_progress_artifact, self._artifact, progress=progress)


def show_summary(lines: Sequence[dict[str, Any]], lang: Lang) -> None:
    """The night as a text, as a table, and a link to its report."""
    say = texts(lang)["artifacts"]
    columns = ("monitor", "data_date", "status", "records", "flags", "findings", "seconds")
    table = [{say[name]: line[name] for name in columns} for line in lines]
    reports = dict.fromkeys(line["report"] for line in lines if line["report"])
    told = [f"- **{line['monitor']}** {line['data_date']}: {_outcome(line, say)}" for line in lines]
    told += [f"- {say['report']}: `{report}`" for report in reports]
    _tried(create_table_artifact, table=table, key="night-runs", description=say["runs"])
    _tried(create_markdown_artifact, markdown="\n".join([f"# {say['title']}", "", *told]), key="night-summary")
    for report in reports:
        _tried(create_link_artifact, link=Path(report).as_uri(), link_text=Path(report).name, key="night-report")


def _outcome(line: dict[str, Any], say: Any) -> str:
    if line["status"] == "done":
        return str(say["done"]).format(findings=line["findings"], records=line["records"])
    return f"{line['status']}: {line['message']}"


def _tried(create: Any, *arguments: Any, **named: Any) -> Any:
    try:
        return create(*arguments, **named)
    except Exception as error:
        log.warning("the Prefect server took no artifact: %s", " ".join(str(error).split())[:200])
        return None

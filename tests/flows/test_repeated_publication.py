"""A night that was killed right after it published, and is tried again, finds its work done."""

from __future__ import annotations

from pathlib import Path

from flows.warehouse import Warehouse, audit, deliveries, runs
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE
from tests.flows.nights import run_whole_night


def test_a_repeated_publication_changes_nothing(folder: Path) -> None:
    outcome, _, _ = run_whole_night(folder, DATA_DATE, publications=2)
    assert (outcome.status, Path(outcome.report or "").name) == ("done", f"{DATA_DATE}.html")
    assert [path.name for path in (folder / "archive").glob("20*.html")] == [f"{DATA_DATE}.html"]
    assert [str(path) for path in (folder / "outbox").glob("*.eml")] == [outcome.mail]
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        (run,) = runs.list_runs(connection)
        assert (run.status, run.correction) == ("done", 0)
        assert len(deliveries.list_deliveries(connection)) == 1
        assert [entry.kind for entry in audit.entries(connection)].count("publish") == 1
        assert audit.verify(connection) == []

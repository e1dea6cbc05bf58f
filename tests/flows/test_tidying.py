"""Retention: what goes when its time is over, what stays, and that a legal hold keeps everything."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from analyzers.errors import MonitorError
from flows import tidying
from flows.delivery import deliver_outbox
from flows.house_style import read_style
from flows.monitors import Monitor
from flows.tidying import Tidied, tidy
from flows.warehouse import Warehouse, audit, runs, sql
from flows.warehouse.evidence import verify_evidence
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, MONITOR, fill
from tests.flows.nights import run_night

NOW = datetime(2026, 4, 9, 6, tzinfo=UTC)
FIRST, LAST = DATA_DATE, date(2026, 4, 8)
RETENTION = "retention: {records: 30, findings: 30, reports: 5}\nhistory: 20\n"


def monitored(folder: Path, retention: str = RETENTION) -> Workspace:
    (folder / "monitors" / "payments.yaml").write_text(MONITOR + retention, encoding="utf-8")
    return Workspace.open(folder)


@pytest.fixture(scope="module")
def after_two_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nights of two dates, under a monitor that deletes nothing; the first one's mail has left."""
    folder = fill(tmp_path_factory.mktemp("two-nights"))
    workspace = monitored(folder, "history: 20\n")
    assert run_night(folder, FIRST)[0].status == "done"
    deliver_outbox(workspace, Warehouse.of(workspace), lambda line: None)
    assert run_night(folder, LAST)[0].status == "done"
    return folder


@pytest.fixture
def workspace(after_two_nights: Path, tmp_path: Path) -> Workspace:
    """A copy of that workspace, to delete in."""
    shutil.copytree(after_two_nights, tmp_path, dirs_exist_ok=True)
    return Workspace.open(tmp_path)


def tidied(workspace: Workspace) -> Tidied:
    return tidy(workspace, Warehouse.of(workspace), read_style(workspace), at=NOW)


def counts(workspace: Workspace) -> dict[str, int]:
    tables = ("records_payments", "run_findings", "facts", "narratives", "runs", "findings", "sightings")
    with Warehouse.of(workspace).reading() as connection:
        return {name: int(sql.scalar(connection, f"SELECT count(*) FROM {name}")) for name in tables}


def make_first_night_older(workspace: Workspace) -> int:
    """As if the first night had been in January; the number of its entry in the audit log."""
    with Warehouse.of(workspace).writing() as connection:
        (run,) = sql.rows(connection, "SELECT run FROM runs WHERE data_date = ?", [FIRST])[0]
        seq = int(sql.scalar(connection, "SELECT seq FROM audit WHERE kind = 'publish' AND subject = ?", [run]))
        for table in ("runs", "run_findings", "sightings"):
            sql.run(connection, f"UPDATE {table} SET data_date = '2026-01-31' WHERE run = ?", [run])
        sql.run(connection, "UPDATE findings SET last_seen = '2026-01-31' WHERE last_seen = ?", [FIRST])
    return seq


def test_what_is_over_goes_and_what_was_decided_stays(workspace: Workspace) -> None:
    seq, before = make_first_night_older(workspace), counts(workspace)
    done = tidied(monitored(workspace.folder))
    after, gone = counts(workspace), done.deleted["payments"]
    assert gone.records == before["records_payments"] - after["records_payments"] > 0
    assert gone.findings == before["run_findings"] - after["run_findings"] > 0
    assert done.sentences()[0].startswith(f"payments: its retention deleted {gone.records} records, ")
    assert (after["facts"] < before["facts"], after["narratives"] < before["narratives"]) == (True, True)
    for table in ("runs", "findings", "sightings"):
        assert after[table] == before[table]
    with Warehouse.of(workspace).reading() as connection:
        oldest = sql.scalar(connection, "SELECT min(paid_at) FROM records_payments")
        assert oldest >= datetime(2026, 3, 10, tzinfo=UTC) - timedelta(hours=1)
        assert sql.scalar(connection, "SELECT count(*) FROM audit_contents WHERE seq = ?", [seq]) == 0
        assert sql.scalar(connection, "SELECT count(*) FROM audit WHERE kind = 'retention'") == 1
        assert sql.scalar(connection, "SELECT max(subject_label) FROM findings WHERE last_seen < '2026-03-10'") == ""
        assert [*audit.verify(connection), *verify_evidence(connection)] == []


def test_old_reports_and_mails_go(workspace: Workspace) -> None:
    done = tidied(monitored(workspace.folder))
    assert [path.name for path in sorted(workspace.archive.glob("2026*.html"))] == [f"{LAST}.html"]
    assert f"{FIRST}.findings.csv" in done.files
    assert [str(FIRST) in path.name for path in workspace.outbox.glob("*.eml")] == [False]
    index = (workspace.archive / "index.html").read_text(encoding="utf-8")
    assert (f"{FIRST}.html" in index, f"{LAST}.html" in index) == (False, True)
    assert tidied(monitored(workspace.folder)) == Tidied({}, ())


def test_a_legal_hold_keeps_everything(workspace: Workspace) -> None:
    before, files = counts(workspace), sorted(workspace.folder.rglob("*.*ml"))
    assert tidied(monitored(workspace.folder, RETENTION.replace("}", ", hold: case 17}"))) == Tidied({}, ())
    assert (counts(workspace), sorted(workspace.folder.rglob("*.*ml"))) == (before, files)


def test_a_report_stays_while_any_of_its_monitors_wants_it(workspace: Workspace) -> None:
    other = MONITOR + "history: 20\nretention: {reports: 5, hold: case 17}\n"
    (workspace.folder / "monitors" / "other.yaml").write_text(other, encoding="utf-8")
    monitored(workspace.folder)
    with Warehouse.of(workspace).writing() as connection:
        first = runs.list_runs(connection, data_date=FIRST)[0]
        sql.run(connection, "UPDATE runs SET monitor = 'other' WHERE run = ?", [first.run])
    assert tidied(workspace).files == ()
    assert (workspace.archive / f"{FIRST}.html").exists()


def test_what_would_be_deleted_again_is_not_stored(folder: Path) -> None:
    workspace = monitored(folder)
    assert run_night(folder, DATA_DATE)[0].status == "done"
    with Warehouse.of(workspace).reading() as connection:
        oldest = sql.scalar(connection, "SELECT min(paid_at) FROM records_payments")
    assert oldest >= datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        ("{records: 7}", "a night judges the last 8 days"),
        ("{findings: 100}", "keep them as long"),
        ("{records: 0}", "greater than or equal to 1"),
        ("{reprots: 5}", "did you mean 'reports'?"),
    ],
)
def test_retention_that_would_harm_a_night_is_refused(folder: Path, retention: str, expected: str) -> None:
    with pytest.raises(MonitorError) as caught:
        monitored(folder, f"retention: {retention}\n").monitor("payments")
    assert expected in str(caught.value)


def test_nothing_is_deleted_without_being_asked(workspace: Workspace) -> None:
    before = counts(workspace)
    assert tidied(workspace) == Tidied({}, ())
    assert counts(workspace) == before
    assert Monitor.model_fields["retention"].get_default().any is False


def test_files_that_a_kill_left_of_the_deletion_go_with_the_next(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitored(workspace.folder)

    class KilledError(BaseException):
        pass

    def killed(files: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        # The transaction is through, and no file has gone yet.
        patched.setattr(tidying, "_unlink", killed)
        with pytest.raises(KilledError):
            tidied(workspace)
    assert list(workspace.archive.glob(f"{FIRST}*")) != []
    assert f"{FIRST}.html" not in (workspace.archive / "index.html").read_text(encoding="utf-8")
    tidied(workspace)
    assert list(workspace.archive.glob(f"{FIRST}*")) == []
    assert f"{FIRST}.html" not in (workspace.archive / "index.html").read_text(encoding="utf-8")
    with Warehouse.of(workspace).reading() as connection:
        assert [*audit.verify(connection), *verify_evidence(connection)] == []

"""Killed at any point, a night started again leaves every record once, every finding once, every mail once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.warehouse import Warehouse, audit, sql
from flows.warehouse.evidence import verify_evidence
from flows.workspace import Workspace
from tests.flows.command_line import sereno
from tests.flows.conftest import DATA_DATE, fill, payments
from tests.flows.mail_sink import Sink, plain_sink

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nightly")]

READERS = ("controller@example.com", "audit@example.com")
AFTER_THE_SERVER_TOOK_IT = [
    *(("flows.delivery:send", "after", nth) for nth in (1, 2)),
    *(("flows.warehouse.deliveries:mark_sent", "after", nth) for nth in (1, 2)),
]
"""The server has it and no transaction says so yet: the mail goes again, under the same Message-ID."""
STEPS = (
    "flows.ingestion:pull", "flows.ingestion:ingest", "flows.ingestion:_store", "flows.ingestion:hand_over",
    "flows.analysis:analyze_run", "flows.explanation:explain", "flows.publishing:publish", "flows.publishing:_store",
)  # fmt: skip
PLACES = [
    *((step, when, 1) for step in STEPS for when in ("before", "after")),
    *(("flows.publishing:write_whole", "after", nth) for nth in (1, 2, 5, 6)),
    ("flows.publishing:_queue", "after", 1),
    ("flows.warehouse.deliveries:claim", "after", 1),
    ("flows.delivery:send", "before", 1),
    ("flows.delivery:send", "before", 2),
    *AFTER_THE_SERVER_TOOK_IT,
    ("flows.delivery:deliver_outbox", "before", 1),
]  # fmt: skip
SAMPLE = [
    ("flows.ingestion:ingest", "after", 1),
    ("flows.publishing:write_whole", "after", 6),
    AFTER_THE_SERVER_TOOK_IT[0],
]


@contextmanager
def mailing(folder: Path) -> Iterator[Sink]:
    """A server that takes the workspace's mail for two readers."""
    with plain_sink() as (sink, settings):
        path = folder / "sereno.yaml"
        text = path.read_text(encoding="utf-8")
        if "mail:" not in text:
            path.write_text(text + settings.replace("}", ", recipients: [audit@example.com]}", 1), encoding="utf-8")
        yield sink


def night(folder: Path, server: str) -> None:
    status, lines, progress = sereno(folder, "run", "--data-date", str(DATA_DATE), server=server)
    assert status == 0, progress
    assert lines[0]["status"] in {"done", "unchanged"}, lines


def killed(folder: Path, server: str, place: tuple[str, str, int]) -> None:
    """Run the night until it kills itself."""
    where, when, nth = place
    done = subprocess.run(
        [sys.executable, "-m", "tests.flows.killing", where, when, str(nth),
         "run", "--data-date", str(DATA_DATE), "--workspace", str(folder)],
        capture_output=True,
        timeout=280,
        check=False,
        env={**os.environ, "PREFECT_API_URL": server},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, f"never came to {place}: {done.stderr.decode()[-2000:]}"


def check_all_is_there_once(folder: Path, sink: Sink, *, twice_at_most: bool = False) -> None:
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        count, distinct = sql.rows(connection, "SELECT count(*), count(DISTINCT record_id) FROM records_payments")[0]
        assert (count, distinct) == (payments().height, payments().height)
        runs = sql.rows(connection, "SELECT data_date FROM runs WHERE status = 'done'")
        assert runs == [(DATA_DATE,)]
        said = sql.rows(connection, "SELECT fingerprint FROM run_findings")
        assert said
        assert len(said) == len(set(said))
        assert sql.rows(connection, "SELECT fingerprint FROM findings WHERE times_seen <> 1") == []
        assert [*audit.verify(connection), *verify_evidence(connection)] == []
        states = sql.rows(connection, "SELECT recipient, state FROM deliveries ORDER BY ALL")
        known = {path for (path,) in sql.rows(connection, "SELECT path FROM deliveries")}
    assert states == [(reader, "sent") for reader in sorted(READERS)]
    identifiers = Counter((message["To"], message["Message-ID"]) for message in sink.messages())
    assert sorted(to for to, _ in identifiers) == sorted(READERS), "one mail for each reader"
    assert max(identifiers.values()) <= (2 if twice_at_most else 1)
    assert {f"outbox/{path.name}" for path in (folder / "outbox").iterdir()} == known, "no mail that nobody knows of"
    assert [path.name for path in sorted((folder / "archive").glob("2026-*.html"))] == [f"{DATA_DATE}.html"]
    assert list((folder / "work").glob("night-*")) == []


def survive(folder: Path, server: str, place: tuple[str, str, int]) -> None:
    with mailing(folder) as sink:
        killed(folder, server, place)
        night(folder, server)
        check_all_is_there_once(folder, sink, twice_at_most=place in AFTER_THE_SERVER_TOOK_IT)


@pytest.mark.parametrize("place", SAMPLE, ids=lambda place: f"{place[1]} {place[0]} {place[2]}")
def test_a_night_killed_at_a_step_is_whole_after_the_next_start(
    folder: Path, server: str, place: tuple[str, str, int]
) -> None:
    survive(folder, server, place)


@pytest.mark.long
@pytest.mark.parametrize(
    "place", [place for place in PLACES if place not in SAMPLE], ids=lambda place: f"{place[1]} {place[0]} {place[2]}"
)
def test_a_night_killed_at_every_other_step_is_too(folder: Path, server: str, place: tuple[str, str, int]) -> None:
    survive(folder, server, place)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, server: str) -> float:
    """Seconds that a whole night takes here."""
    folder = fill(tmp_path_factory.mktemp("whole"))
    with mailing(folder):
        started = time.monotonic()
        night(folder, server)
        return time.monotonic() - started


@pytest.mark.long
@pytest.mark.parametrize("number", range(30))
def test_a_night_killed_at_a_random_moment_is_too(folder: Path, server: str, lasting: float, number: int) -> None:
    with mailing(folder) as sink:
        command = [sys.executable, "-m", "flows.cli", "run", "--data-date", str(DATA_DATE), "--workspace", str(folder)]
        environment = {**os.environ, "PREFECT_API_URL": server}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        time.sleep(lasting * random.Random(number).uniform(0.1, 1))
        process.kill()
        process.wait()
        night(folder, server)
        check_all_is_there_once(folder, sink, twice_at_most=True)

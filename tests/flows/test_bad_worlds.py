"""A world that fails: disks, mail servers, a warehouse that somebody else holds."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from analyzers.errors import DeliveryError, WarehouseError
from flows.delivery import deliver_outbox
from flows.warehouse import Warehouse, deliveries
from flows.warehouse.deliveries import DeliveryState
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, payments
from tests.flows.mail_sink import plain_sink
from tests.flows.nights import run_night
from tests.flows.read_only_disk import PLACES


def may_mount() -> bool:
    """Whether a disk of one's own can be mounted here."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") is not None and subprocess.run(command, check=False).returncode == 0


def told_on_own_disk(world: str, folder: Path) -> dict[str, Any]:
    """What a module of these tests tells of a disk that it mounts in the folder, for itself alone."""
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-m", f"tests.flows.{world}", str(folder)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.skipif(not may_mount(), reason="no disk may be mounted here")
def test_a_full_disk_fails_in_one_line_and_loses_nothing(tmp_path: Path) -> None:
    said = told_on_own_disk("full_disk", tmp_path)
    assert said["tries"][-1] == "done"
    failed = [each for each in said["tries"] if each not in {"done", "unchanged"}]
    assert len(failed) >= 2, "the disk was full more than once"
    assert [each for each in failed if "internal error" in each or "\n" in each] == []
    assert said["records"] == [payments().height] * 2
    assert said["findings"][0] == said["findings"][1] > 0
    assert (said["problems"], said["left"], said["mails"]) == ([], [], [["kept"]])
    assert said["pages"] == [f"{DATA_DATE}.html"]


@pytest.mark.skipif(not may_mount(), reason="no disk may be mounted here")
def test_a_disk_that_turns_read_only_fails_in_one_line_and_loses_nothing(tmp_path: Path) -> None:
    said = told_on_own_disk("read_only_disk", tmp_path)
    ended, line = said["command"]
    assert (ended, line.count("\n")) == (1, 1), "before Prefect is started"
    assert "Read-only file system" in line
    assert len(said["tries"]) == len(PLACES)
    assert [each for each in said["tries"] if not re.search("[Rr]ead-only", each) or "\n" in each] == []
    assert said["records"] == [payments().height] * 2
    assert said["findings"][0] == said["findings"][1] > 0
    assert (said["problems"], said["left"], said["mails"]) == ([], [], [["kept"]])
    assert said["pages"] == [f"{DATA_DATE}.html"]


class MailServer:
    """Takes mails one after the other, badly.

    cuts : so many mails after which it goes away without a word: nobody can know whether it has them.
    late : seconds by which every answer of it comes late; for ever where None.
    """

    def __init__(self, cuts: int, late: float | None) -> None:
        self.taken: list[bytes] = []
        self._cuts, self._late = cuts, late
        self._closing = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            with caller, caller.makefile("rwb") as line:
                self._talk(cast("BinaryIO", line))

    def _talk(self, line: BinaryIO) -> None:
        def write(text: bytes) -> None:
            if not self._closing.wait(self._late):
                line.write(text + b"\r\n")
                line.flush()

        write(b"220 here")
        for said in iter(line.readline, b""):
            word = said[:4].upper()
            if word == b"DATA":
                write(b"354 go on")
                self.taken.append(b"".join(iter(line.readline, b".\r\n")))
                if len(self.taken) <= self._cuts:
                    return
            write(b"221 bye" if word == b"QUIT" else b"250 well")

    def close(self) -> None:
        self._closing.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@contextmanager
def mailing(folder: Path, *, timeout: int = 5, cuts: int = 0, late: float | None = 0) -> Iterator[MailServer]:
    server = MailServer(cuts, late)
    settings = folder / "sereno.yaml"
    said = f"mail: {{host: 127.0.0.1, port: {server.port}, security: none, timeout: {timeout}}}\n"
    settings.write_text(settings.read_text(encoding="utf-8") + said, encoding="utf-8")
    try:
        yield server
    finally:
        server.close()


def deliver(folder: Path) -> None:
    workspace = Workspace.open(folder)
    deliver_outbox(workspace, Warehouse.of(workspace), lambda _: None)


def test_a_line_cut_after_data_loses_no_mail_and_sends_it_again_as_the_same(folder: Path) -> None:
    with mailing(folder, cuts=2) as server:
        run_night(folder, DATA_DATE)
        for _ in range(2):
            with pytest.raises(DeliveryError, match="stay in the outbox") as failed:
                deliver(folder)
            assert "\n" not in str(failed.value)
        deliver(folder)
        deliver(folder)
        names = [message_from_bytes(mail, policy=policy.default)["Message-ID"] for mail in server.taken]
    assert len(names) == 3, "twice without an answer, once with; then no more"
    assert len(set(names)) == 1
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        (mail,) = deliveries.list_deliveries(connection)
    assert (mail.state, mail.attempts) == (DeliveryState.SENT, 3)


def test_a_slow_server_gets_each_mail_once(folder: Path) -> None:
    with mailing(folder, timeout=2, late=0.5) as server:
        run_night(folder, DATA_DATE)
        deliver(folder)
        deliver(folder)
        assert len(server.taken) == 1, "all of its answers together take longer than the time for each"


def test_a_server_that_never_answers_is_given_up_in_one_line_and_the_mail_waits(folder: Path) -> None:
    settings = folder / "sereno.yaml"
    text = settings.read_text(encoding="utf-8")
    with mailing(folder, timeout=1, late=None):
        run_night(folder, DATA_DATE)
        with pytest.raises(DeliveryError, match=r"timed out.*stay in the outbox") as failed:
            deliver(folder)
        assert "\n" not in str(failed.value)
    settings.write_text(text, encoding="utf-8")
    with mailing(folder) as server:
        deliver(folder)
        deliver(folder)
        assert len(server.taken) == 1


def test_a_server_that_is_gone_is_tried_again(folder: Path) -> None:
    with plain_sink() as (sink, settings):
        path = folder / "sereno.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text + re.sub(r"port: \d+", "port: 1", settings), encoding="utf-8")
        run_night(folder, DATA_DATE)
        with pytest.raises(DeliveryError):
            deliver(folder)
        path.write_text(text + settings, encoding="utf-8")
        deliver(folder)
        deliver(folder)
        assert len(sink.messages()) == 1


def test_a_warehouse_that_another_program_holds_stops_the_night_in_one_line(folder: Path) -> None:
    run_night(folder, DATA_DATE)
    path = folder / "warehouse.duckdb"
    code = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(WarehouseError, match="another program has the file open") as failed:
            run_night(folder, DATA_DATE, force=True)
        assert "\n" not in str(failed.value)
        assert other.stdin is not None
        other.stdin.close()
    outcome, _ = run_night(folder, DATA_DATE, force=True)
    assert outcome.status == "done"

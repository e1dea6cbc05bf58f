"""A whole night without any route, one under a trace of its system calls, and Prefect's pages in a browser."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, sync_playwright

from flows.egress.guard import VARIABLE
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE
from tests.flows.serving import deployment, served, wait_for
from tests.flows.test_serving import BROWSER_ARGUMENTS, CHROMIUM
from tests.flows.tracing import attempts, may_trace, may_unshare, traced, without_route

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("egress")]


def night(folder: Path) -> list[str]:
    """The command for one night with a local model, its own Prefect server included."""
    settings = (folder / "sereno.yaml").read_text(encoding="utf-8").replace("narration: false\n", "")
    (folder / "sereno.yaml").write_text(settings, encoding="utf-8")
    arguments = ["run", "--data-date", str(DATA_DATE), "--workspace", str(folder), "--json"]
    return [sys.executable, "-m", "flows.cli", *arguments]


def run(command: list[str]) -> str:
    """Run it with nothing of Prefect's in the environment; its standard output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "DO_NOT"))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_night(folder: Path, output: str) -> None:
    """The night did all its work, the model's included: silence of one that failed proves nothing."""
    line = json.loads(output.splitlines()[0])
    assert line["status"] == "done"
    assert Path(line["report"]).exists()
    assert len(list((folder / "outbox").glob("*.eml"))) == 1
    findings = (folder / "archive" / f"{DATA_DATE}.findings.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(json.loads(finding)["narrative"]["model"] for finding in findings)
    assert not Workspace.open(folder).egress_log.exists()


@pytest.mark.skipif(not may_unshare(), reason="no network namespace may be made here")
def test_a_night_needs_no_network(folder: Path) -> None:
    check_night(folder, run([*without_route(), *night(folder)]))


@pytest.mark.skipif(not may_trace(), reason="needs strace, and leave to trace")
def test_no_system_call_of_a_night_leaves_the_machine(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    check_night(folder, run(traced(night(folder), log)))
    found = attempts(log)
    assert any(each.family == "AF_INET" for each in found), "the night talks to its own Prefect server"
    assert [each for each in found if not each.stays] == []


@pytest.mark.skipif(not (may_trace() and may_unshare()), reason="needs strace, and a network namespace")
@pytest.mark.parametrize(
    "attempt",
    [
        "import duckdb; duckdb.sql('INSTALL httpfs')",
        "import socket; socket.create_connection(('192.0.2.1', 443), 1)",
        "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('2001:db8::1', 53))",
        "import socket; socket.getaddrinfo('telemetry.example', 443)",
    ],
    ids=["code in C", "connection", "datagram", "name"],
)
def test_the_trace_would_see_it(attempt: str, tmp_path: Path) -> None:
    """The control: what dials out is caught, whoever does it. It happens where nothing can leave."""
    log = tmp_path / "calls"
    command = [*without_route(), *traced([sys.executable, "-c", attempt], log)]
    # A test before this one may have put up the guard for children: it would refuse before the kernel is asked.
    bare = {name: value for name, value in os.environ.items() if name not in (VARIABLE, "PYTHONPATH")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=bare)
    assert [each for each in attempts(log) if not each.stays], done.stderr + log.read_text(encoding="utf-8")


# Whom Chromium calls by itself, whatever page it shows.
BROWSERS_OWN = re.compile(r"(^|\.)(google|googleapis|gvt1|gstatic)\.com$")


class Sink:
    """Takes the place of every other machine for a browser, and keeps the names under which it is looked for."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.names: list[str] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                visitor, _ = self._listening.accept()
            except OSError:
                return
            with visitor:
                visitor.settimeout(2)
                try:
                    self.names.append(wanted(visitor.recv(4096)))
                except OSError:
                    self.names.append("silent")

    @property
    def visits(self) -> list[str]:
        """Whom the pages looked for."""
        return [name for name in self.names if not BROWSERS_OWN.search(name)]

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


_SERVER_NAME = struct.Struct(">HHHBH")
"""Kind of extension, its length, length of the list, form of the name, length of the name."""


def wanted(greeting: bytes) -> str:
    """The name that the first bytes of a TLS or HTTP connection ask for; these bytes where there is none.

    A TLS greeting is mostly random: only the extension `server_name` (RFC 6066, section 3) counts in it, of which the
    lengths fit each other.
    """
    for place in range(len(greeting) - _SERVER_NAME.size):
        kind, size, listed, form, length = _SERVER_NAME.unpack_from(greeting, place)
        name = greeting[place + _SERVER_NAME.size :][:length]
        if kind == form == 0 and size - 2 == listed == length + 3 and 0 < length == len(name):
            return name.decode("ascii", "replace")
    host = re.search(rb"(?im)^host: *([^\s:]+)", greeting)
    return host[1].decode("ascii", "replace") if host else repr(greeting[:80])


def test_the_name_in_a_greeting_is_read_and_random_bytes_are_not() -> None:
    server, client = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = ssl.create_default_context().wrap_bio(server, client, server_hostname="api2.telemetry.example")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    assert wanted(client.read()) == "api2.telemetry.example"
    assert wanted(b"\x16\x03\x01 8.ipq \x00") == repr(b"\x16\x03\x01 8.ipq \x00")
    assert wanted(bytes.fromhex("0000 0018 0016 00 0013") + b"accounts.google.com" + bytes(9)) == "accounts.google.com"
    before = bytes.fromhex("0000 0001 0100 00 00 00 00")
    assert wanted(before + bytes.fromhex("0000 0018 0016 00 0013") + b"accounts.google.com") == "accounts.google.com"
    assert wanted(b"GET / HTTP/1.1\r\nHost: cdn.example:443\r\n\r\n") == "cdn.example"


@contextmanager
def watched_page() -> Iterator[tuple[Page, Sink]]:
    """A page of a browser for which every name and number but loopback leads to the sink."""
    sink = Sink()
    rules = f"--host-resolver-rules=MAP * 127.0.0.1:{sink.port}, EXCLUDE 127.0.0.1"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*BROWSER_ARGUMENTS, rules])
            yield browser.new_page(), sink
            browser.close()
    finally:
        sink.close()


PAGES = (
    "/v2/dashboard", "/v2/runs", "/v2/deployments", "/v2/blocks", "/v2/blocks/catalog", "/v2/automations",
    "/v2/artifacts", "/v2/settings", "/dashboard", "/docs",
)  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_prefects_pages_load_nothing_from_elsewhere(folder: Path) -> None:
    with served(folder) as address, watched_page() as (page, sink):
        wait_for(lambda: deployment(address, "night"), 60, folder)
        for path in PAGES:
            page.goto(f"{address}{path}")
            page.wait_for_load_state("networkidle")
        page.goto(f"{address}/v2/deployments")
        page.get_by_text("night").first.wait_for()
        assert sink.visits == []
        with pytest.raises(Error, match="ERR_EMPTY_RESPONSE"):
            page.goto("http://cdn.example/")
        assert set(sink.visits) == {"cdn.example"}, "the sink would see it"

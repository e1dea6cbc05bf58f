"""The egress policy, the guard that holds it, and the list for an auditor."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from analyzers.errors import MonitorError
from flows.cli import status
from flows.egress.destinations import policy_of
from flows.egress.policy import Destination, Policy
from flows.workspace import Workspace

SETTINGS = """\
mail: {host: mail.acme.example, port: 587}
model_server: http://10.0.0.5:8080/v1
prefect: {api_url: "https://prefect.acme.example/api"}
networks: [10.20.0.0/16]
databases:
  erp: {kind: postgresql, host: 192.168.7.7, database: erp, user: u}
  near: {kind: postgresql, host: /run/postgresql, database: erp, user: u}
  old: {kind: odbc, driver: X, options: {Server: "tcp:sql.acme.example\\\\MAIN,1433"}}
"""
ADDRESSES = {"mail.acme.example": {"203.0.113.25"}, "sql.acme.example": {"10.1.1.1", "fd00::1"}}


def resolved(name: str) -> set[str]:
    return ADDRESSES.get(name, set())


def policy(folder: Path, text: str = SETTINGS) -> Policy:
    (folder / "sereno.yaml").write_text(text, encoding="utf-8")
    return policy_of(Workspace.open(folder).settings, "")


@pytest.mark.parametrize(
    ("number", "port", "allowed"),
    [
        ("127.0.0.1", 1, True),
        ("127.9.9.9", 1, True),
        ("::1", 1, True),
        ("::ffff:127.0.0.1", 1, True),
        ("0.0.0.0", 1, True),
        ("203.0.113.25", 587, True),
        ("203.0.113.25", 25, False),
        ("::ffff:203.0.113.25", 587, True),
        ("203.0.113.26", 587, False),
        ("10.0.0.5", 8080, True),
        ("10.0.0.5", 8081, False),
        ("10.0.0.6", 8080, False),
        ("10.20.255.1", 9, True),
        ("10.21.0.1", 9, False),
        ("192.168.7.7", 5432, True),
        ("192.168.7.8", 5432, False),
        ("10.1.1.1", 1433, True),
        ("fd00::1", 1433, True),
        ("fd00::1%eth0", 1433, True),
        ("fe80::1", 1433, False),
        ("169.254.169.254", 80, False),
        ("224.0.0.1", 5353, False),
        ("255.255.255.255", 67, False),
        ("mail.acme.example", 587, False),
        ("127.1", 1, False),
        ("0x7f000001", 1, False),
    ],
)  # fmt: skip
def test_only_loopback_and_what_a_setting_names_may_be_reached(
    tmp_path: Path, number: str, port: int, allowed: bool
) -> None:
    assert policy(tmp_path).allows_number(number, port, resolved) is allowed


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("localhost", True), ("LOCALHOST.", True), ("", True), ("mail.acme.example", True), ("Mail.ACME.example", True),
        ("sql.acme.example", True), ("prefect.acme.example", True), ("acme.example", False),
        ("x.mail.acme.example", False), ("mail.acme.example.evil.example", False), ("api2.amplitude.com", False),
    ],
)  # fmt: skip
def test_only_names_that_a_setting_holds_may_be_looked_up(tmp_path: Path, name: str, allowed: bool) -> None:
    assert policy(tmp_path).allows_name(name) is allowed


def test_a_name_that_moves_is_asked_for_again() -> None:
    moving = Policy((Destination("mail.example", 25, "mail.host"),))
    assert moving.allows_number("203.0.113.1", 25, lambda _: {"203.0.113.1"})
    assert moving.allows_number("203.0.113.2", 25, lambda _: {"203.0.113.2"})
    assert not moving.allows_number("203.0.113.3", 25, lambda _: {"203.0.113.2"})


def test_a_policy_reaches_a_child_as_it_is(tmp_path: Path) -> None:
    stated = policy(tmp_path)
    assert Policy.loads(stated.dumps()) == stated


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("networks: [8.8.8.0/24]", "is not private"),
        ("networks: [10.0.0.0/7]", "is not private"),
        ("networks: [intranet]", "is not a network"),
        ("networks: ['10.0.0.1/8']", "is not a network"),
        ("prefect: {host: 0.0.0.0}", "lets others in; set a `login` too"),
        ("prefect: {host: 192.168.1.9}", "lets others in; set a `login` too"),
        ("prefect: {host: '::'}", "lets others in; set a `login` too"),
        ("prefect: {host: example.com, login: 'a:long-enough-word'}", "is no address to listen at"),
        ("prefect: {host: 0.0.0.0, login: 'ana:short'}", "password of 12 or more"),
        ("prefect: {host: 0.0.0.0, login: 'long-enough-without-user'}", "password of 12 or more"),
        ("prefect: {host: 0.0.0.0, login: '${secret:login}'}", "cannot keep its own login"),
    ],
)
def test_settings_that_would_open_the_house_are_refused(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(MonitorError, match=r"sereno\.yaml:1") as refused:
        policy(tmp_path, text)
    assert expected in str(refused.value)
    assert "short" not in str(refused.value).replace("12 or more", "")


GUARDED = """
import json, socket, sys
from flows.egress import guard
from flows.egress.policy import Policy
guard.install()
guard.permit(Policy(log=sys.argv[1]))
said = []
for attempt in ATTEMPTS:
    try:
        attempt()
    except OSError as error:
        said.append(str(error))
    else:
        said.append("went out")
print(json.dumps(said))
"""
ATTEMPTS = {
    "connect": "lambda: socket.create_connection(('192.0.2.1', 443), 1)",
    "connect without waiting": "lambda: socket.socket().connect_ex(('192.0.2.1', 443))",
    "datagram": "lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "message": "lambda: socket.socket(socket.AF_INET6, 2).sendmsg([b'x'], [], 0, ('2001:db8::1', 53))",
    "lookup": "lambda: socket.getaddrinfo('data.telemetry.example', 443)",
    "old lookup": "lambda: socket.gethostbyname('data.telemetry.example')",
    "whose number": "lambda: socket.gethostbyaddr('192.0.2.1')",
    "urllib": "lambda: __import__('urllib.request').request.urlopen('http://telemetry.example/', timeout=1)",
    "httpx": "lambda: httpx_get()",
    "asyncio": "lambda: __import__('asyncio').run(__import__('asyncio').open_connection('192.0.2.1', 443))",
    "smtp": "lambda: __import__('smtplib').SMTP('192.0.2.1', 25, timeout=1)",
    "child": "lambda: child()",
}
HELPERS = """
def httpx_get():
    import httpx
    try:
        httpx.get('http://telemetry.example/')
    except httpx.HTTPError as error:
        raise OSError(str(error)) from error

def child():
    import subprocess
    code = "import socket; socket.create_connection(('192.0.2.1', 443), 1)"
    done = subprocess.run([sys.executable, '-P', '-c', code], capture_output=True, text=True)
    if done.returncode:
        raise OSError(done.stderr.splitlines()[-1].partition(': ')[2])
"""


def python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_guard_refuses_every_way_out_in_one_line_and_keeps_a_log(tmp_path: Path) -> None:
    log = tmp_path / "egress.log"
    code = GUARDED.replace("ATTEMPTS", f"[{', '.join(ATTEMPTS.values())}]").replace("said = []", HELPERS + "said = []")
    done = python(code, str(log))
    assert done.returncode == 0, done.stderr
    for how, said in zip(ATTEMPTS, json.loads(done.stdout), strict=True):
        assert "egress refused: " in said, how
        assert "\n" not in said
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(ATTEMPTS)
    assert {line["where"] for line in lines} >= {"192.0.2.1:443", "[2001:db8::1]:53", "telemetry.example"}
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_loopback_and_local_sockets_stay_open(tmp_path: Path) -> None:
    code = (
        "import socket, sys; from flows.egress import guard; guard.install()\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(('localhost', server.getsockname()[1]), 5)\n"
        "local = socket.socket(socket.AF_UNIX); local.bind(sys.argv[1]); local.listen()\n"
        "socket.socket(socket.AF_UNIX).connect(sys.argv[1])\n"
        "print('all well')"
    )
    assert python(code, str(tmp_path / "s")).stdout == "all well\n"


@pytest.mark.parametrize(
    "policy_text", ["nonsense", "{}", '{"destinations": [{"host": 1}], "networks": [], "log": null}']
)
def test_a_child_without_a_policy_it_understands_does_not_start(policy_text: str) -> None:
    child = Path(__file__).parents[2] / "flows" / "egress" / "child"
    done = python("print('ran')", SERENO_EGRESS=policy_text, PYTHONPATH=str(child))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("sereno: the egress guard cannot be put up")
    assert len(done.stderr.splitlines()) == 1


def test_every_command_has_the_guard(tmp_path: Path) -> None:
    """By the one entry that all have."""
    code = (
        "import sys, socket, flows.cli as cli\n"
        "cli.status = lambda arguments: socket.create_connection(('192.0.2.1', 443), 1)\n"
        "cli.main(['doctor'])"
    )
    assert "egress refused: 192.0.2.1:443" in python(code).stderr


def listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert status(["doctor", "--egress", "--workspace", str(folder), "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_auditor_sees_what_may_be_talked_to_what_is_off_and_what_was_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in os.environ if each.startswith("PREFECT")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", {**os.environ})
    (tmp_path / "sereno.yaml").write_text(SETTINGS, encoding="utf-8")
    refused = {"at": "2026-03-31T02:30:00+00:00", "what": "getaddrinfo", "where": "cdn.example", "by": "x:1"}
    (tmp_path / "egress.log").write_text(f"{json.dumps(refused)}\n" * 3 + '{"at": "cut o', encoding="utf-8")
    items = listed(tmp_path, capsys)
    allowed = {item["what"]: item["by"] for item in items if item["kind"] == "allowed"}
    assert allowed == {
        "this machine (loopback, local sockets)": "always",
        "mail.acme.example:587": "mail.host",
        "192.168.7.7:5432": "databases.erp.host",
        "sql.acme.example:1433": "databases.old.options",
        "10.0.0.5:8080": "model_server",
        "prefect.acme.example:443": "prefect.api_url",
        "10.20.0.0/16": "networks",
    }
    off = [item["by"] for item in items if item["kind"] == "off"]
    assert {"PREFECT_SERVER_ANALYTICS_ENABLED=false", "autoinstall_known_extensions=False", "NO_PROXY=*"} <= set(off)
    (tried,) = [item for item in items if item["kind"] == "refused"]
    assert tried["what"] == "cdn.example"
    assert "3 times" in tried["by"]


def test_a_mail_is_sent_without_asking_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.delivery import connect
    from flows.monitors import MailSettings

    def asked(*_: object) -> str:
        raise AssertionError("asks a name server for this machine's name")

    monkeypatch.setattr(socket, "getfqdn", asked)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(OSError, match=r"timed out|Connection"):
            connect(MailSettings(host="127.0.0.1", port=port, timeout=1))

"""Who may read and write what: rights of files, refusal to start, and the login of Prefect's server."""

from __future__ import annotations

import base64
import json
import os
import stat
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzers.errors import UsageError
from flows.cli import status
from flows.doctor.encryption import look_at_encryption
from flows.own_server import own_server
from flows.prefect_environment import environment
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, free_port
from tests.flows.nights import run_night

LOGIN = "ana:a-long-pass-phrase"


def opened(folder: Path) -> Workspace:
    folder.chmod(0o700)
    workspace = Workspace.open(folder)
    workspace.prepare()
    return workspace


OPENED: dict[str, tuple[Callable[[Path], None], str]] = {
    "key": (lambda folder: (folder / ".sereno-key").chmod(0o640), "others can read it; run `chmod -R go= "),
    "warehouse": (lambda folder: (folder / "warehouse.duckdb").chmod(0o644), "others can read it"),
    "reports": (lambda folder: (folder / "archive").chmod(0o755), "others can read it"),
    "mails": (lambda folder: (folder / "outbox").chmod(0o750), "others can read it"),
    "Prefect's database": (lambda folder: (folder / ".prefect").chmod(0o701), "others can read it"),
    "the folder": (lambda folder: folder.chmod(0o707), "everybody may write to it; run `chmod o-w "),
    "monitors": (lambda folder: (folder / "monitors").chmod(0o777), "everybody may write to it"),
    "settings": (lambda folder: (folder / "sereno.yaml").chmod(0o606), "everybody may write to it"),
}


@pytest.mark.parametrize("what", OPENED)
def test_nothing_starts_where_others_can_do_too_much(
    folder: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_night(folder, DATA_DATE)
    (folder / ".prefect").mkdir(mode=0o700, exist_ok=True)
    open_up, expected = OPENED[what]
    open_up(folder)
    with pytest.raises(UsageError) as refused:
        Workspace.open(folder).prepare()
    assert expected in str(refused.value)
    assert status(["erase", "x", "--reason", "r", "--by", "a", "--workspace", str(folder)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert expected in line
    status(["doctor", "--workspace", str(folder), "--json"])
    rights = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["name"] == "rights"]
    assert [line["status"] for line in rights] == ["problem"]


@pytest.mark.parametrize(
    ("password", "mode", "allowed"),
    [
        ("hunter2-in-clear", 0o644, False),
        ("hunter2-in-clear", 0o600, True),
        ('"${SMTP_PASSWORD}"', 0o644, True),
        ('"${secret:smtp}"', 0o644, True),
    ],
)
def test_a_password_in_a_file_that_others_read_is_refused(
    folder: Path, password: str, mode: int, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "from-the-environment")
    settings = folder / "sereno.yaml"
    settings.write_text(f"{settings.read_text(encoding='utf-8')}mail: {{password: {password}}}\n", encoding="utf-8")
    settings.chmod(mode)
    if allowed:
        Workspace.open(folder).prepare()
    else:
        with pytest.raises(UsageError, match="holds a password") as refused:
            Workspace.open(folder).prepare()
        assert "hunter2" not in str(refused.value)


def test_every_file_of_a_night_is_its_owners_only(folder: Path) -> None:
    before = os.umask(0o022)
    try:
        given = set(folder.rglob("*"))
        run_night(folder, DATA_DATE)
        assert status(["audit", "export", "--to", str(folder / "log.jsonl"), "--workspace", str(folder)]) == 0
    finally:
        os.umask(before)
    # What stands in a folder that only its owner enters is its owner's too.
    made = [path for path in folder.rglob("*") if path not in given and path.parent not in {*given} - {folder}]
    entered = {folder: True} | {path: not stat.S_IMODE(path.stat().st_mode) & 0o077 for path in made if path.is_dir()}
    loose = [
        path
        for path in made
        if stat.S_IMODE(path.stat().st_mode) & 0o077 and not any(entered.get(up) for up in path.parents if up != folder)
    ]
    assert loose == []


def answered(url: str, login: str | None) -> int:
    """What the API says to a question; its status."""
    headers = {"Content-Type": "application/json"}
    if login is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    request = urllib.request.Request(f"{url}/flows/filter", b"{}", headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.slow
@pytest.mark.xdist_group("serving")
def test_a_server_that_others_reach_asks_for_the_login(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sereno.yaml").write_text(
        f'prefect: {{host: 0.0.0.0, port: {free_port()}, login: "${{LOGIN}}"}}\n', encoding="utf-8"
    )
    monkeypatch.setenv("LOGIN", LOGIN)
    workspace = opened(folder)
    with own_server(workspace) as url:
        assert url.startswith("http://127.0.0.1:")
        assert answered(url, None) == 401
        assert answered(url, "ana:wrong-pass-phrase") == 401
        assert answered(url, LOGIN) == 200
        seen = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
        assert any(b"flows.prefect_server" in line for line in seen)
        assert not any(LOGIN.partition(":")[2].encode() in line for line in seen), "nor does `ps` show it"
    written = b"".join(path.read_bytes() for path in (folder / ".prefect").rglob("*") if path.is_file())
    assert LOGIN.partition(":")[2].encode() not in written


def test_without_a_login_a_server_listens_on_loopback_only(folder: Path) -> None:
    said = environment(opened(folder))
    assert said["PREFECT_SERVER_API_HOST"] == "127.0.0.1"
    assert "PREFECT_SERVER_API_AUTH_STRING" not in said


def devices(folder: Path, *, crypt: str | None) -> Path:
    """What the kernel would list: a volume on a partition of a disk, the volume or the one below it encrypted."""
    number = folder.stat().st_dev
    sys = folder / "sys"
    for name in ("volume/dm", "volume/slaves", "below/dm", "below/slaves", "disk/part"):
        (sys / name).mkdir(parents=True)
    (sys / "volume" / "dm" / "uuid").write_text("CRYPT-LUKS2-1" if crypt == "volume" else "LVM-1", encoding="ascii")
    (sys / "below" / "dm" / "uuid").write_text("CRYPT-LUKS2-2" if crypt == "below" else "LVM-2", encoding="ascii")
    (sys / "disk" / "part" / "partition").write_text("1", encoding="ascii")
    (sys / "volume" / "slaves" / "dm-1").symlink_to(sys / "below")
    (sys / "below" / "slaves" / "sda1").symlink_to(sys / "disk" / "part")
    (sys / f"{os.major(number)}:{os.minor(number)}").symlink_to(sys / "volume")
    return sys


@pytest.mark.parametrize(("crypt", "found"), [("volume", "ok"), ("below", "ok"), (None, "warning")])
def test_the_doctor_sees_whether_the_disk_is_encrypted(tmp_path: Path, crypt: str | None, found: str) -> None:
    assert look_at_encryption(tmp_path, devices(tmp_path, crypt=crypt)).status == found


def test_a_disk_that_cannot_be_seen_is_said_to_be_so(tmp_path: Path) -> None:
    line = look_at_encryption(tmp_path, tmp_path / "nothing")
    assert (line.status, "not to be seen" in line.text) == ("warning", True)

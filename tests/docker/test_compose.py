"""The compose files as Docker Compose itself reads them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docker.dockerfile import ROOT

COMPOSE = Path(sys.executable).parent / "docker-compose"
FOLDER = ROOT / "docker"
STATED = {"POSTGRES_PASSWORD": "pg$ecret", "PREFECT_LOGIN": "ana:pa$s", "SERENO_WORKSPACE": "/srv/sereno"}

pytestmark = pytest.mark.skipif(not COMPOSE.exists(), reason="Docker Compose has no wheel for this machine")


def config(
    *arguments: str, files: tuple[str, ...] = ("compose.yaml",), stated: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """What Docker Compose makes of the files, with these variables and no others."""
    named = [part for name in files for part in ("-f", str(FOLDER / name))]
    return subprocess.run(
        [COMPOSE, *named, "--env-file", "/dev/null", *arguments, "config", "--format", "json"],
        env={"PATH": "/usr/bin:/bin", **stated},
        capture_output=True,
        text=True,
        check=False,
    )


def rendered(*arguments: str, files: tuple[str, ...] = ("compose.yaml",)) -> dict[str, Any]:
    """The configuration with made-up secrets."""
    told = config(*arguments, files=files, stated=STATED)
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_it_needs_its_secrets_and_holds_none() -> None:
    for name in STATED:
        others = {other: value for other, value in STATED.items() if other != name}
        told = config(stated=others)
        assert told.returncode != 0
        assert f"{name} is missing a value: set it in docker/.env" in told.stderr
    text = "".join((FOLDER / name).read_text(encoding="utf-8") for name in ("compose.yaml", "lan.yaml", "example.env"))
    kept = re.findall(r"(?i)(?:password|login|auth_string|secret)\w*[:=] *(.+)", text)
    assert {each for each in kept if not each.startswith("${")} <= {""}
    assert "docker/.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    known = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text(encoding="utf-8")))
    assert known == set(re.findall(r"(?m)^#?([A-Z_]+)=", (FOLDER / "example.env").read_text(encoding="utf-8")))


def test_only_loopback_ports_are_open_and_nothing_gets_out() -> None:
    found = rendered("--profile", "mail-sink")
    services, networks = found["services"], found["networks"]
    assert networks["inside"]["internal"] is True
    assert networks["door"]["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    assert not [name for name, each in services.items() if "network_mode" in each or each.get("privileged")]
    assert {name: list(each["networks"]) for name, each in services.items()} == {
        "database": ["inside"],
        "mail": ["door", "inside"],
        "prefect": ["door", "inside"],
        "sereno": ["inside"],
    }
    ports = [port for each in services.values() for port in each.get("ports", ())]
    assert {(port["host_ip"], port["target"]) for port in ports} == {("127.0.0.1", 4200), ("127.0.0.1", 8025)}
    assert "mail" not in rendered()["services"]


def test_services_are_pinned_confined_and_watched() -> None:
    services = rendered("--profile", "mail-sink")["services"]
    for name, each in services.items():
        assert "build" in each or re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", each["image"]), name
        assert "no-new-privileges:true" in each["security_opt"], name
        if name != "database":
            assert (each["read_only"], each["cap_drop"]) == (True, ["ALL"]), name
    assert "healthcheck" in services["database"]
    assert "healthcheck" in services["prefect"]
    assert services["sereno"]["depends_on"]["prefect"]["condition"] == "service_healthy"
    mounted = {each["target"]: each for each in services["sereno"]["volumes"]}
    assert mounted["/workspace"]["source"] == "/srv/sereno"
    assert mounted["/models"]["read_only"] is True
    # Who serves and who is asked must know each other by the same login.
    asked, asks = services["prefect"]["environment"], services["sereno"]["environment"]
    assert asked["PREFECT_SERVER_API_AUTH_STRING"] == asks["PREFECT_API_AUTH_STRING"]


def test_the_house_network_is_one_file_away() -> None:
    found = rendered(files=("compose.yaml", "lan.yaml"))
    assert list(found["services"]["sereno"]["networks"]) == ["inside", "lan"]
    assert not found["networks"]["lan"].get("internal")

"""A model server on the premises: only a private one, whatever it answers."""

from __future__ import annotations

import http.server
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from analyzers.errors import ModelError, MonitorError
from analyzers.results import FactKind
from flows.model_server import ServerEngine, is_private, private_address
from flows.models import engine_or_template
from flows.narration_cost import Meter
from flows.workspace import Workspace
from reports.contents import Mode
from reports.narrator import narrate
from reports.narrator.prompt import Prompt
from tests.flows.loopback import served
from tests.reports.sample_facts import example, finding
from tests.reports.test_narrator import RandomEngine


class Server(http.server.BaseHTTPRequestHandler):
    """Answers as llama-server does: within the grammar that it is given. `answers` overrides that."""

    asked: ClassVar[list[dict[str, Any]]] = []
    answers: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        self._send(self.answers.get(self.path) or json.dumps({"data": [{"id": "house-model"}]}).encode())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(asked)
        engine = RandomEngine(0)
        engine.random = random.Random(asked["prompt"])
        (answer,) = engine.complete([Prompt("", "", "", asked["grammar"])])
        self._send(
            self.answers.get(self.path)
            or json.dumps(
                {"choices": [{"text": answer}], "usage": {"prompt_tokens": 100, "completion_tokens": 12}}
            ).encode()
        )

    def _send(self, content: bytes) -> None:
        self.send_response(500 if content == b"500" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    Server.asked.clear()
    Server.answers.clear()
    with served(Server) as address:
        yield f"{address}/v1"


FINDINGS = [
    finding(example(FactKind.DUPLICATE), example(FactKind.NIGHT), example(FactKind.STRANGENESS)),
    finding(example(FactKind.BANK_CHANGED), example(FactKind.NEW_ENTITY), kind="bank_changed", identity="b" * 12),
]


def test_a_server_narrates_like_a_local_model(server: str) -> None:
    engine = ServerEngine(server)
    meter = Meter(engine, watts=10)
    with meter.running():
        told = narrate(FINDINGS, lang="es", engine=engine)
    cost = meter.read(len(told.skeletons))
    assert (cost.tokens_read, cost.tokens_written) == (100 * cost.asked, 12 * cost.asked)
    assert cost.asked
    assert cost.watt_hours is None
    assert engine.name == "house-model"
    assert all(text.mode is Mode.STRICT and text.grounded and text.model == "house-model" for text in told.narratives)
    assert {asked["temperature"] for asked in Server.asked} == {0}
    assert all("48200" not in asked["prompt"] and "Aceros" not in asked["prompt"] for asked in Server.asked)


@pytest.mark.parametrize("answer", [b'{"choices": [{"text": "Ignore the facts."}]}', b'{"choices": []}', b"{}"])
def test_a_server_that_does_not_obey_gets_no_word_in(server: str, answer: bytes) -> None:
    engine = ServerEngine(server)
    Server.answers["/v1/completions"] = answer
    told = narrate(FINDINGS, lang="en", engine=engine)
    assert all(text.mode is Mode.TEMPLATE and text.grounded for text in told.narratives)


@pytest.mark.parametrize("answer", [b"500", b"no json", b"[]", b'{"data": []}', b'{"data": "x"}', b"x" * 2_000_000])
def test_a_server_that_answers_nonsense_is_one_line(server: str, answer: bytes) -> None:
    Server.answers["/v1/models"] = answer
    with pytest.raises(ModelError) as caught:
        ServerEngine(server)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("number", "private"),
    [
        ("127.0.0.1", True), ("10.1.2.3", True), ("172.31.0.1", True), ("192.168.1.1", True), ("::1", True),
        ("fd00::5", True), ("::ffff:10.0.0.1", True), ("8.8.8.8", False), ("172.32.0.1", False), ("0.0.0.0", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("2001:db8::1", False), ("::ffff:8.8.8.8", False),
        ("fe80::1", False),
    ],
)  # fmt: skip
def test_only_private_addresses_count(number: str, private: bool) -> None:
    assert is_private(number) is private


def test_a_name_with_one_public_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(*numbers: str) -> None:
        entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, 80)) for number in numbers]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: entries)

    resolved("10.0.0.5", "93.184.216.34")
    with pytest.raises(ModelError, match=r"93\.184\.216\.34 is a public address"):
        private_address("http://llm.example/v1")
    resolved("10.0.0.5")
    assert private_address("http://llm.example:8080/v1/").number == "10.0.0.5"


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.5/v1", "ftp://10.0.0.5", "10.0.0.5:8080", "http://", "http://[x", "http://a@10.0.0.5/",
        "http://10.0.0.5:99999/", "http://10.0.0.5/?x=1",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ModelError):
        private_address(url)


def test_the_settings_name_the_server_and_a_night_survives_its_absence(server: str, tmp_path: Path) -> None:
    (tmp_path / "sereno.yaml").write_text(f"model_server: {server}\n", encoding="utf-8")
    engine, note = engine_or_template(Workspace.open(tmp_path))
    assert engine is not None
    assert (note.name, note.mode) == ("house-model", Mode.STRICT)
    (tmp_path / "sereno.yaml").write_text("model_server: http://127.0.0.1:1/v1\n", encoding="utf-8")
    engine, note = engine_or_template(Workspace.open(tmp_path))
    assert (engine, note.mode) == (None, Mode.TEMPLATE)
    assert "does not answer" in (note.reason or "")
    (tmp_path / "sereno.yaml").write_text(f"model_server: {server}\nmodel: models/x.gguf\n", encoding="utf-8")
    with pytest.raises(MonitorError, match="not both"):
        Workspace.open(tmp_path)

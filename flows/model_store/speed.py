"""How fast a model is here: tokens a second of a prompt, of one text, and of the sixteen that are written at once.

Measured with llama.cpp itself on any tokens; what a token says does not change what it costs.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from analyzers.errors import ModelError
from reports.narrator.llama import WAVE

PROMPT_TOKENS = 256
STEPS = 24
"""Tokens that each sequence adds while it is measured."""
_Placed = Sequence[tuple[int, int]]
"""Sequence and position of each token."""


def measure(path: Path, threads: int) -> dict[str, Any]:
    """Tokens a second: `prompt`, `single` (one sequence) and `batched` (sixteen at once); and whether a GPU is used."""
    llama_cpp.llama_log_set(_SILENT, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    settings = llama_cpp.llama_model_default_params()
    settings.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), settings)
    if not model:
        raise ModelError(f"{path}: llama.cpp cannot load this GGUF file (cut off, damaged or no language model)")
    wanted = llama_cpp.llama_context_default_params()
    wanted.n_ctx, wanted.n_batch, wanted.n_ubatch = 2048, 512, 512
    wanted.n_seq_max, wanted.kv_unified = WAVE, True
    wanted.n_threads = wanted.n_threads_batch = threads
    context = llama_cpp.llama_init_from_model(model, wanted)
    if not context:
        raise ModelError(f"{path}: not enough memory for this model; use a smaller one")
    run = _Run(context)
    run.decode([(0, at) for at in range(16)])
    return {
        "prompt": run.prompt(),
        "single": run.steps(1),
        "batched": run.steps(WAVE),
        "gpu": bool(llama_cpp.llama_supports_gpu_offload()),
    }


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _SILENT(level: int, text: bytes, data: Any) -> None:  # noqa: N802 (a constant for llama.cpp)
    """Swallow llama.cpp's own log lines."""


class _Run:
    """Decodes and looks at the clock."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._memory = llama_cpp.llama_get_memory(context)
        self._batch = llama_cpp.llama_batch_init(512, 0, 1)

    def prompt(self) -> float:
        """Tokens a second of a prompt."""
        llama_cpp.llama_memory_clear(self._memory, True)
        started = time.perf_counter()
        self.decode([(0, at) for at in range(PROMPT_TOKENS)])
        return round(PROMPT_TOKENS / (time.perf_counter() - started), 1)

    def steps(self, sequences: int) -> float:
        """Tokens a second of so many sequences that grow by one token at a time."""
        llama_cpp.llama_memory_clear(self._memory, True)
        started = time.perf_counter()
        for step in range(STEPS):
            self.decode([(sequence, step) for sequence in range(sequences)])
        return round(sequences * STEPS / (time.perf_counter() - started), 1)

    def decode(self, placed: _Placed) -> None:
        """Decode one token at each place; the last of each sequence asks for its logits."""
        batch = self._batch
        batch.n_tokens = len(placed)
        last = dict(placed)
        for at, (sequence, position) in enumerate(placed):
            batch.token[at] = 100 + (position * 7 + sequence * 13) % 1000
            batch.pos[at] = position
            batch.n_seq_id[at] = 1
            batch.seq_id[at][0] = sequence
            batch.logits[at] = position == last[sequence]
        if llama_cpp.llama_decode(self._context, batch) != 0:
            raise ModelError("the model could not decode; use a smaller model")
        llama_cpp.llama_synchronize(self._context)

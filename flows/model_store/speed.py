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

PROMPT_TOKENS = 128
ENOUGH = 8.0
"""Seconds after which a measurement ends early, on a large model or a busy machine."""
STEPS = 24
"""Tokens that each sequence adds while it is measured."""
_Placed = Sequence[tuple[int, int]]
"""Sequence and position of each token."""


def measure(path: Path, threads: int) -> dict[str, Any]:
    """Tokens a second: `prompt`, `single` (one sequence) and `batched` (sixteen at once); and whether a GPU is used.

    `wall` is by the clock; `idle` by the processor time that was spent, shared by the threads: what the clock would
    show if nothing else ran, since threads that wait here sleep.
    """
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
    run = _Run(context, threads)
    run.decode([(0, at) for at in range(16)])
    rates = {"prompt": run.prompt(), "single": run.steps(1), "batched": run.steps(WAVE)}
    return {
        "wall": {name: round(wall, 1) for name, (wall, _) in rates.items()},
        "idle": {name: round(idle, 1) for name, (_, idle) in rates.items()},
        "gpu": bool(llama_cpp.llama_supports_gpu_offload()),
    }


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _SILENT(level: int, text: bytes, data: Any) -> None:  # noqa: N802 (a constant for llama.cpp)
    """Swallow llama.cpp's own log lines."""


class _Run:
    """Decodes and looks at the clock."""

    def __init__(self, context: Any, threads: int) -> None:
        self._context, self._threads = context, threads
        self._memory = llama_cpp.llama_get_memory(context)
        self._batch = llama_cpp.llama_batch_init(512, 0, 1)

    def prompt(self) -> tuple[float, float]:
        """Tokens a second of a prompt, by the clock and by processor time."""
        return self._rates([[(0, at) for at in range(PROMPT_TOKENS)]])

    def steps(self, sequences: int) -> tuple[float, float]:
        """Tokens a second of so many sequences that grow by one token at a time, by both clocks."""
        return self._rates([[(sequence, step) for sequence in range(sequences)] for step in range(STEPS)])

    def _rates(self, batches: Sequence[_Placed]) -> tuple[float, float]:
        llama_cpp.llama_memory_clear(self._memory, True)
        clock, used = time.perf_counter(), time.process_time()
        tokens = 0
        for placed in batches:
            self.decode(placed)
            tokens += len(placed)
            if time.perf_counter() - clock > ENOUGH:
                break
        spent = (time.perf_counter() - clock, (time.process_time() - used) / self._threads)
        wall, idle = (tokens / max(seconds, 1e-6) for seconds in spent)
        return wall, max(wall, idle)

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

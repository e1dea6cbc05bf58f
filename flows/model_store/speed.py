"""How fast a model is here: tokens a second of a prompt, of one text, and of the sixteen that are written at once.

Measured with llama.cpp itself on any tokens; what a token says does not change what it costs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from analyzers.errors import ModelError
from reports.narrator.llama import WAVE, open_context

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
    _, context = open_context(path, threads, cells=2048, batch=512, sequences=WAVE)
    run = _Run(context, threads)
    run.decode([(0, at) for at in range(16)])
    rates = {"prompt": run.prompt(), "single": run.steps(1), "batched": run.steps(WAVE)}
    return {
        "wall": {name: round(wall, 1) for name, (wall, _) in rates.items()},
        "idle": {name: round(idle, 1) for name, (_, idle) in rates.items()},
        "gpu": bool(llama_cpp.llama_supports_gpu_offload()),
    }


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

"""llama.cpp through its low-level interface: one shared beginning in the cache, several sequences decoded at once.

Prompts are worked off in waves. What all prompts share is decoded once for the engine's life, what prompts of one
finding type share once for its run of prompts; each prompt then adds only its own facts. Where the grammar leaves one
continuation, its text is taken without asking the model and decoded together with the next question.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Threads that wait for each other sleep instead of spinning: on a busy machine that is three times as fast, on an
# idle one it costs nothing. OpenMP reads it once, when llama.cpp is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from analyzers.errors import ModelError
from reports.narrator.grammar import LONGEST_ANSWER
from reports.narrator.prompt import Prompt

WAVE = 16
"""Sequences decoded at once: 16 decode about twice the tokens of one on two cores."""
_BATCH_TOKENS = 512
_CELLS = 8192
_LONGEST_PIECE = 16
_MANY_LITERALS = 60


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _silent(level: int, text: bytes, data: Any) -> None:
    """Swallow llama.cpp's own log lines: standard error belongs to the command."""


_NO_TOKENS = np.empty(0, np.int32)


@dataclass
class _Sequence:
    """One prompt being answered."""

    slot: int
    position: int
    """Cells of the sequence that are decoded already."""
    waiting: list[int]
    """Tokens still to be decoded."""
    sampler: Any
    allowed: NDArray[np.int32]
    """Tokens that could occur in any answer of the grammar."""
    logits: NDArray[np.float32] | None = None
    """Of the allowed tokens, after the last one decoded."""
    answer: list[int] = field(default_factory=list)
    holder: int | None = None
    """The sequence that it began as a copy of."""


@dataclass(frozen=True)
class _Step:
    """One token to be decoded, for all sequences that hold it at this place; `ending` have none after it."""

    token: int
    position: int
    slots: tuple[int, ...]
    ending: tuple[_Sequence, ...]


class Llama:
    """A loaded model with its context. `load` makes one."""

    def __init__(self, model: Any, context: Any) -> None:
        self._model, self._context = model, context
        self._vocabulary = llama_cpp.llama_model_get_vocab(model)
        self._memory = llama_cpp.llama_get_memory(context)
        self._batch = llama_cpp.llama_batch_init(_BATCH_TOKENS, 0, WAVE)
        self._size = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        self._pieces = [self._piece(token) for token in range(self._size)]
        self._by_piece: dict[bytes, list[int]] = {}
        for token, piece in enumerate(self._pieces):
            self._by_piece.setdefault(piece, []).append(token)
        self._ends = [t for t in range(self._size) if llama_cpp.llama_vocab_is_eog(self._vocabulary, t)]
        self._prefix: tuple[str, int] | None = None
        """The shared beginning in sequence 0, and its length."""
        self._shared: dict[str, tuple[int, int]] = {}
        """By shared part of a finding type, the sequence that holds it and its length."""
        self._known_tokens: dict[frozenset[str], NDArray[np.int32]] = {}
        self._lengths: dict[str, int] = {}
        """Tokens of prompts' beginnings."""
        self.tokens_read = 0
        """Tokens of prompts that were decoded: what sequences share counts once."""
        self.tokens_written = 0
        """Tokens of answers, those included that the grammar left no choice about."""
        weakref.finalize(self, _free, model, context, self._batch)

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        """An answer for each prompt; those that begin alike are answered together."""
        answers = [""] * len(prompts)
        order = sorted(range(len(prompts)), key=lambda index: _likeness(prompts[index]))
        # Answers longer than those of strict mode are given in waves of half the size.
        size = WAVE if all(prompt.longest <= LONGEST_ANSWER for prompt in prompts) else WAVE // 2
        for start in range(0, len(order), size):
            wave = order[start : start + size]
            for index, answer in zip(wave, self._wave([prompts[index] for index in wave]), strict=True):
                answers[index] = answer
        return answers

    def fits(self, prompt: Prompt) -> bool:
        """Whether a whole wave of prompts as long as this one, with their answers, finds room in the context."""
        size = WAVE if prompt.longest <= LONGEST_ANSWER else WAVE // 2
        if prompt.prefix not in self._lengths:
            self._lengths[prompt.prefix] = len(self._tokenize(prompt.prefix, beginning=True))
        room = (_CELLS - self._lengths[prompt.prefix]) // size - prompt.longest
        return len(self._tokenize(prompt.shared)) + len(self._tokenize(prompt.body)) <= room

    # -- one wave ------------------------------------------------------------------------------------------------------
    def _wave(self, prompts: Sequence[Prompt]) -> list[str]:
        self._share(prompts)
        running: list[_Sequence | None] = []
        for slot, prompt in enumerate(prompts, start=1):
            holder, length = self._shared[prompt.shared]
            tokens = self._tokenize(prompt.body)
            if not self.fits(prompt):
                running.append(None)
                continue
            llama_cpp.llama_memory_seq_cp(self._memory, holder, slot, 0, length)
            running.append(
                _Sequence(
                    slot, length, tokens, self._sampler(prompt), self._tokens_for(_literals(prompt)), holder=holder
                )
            )
        alive = [sequence for sequence in running if sequence is not None]
        finished: list[_Sequence] = []
        try:
            for _ in range(max(prompt.longest for prompt in prompts)):
                if not alive:
                    break
                self._decode(alive)
                done = [sequence for sequence in alive if self._extend(sequence)]
                finished += done
                alive = [sequence for sequence in alive if sequence not in done]
        finally:
            for sequence in running:
                if sequence is not None:
                    llama_cpp.llama_sampler_free(sequence.sampler)
            for slot in range(1, WAVE + 1):
                llama_cpp.llama_memory_seq_rm(self._memory, slot, -1, -1)
        self.tokens_written += sum(len(sequence.answer) for sequence in running if sequence is not None)
        return [self._text(sequence) if sequence in finished else "" for sequence in running]

    def _share(self, prompts: Sequence[Prompt]) -> None:
        """Decode what prompts share, unless the wave before did; `_shared` says which sequence holds it."""
        prefix = prompts[0].prefix
        if self._prefix is None or self._prefix[0] != prefix:
            llama_cpp.llama_memory_clear(self._memory, True)
            tokens = self._tokenize(prefix, beginning=True)
            self._decode([_Sequence(0, 0, tokens, None, _NO_TOKENS)])
            self._prefix, self._shared = (prefix, len(tokens)), {}
        length = self._prefix[1]
        wanted = list(dict.fromkeys(prompt.shared for prompt in prompts))
        for text in [text for text in self._shared if text not in wanted]:
            llama_cpp.llama_memory_seq_rm(self._memory, self._shared.pop(text)[0], -1, -1)
        taken = {slot for slot, _ in self._shared.values()}
        free = iter([slot for slot in range(WAVE + 1, 2 * WAVE + 1) if slot not in taken])
        missing = [text for text in wanted if text not in self._shared]
        beginnings = [_Sequence(next(free), length, self._tokenize(text), None, _NO_TOKENS) for text in missing]
        for sequence in beginnings:
            llama_cpp.llama_memory_seq_cp(self._memory, 0, sequence.slot, 0, length)
        self._decode(beginnings)
        self._shared |= {
            text: (sequence.slot, sequence.position) for text, sequence in zip(missing, beginnings, strict=True)
        }

    def _decode(self, sequences: Sequence[_Sequence]) -> None:
        """Decode all waiting tokens of the sequences; the logits after the last token of each are kept.

        Sequences that have decoded nothing of their own yet share what they begin with alike.
        """
        groups = [(group, list(_steps(group))) for group in _alike(sequences)]
        self.tokens_read += sum(len(steps) for group, steps in groups if not group[0].answer)
        pending = [step for _, steps in groups for step in steps]
        for start in range(0, len(pending), _BATCH_TOKENS):
            part = pending[start : start + _BATCH_TOKENS]
            self._fill(part)
            if llama_cpp.llama_decode(self._context, self._batch) != 0:
                raise ModelError("the model could not decode a prompt; use a smaller model or leave it out")
            for at, step in enumerate(part):
                for sequence in step.ending:
                    if sequence.sampler is not None:
                        sequence.logits = self._logits(at, sequence.allowed)
        for sequence in sequences:
            sequence.position += len(sequence.waiting)
            sequence.waiting = []

    def _fill(self, part: Sequence[_Step]) -> None:
        batch = self._batch
        batch.n_tokens = len(part)
        for at, step in enumerate(part):
            batch.token[at] = step.token
            batch.pos[at] = step.position
            batch.n_seq_id[at] = len(step.slots)
            for place, slot in enumerate(step.slots):
                batch.seq_id[at][place] = slot
            batch.logits[at] = bool(step.ending)

    def _logits(self, at: int, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        pointer = llama_cpp.llama_get_logits_ith(self._context, at)
        chosen: NDArray[np.float32] = np.ctypeslib.as_array(pointer, shape=(self._size,))[tokens]
        return chosen

    # -- within the grammar --------------------------------------------------------------------------------------------
    def _sampler(self, prompt: Prompt) -> Any:
        sampler = llama_cpp.llama_sampler_init_grammar(self._vocabulary, prompt.grammar.encode(), b"root")
        if not sampler:
            raise ModelError("the model's vocabulary cannot hold the grammar; use another model")
        return sampler

    def _extend(self, sequence: _Sequence) -> bool:
        """Append the likeliest token that the grammar admits, and all text that it then leaves no choice about."""
        assert sequence.logits is not None
        admitted = self._admitted(sequence, sequence.logits)
        token = int(admitted["id"][np.argmax(admitted["logit"])]) if len(admitted) else self._ends[0]
        while token not in self._ends:
            llama_cpp.llama_sampler_accept(sequence.sampler, token)
            sequence.answer.append(token)
            sequence.waiting.append(token)
            forced = self._forced(sequence)
            if forced is None:
                return False
            token = forced
        return True

    def _forced(self, sequence: _Sequence) -> int | None:
        """The longest admitted token where all others only begin it; None where there is a choice to make."""
        admitted = self._admitted(sequence, np.zeros(len(sequence.allowed), np.float32))["id"].tolist()
        if not admitted or all(token in self._ends for token in admitted):
            return self._ends[0]
        longest = max(admitted, key=lambda token: (len(self._pieces[token]), -token))
        whole = self._pieces[longest]
        one = all(token not in self._ends and whole.startswith(self._pieces[token]) for token in admitted)
        return int(longest) if one else None

    def _admitted(self, sequence: _Sequence, logits: NDArray[np.float32]) -> NDArray[Any]:
        """The tokens that the grammar admits next, with their logits."""
        data = np.empty(len(sequence.allowed), dtype=_CANDIDATE)
        data["id"], data["logit"], data["p"] = sequence.allowed, logits, 0.0
        array = llama_cpp.llama_token_data_array(
            data.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data)), len(data), -1, False
        )
        llama_cpp.llama_sampler_apply(sequence.sampler, ctypes.byref(array))
        kept: NDArray[Any] = data[np.isfinite(data["logit"])]
        return kept

    def _tokens_for(self, literals: frozenset[str]) -> NDArray[np.int32]:
        """Tokens that can occur in an answer: pieces of any two literals of the grammar in a row, and the end."""
        if literals not in self._known_tokens:
            # Of a grammar with many words, those with what stands between words will do: each pair would be too many.
            seconds = literals if len(literals) <= _MANY_LITERALS else {text for text in literals if len(text) <= 2}
            pairs = {text for first in literals for second in seconds for text in (first + second, second + first)}
            pieces = {
                pair[start:end].encode()
                for pair in pairs
                for start in range(len(pair))
                for end in range(start + 1, min(len(pair), start + _LONGEST_PIECE) + 1)
            }
            tokens = {token for piece in pieces for token in self._by_piece.get(piece, ())}
            self._known_tokens[literals] = np.array(sorted(tokens | set(self._ends)), dtype=np.int32)
        return self._known_tokens[literals]

    # -- text ----------------------------------------------------------------------------------------------------------
    def _text(self, sequence: _Sequence) -> str:
        return b"".join(self._pieces[token] for token in sequence.answer).decode(errors="replace")

    def _tokenize(self, text: str, *, beginning: bool = False) -> list[int]:
        content = text.encode()
        room = (llama_cpp.llama_token * (len(content) + 8))()
        count = llama_cpp.llama_tokenize(self._vocabulary, content, len(content), room, len(room), beginning, False)
        if count < 0:
            raise ModelError("the model's vocabulary cannot hold a prompt; use another model")
        return list(room[:count])

    def _piece(self, token: int) -> bytes:
        room = ctypes.create_string_buffer(256)
        length = llama_cpp.llama_token_to_piece(self._vocabulary, token, room, len(room), 0, False)
        return room.raw[: max(0, length)]


_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


def _likeness(prompt: Prompt) -> tuple[str, str, str]:
    return prompt.prefix, prompt.shared, prompt.body


def _alike(sequences: Sequence[_Sequence]) -> Iterator[list[_Sequence]]:
    """Sequences whose caches hold the same so far: those that only have what their finding type shares."""
    fresh = [sequence for sequence in sequences if sequence.holder is not None and not sequence.answer]
    for _, group in itertools.groupby(sorted(fresh, key=lambda one: one.holder or 0), key=lambda one: one.holder):
        yield list(group)
    yield from ([sequence] for sequence in sequences if sequence.holder is None or sequence.answer)


def _steps(group: list[_Sequence]) -> Iterator[_Step]:
    """The tokens that a group waits for, those that several begin with alike only once."""
    branches = [(0, group)]
    while branches:
        at, alike = branches.pop()
        by_token: dict[int, list[_Sequence]] = {}
        for sequence in alike:
            if at < len(sequence.waiting):
                by_token.setdefault(sequence.waiting[at], []).append(sequence)
        for token, holding in by_token.items():
            ending = tuple(sequence for sequence in holding if at == len(sequence.waiting) - 1)
            yield _Step(token, holding[0].position + at, tuple(one.slot for one in holding), ending)
        branches += [(at + 1, holding) for holding in reversed(by_token.values())]


def _literals(prompt: Prompt) -> frozenset[str]:
    return frozenset(re.findall(r'"([^"]*)"', prompt.grammar))


def _free(model: Any, context: Any, batch: Any) -> None:
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)


def load(path: Path, threads: int, adapter: Path | None = None) -> Llama:
    """Load a GGUF file, and a LoRA adapter beside it; ModelError where llama.cpp cannot."""
    model, context = open_context(path, threads, cells=_CELLS, batch=_BATCH_TOKENS, sequences=2 * WAVE + 1)
    if adapter is not None:
        # llama.cpp frees the adapter with its model.
        loaded = llama_cpp.llama_adapter_lora_init(model, str(adapter).encode())
        adapters, scales = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(loaded), (ctypes.c_float * 1)(1.0)
        if not loaded or llama_cpp.llama_set_adapters_lora(context, adapters, 1, scales) != 0:
            llama_cpp.llama_free(context)
            llama_cpp.llama_model_free(model)
            raise ModelError(f"{adapter}: llama.cpp cannot use this adapter with {path.name}; train it on that model")
    return Llama(model, context)


def open_context(path: Path, threads: int, *, cells: int, batch: int, sequences: int) -> tuple[Any, Any]:
    """A model and a context of llama.cpp with one cache for all sequences; ModelError where it cannot load the file."""
    llama_cpp.llama_log_set(_silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    settings = llama_cpp.llama_model_default_params()
    settings.n_gpu_layers = 0
    if b"AMX_INT8 = 1" in llama_cpp.llama_print_system_info():
        # Virtual machines announce these instructions and do not have them: the process would end at the first prompt.
        settings.use_extra_bufts = False
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), settings)
    if not model:
        raise ModelError(f"{path}: llama.cpp cannot load this GGUF file (cut off, damaged or no language model)")
    wanted = llama_cpp.llama_context_default_params()
    wanted.n_ctx, wanted.n_batch, wanted.n_ubatch = cells, batch, batch
    wanted.n_seq_max, wanted.kv_unified = sequences, True
    wanted.n_threads = wanted.n_threads_batch = threads
    context = llama_cpp.llama_init_from_model(model, wanted)
    if not context:
        llama_cpp.llama_model_free(model)
        raise ModelError(f"{path}: not enough memory for this model; use a smaller one")
    return model, context

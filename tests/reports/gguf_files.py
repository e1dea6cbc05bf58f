"""Small GGUF files, sound or broken on purpose."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

U32, TEXT, ARRAY = 4, 8, 9
SOUND: Mapping[str, tuple[int, Any]] = {
    "general.architecture": (TEXT, "llama"),
    "llama.block_count": (U32, 2),
    "llama.context_length": (U32, 256),
    "llama.embedding_length": (U32, 32),
    "llama.feed_forward_length": (U32, 64),
    "llama.attention.head_count": (U32, 4),
    "llama.attention.head_count_kv": (U32, 2),
    "llama.attention.layer_norm_rms_epsilon": (6, 1e-5),
    "llama.vocab_size": (U32, 3),
    "tokenizer.ggml.model": (TEXT, "gpt2"),
    "tokenizer.ggml.tokens": (ARRAY, ["a", "b", "<end>"]),
}
Tensor = tuple[str, Sequence[int], int, int]
"""Name, shape, type and offset."""
WEIGHTS: Sequence[Tensor] = (("token_embd.weight", (32, 3), 0, 0), ("output_norm.weight", (32,), 0, 384))


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value(kind: int, held: Any) -> bytes:
    if kind == TEXT:
        return text(held)
    if kind == ARRAY:
        return struct.pack("<IQ", TEXT, len(held)) + b"".join(text(item) for item in held)
    return struct.pack({U32: "<I", 6: "<f"}[kind], held)


def gguf(
    changed: Mapping[str, tuple[int, Any] | None] | None = None,
    *,
    tensors: Sequence[Tensor] = WEIGHTS,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    data: int = 512,
) -> bytes:
    """A GGUF file; `changed` replaces metadata, or leaves it out where it is None."""
    entries = {key: held for key, held in {**SOUND, **(changed or {})}.items() if held is not None}
    head = b"GGUF" + struct.pack("<I", version) + struct.pack("<QQ", *(counts or (len(tensors), len(entries))))
    head += b"".join(text(key) + struct.pack("<I", kind) + value(kind, held) for key, (kind, held) in entries.items())
    for name, shape, kind, offset in tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    return head + bytes(-len(head) % 32) + bytes(data)

"""The head of a GGUF file, read without trusting it: nothing is handed to llama.cpp that does not add up.

Source: the GGUF specification of ggml (docs/gguf.md, versions 2 and 3, little endian). Every count and length is
bounded before anything is allocated for it, and every tensor must lie within the file, so that a file that was cut
off is known before it is loaded.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from analyzers.errors import ModelError

MOST_ENTRIES = 65_536
"""Metadata entries, and tensors: the largest models have some thousands."""
LONGEST_TEXT = 8 << 20
LONGEST_ARRAY = 4 << 20
"""Items; the largest vocabularies have about 300,000."""
LARGEST_HEAD = 256 << 20
"""Bytes of metadata and tensor table together."""
LONGEST_NAME = 64
_TEXT, _ARRAY, _BOOLEAN = 8, 9, 7
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TENSOR_TYPES: Mapping[int, tuple[int, int]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66),
    17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136),
    24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54),
    35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18), 42: (64, 18),
}  # fmt: skip
"""By number of ggml's tensor type: weights in a block, and bytes of a block."""

Value = str | int | float | bool


@dataclass(frozen=True)
class Head:
    """What a GGUF file says of itself."""

    version: int
    tensors: int
    bytes: int
    """Of the whole file."""
    values: Mapping[str, Value] = field(default_factory=dict)
    """Scalars and texts by key; of arrays only the first number, under their key."""

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the architecture, such as `llama` or `qwen2`."""
        return str(self.values.get("general.architecture", ""))

    def number(self, key: str) -> int | None:
        """A whole number of the architecture, such as `block_count`; None where the file does not say."""
        value = self.values.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 32 else None

    @property
    def cell_bytes(self) -> int | None:
        """Bytes that one token of context takes (keys and values of all layers at 16 bits); None where unknown."""
        layers, heads, width = self.number("block_count"), self.number("attention.head_count"), None
        if heads and (embedding := self.number("embedding_length")):
            width = embedding // heads
        keys = self.number("attention.key_length") or width
        values = self.number("attention.value_length") or width
        shared = self.number("attention.head_count_kv") or heads
        if layers is None or keys is None or values is None or shared is None:
            return None
        return 2 * layers * shared * (keys + values)


def read_head(path: Path) -> Head:
    """The head of a GGUF file; ModelError, in one line, for anything that is not a whole language model."""
    head = _read(path)
    _check_kind(head, path)
    return head


def read_adapter_head(path: Path, model: Head) -> Head:
    """The head of a LoRA adapter for a model; ModelError, in one line, for anything else."""
    head = _read(path)
    if head.values.get("general.type") != "adapter" or head.values.get("adapter.type") != "lora":
        raise ModelError(f"{path}: no LoRA adapter in GGUF format; llama.cpp's convert_lora_to_gguf.py writes one")
    if head.architecture != model.architecture:
        raise ModelError(
            f"{path}: an adapter for {head.architecture[:40] or 'an unnamed architecture'}, the model is of "
            f"{model.architecture[:40]}; name the adapter that was trained on it"
        )
    return head


def _read(path: Path) -> Head:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _Reader(file, path, size).head()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ModelError(f"{path}: the model file cannot be read ({why}); name an existing GGUF file") from None


def _check_kind(head: Head, path: Path) -> None:
    """Refuse what is a sound GGUF file and yet no model that can narrate."""
    kind = head.values.get("general.type", "model")
    if kind == "adapter":
        raise ModelError(f"{path}: a LoRA adapter, no whole model; name it as `adapter` beside its model")
    if kind != "model" or head.architecture in ("clip", ""):
        raise ModelError(f"{path}: a GGUF file, but no language model; name an instruct model")
    split = head.values.get("split.count", 0)
    if isinstance(split, int) and split > 1:
        raise ModelError(f"{path}: one part of {split}; join them with llama.cpp's `llama-gguf-split --merge`")
    for key, most in (("block_count", 2048), ("embedding_length", 1 << 17)):
        if not 0 < (head.number(key) or 0) <= most:
            # llama.cpp does not refuse such a file, it aborts the process.
            raise ModelError(f"{path}: the GGUF file cannot be used, its {key} is impossible; use another one")
    if "tokenizer.ggml.model" not in head.values:
        raise ModelError(f"{path}: the model brings no tokenizer; convert it again")


class _Reader:
    """Reads forward through a file of known size, and never past it."""

    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self._file, self._path, self._size, self._at = file, path, size, 0

    def head(self) -> Head:
        if self._size < 4 or self._take(4) != b"GGUF":
            raise ModelError(f"{self._path}: not a GGUF file; name a model in llama.cpp's GGUF format")
        version = self._number("I")
        if version not in (2, 3):
            raise self._damaged(f"version {version} of the format is not supported")
        tensors, entries = self._count("tensors"), self._count("metadata entries")
        values: dict[str, Value] = {}
        for _ in range(entries):
            key, value = self._text(LONGEST_NAME * 1024), self._value(self._number("I"))
            if key in values:
                raise self._damaged("a metadata key stands twice")
            if value is not None:
                values[key] = value
        self._tensors(tensors, values)
        return Head(version, tensors, self._size, values)

    # -- metadata ------------------------------------------------------------------------------------------------------
    def _value(self, kind: int) -> Value | None:
        if kind == _TEXT:
            return self._text(LONGEST_TEXT)
        if kind == _ARRAY:
            return self._array()
        return self._scalar(kind)

    def _scalar(self, kind: int) -> Value:
        if kind not in _SCALARS:
            raise self._damaged("a metadata value has an unknown type")
        letter = "B" if kind == _BOOLEAN else _SCALARS[kind]
        number = struct.unpack(f"<{letter}", self._take(struct.calcsize(letter)))[0]
        return bool(number) if kind == _BOOLEAN else number

    def _array(self) -> Value | None:
        kind, count = self._number("I"), self._number("Q")
        if count > LONGEST_ARRAY:
            raise self._damaged("a metadata array is too long")
        if kind == _TEXT:
            for _ in range(count):
                self._skip(self._number("Q"))
            return None
        if kind not in _SCALARS:
            raise self._damaged("a metadata array holds an unknown type")
        first = self._scalar(kind) if count else None
        self._skip(max(0, count - 1) * struct.calcsize(_SCALARS[kind]))
        return first

    # -- tensors -------------------------------------------------------------------------------------------------------
    def _tensors(self, count: int, values: Mapping[str, Value]) -> None:
        if count == 0:
            raise self._damaged("it holds no weights")
        names, end = set(), 0
        alignment = values.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 1 <= alignment <= 65_536 or alignment & (alignment - 1):
            raise self._damaged("its alignment is no power of two")
        for _ in range(count):
            name, length, offset = self._tensor()
            if name in names or offset % alignment:
                raise self._damaged("its tensor table does not add up")
            names.add(name)
            end = max(end, offset + length)
        start = -(-self._at // alignment) * alignment
        if start + end > self._size:
            missing = start + end - self._size
            raise self._damaged(f"it is cut off: {missing:,} bytes are missing")

    def _tensor(self) -> tuple[str, int, int]:
        """Name, bytes and place of a tensor."""
        name = self._text(LONGEST_NAME)
        axes = self._number("I")
        if not 1 <= axes <= 4:
            raise self._damaged("a tensor has no or too many dimensions")
        shape = [self._number("Q") for _ in range(axes)]
        kind, offset = self._number("I"), self._number("Q")
        if kind not in TENSOR_TYPES:
            raise self._damaged(f"tensor type {kind} is unknown; use a usual quantisation such as Q4_K_M")
        block, size = TENSOR_TYPES[kind]
        weights = 1
        for length in shape:
            weights *= length
            if not 1 <= length <= 1 << 40 or weights > 1 << 48:
                raise self._damaged("a tensor has an impossible shape")
        if shape[0] % block:
            raise self._damaged("a tensor's rows are no whole blocks")
        return name, weights // block * size, offset

    # -- bytes ---------------------------------------------------------------------------------------------------------
    def _count(self, what: str) -> int:
        count = self._number("Q")
        if count > MOST_ENTRIES:
            raise self._damaged(f"it claims more than {MOST_ENTRIES:,} {what}")
        return count

    def _number(self, letter: str) -> int:
        return int(struct.unpack(f"<{letter}", self._take(struct.calcsize(f"<{letter}")))[0])

    def _text(self, longest: int) -> str:
        length = self._number("Q")
        if length > longest:
            raise self._damaged("a text in its head is too long")
        return self._take(length).decode("utf-8", errors="replace")

    def _take(self, length: int) -> bytes:
        self._advance(length)
        taken = self._file.read(length)
        if len(taken) != length:
            raise self._damaged("it is cut off within its head")
        return taken

    def _skip(self, length: int) -> None:
        self._advance(length)
        self._file.seek(length, 1)

    def _advance(self, length: int) -> None:
        self._at += length
        if self._at > self._size:
            raise self._damaged("it is cut off within its head")
        if self._at > LARGEST_HEAD:
            raise self._damaged("its head is larger than any model's")

    def _damaged(self, what: str) -> ModelError:
        return ModelError(f"{self._path}: the GGUF file cannot be used, {what}; copy or download it again")

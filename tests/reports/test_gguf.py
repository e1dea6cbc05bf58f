"""GGUF files that somebody brought: read without trust, refused in one line."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.errors import ModelError
from reports.narrator.engines import default_model_path
from reports.narrator.gguf import TENSOR_TYPES, read_head
from tests.reports.gguf_files import ARRAY, TEXT, U32, WEIGHTS, gguf, text

BROKEN = {
    "empty": b"",
    "text": b"not a model" * 500,
    "magic_only": b"GGUF",
    "big_endian": b"GGUF\0\0\0\x03" + bytes(100),
    "first_version": gguf(version=1),
    "future_version": gguf(version=9),
    "many_entries": gguf(counts=(1, 1 << 60)),
    "many_tensors": gguf(counts=(1 << 60, 11)),
    "more_entries_than_there_are": gguf(counts=(2, 400)),
    "long_text": b"GGUF\x03\0\0\0" + (1).to_bytes(8, "little") * 2 + (1 << 62).to_bytes(8, "little"),
    "long_array": gguf({"tokenizer.ggml.tokens": None}, counts=(2, 11))[:-600]
    + text("x")
    + b"\x09\0\0\0"
    + b"\xff" * 12,
    "unknown_value": gguf({"x": (U32, 1)}).replace(text("x") + b"\x04\0\0\0", text("x") + b"\x63\0\0\0"),
    "no_weights": gguf(tensors=()),
    "cut_off": gguf()[:-200],
    "unknown_tensor": gguf(tensors=(("w", (32,), 99, 0),)),
    "flat_tensor": gguf(tensors=(("w", (), 0, 0),)),
    "deep_tensor": gguf(tensors=(("w", (1, 1, 1, 1, 1), 0, 0),)),
    "huge_tensor": gguf(tensors=(("w", (1 << 40, 1 << 40), 0, 0),)),
    "zero_tensor": gguf(tensors=(("w", (32, 0), 0, 0),)),
    "half_block": gguf(tensors=(("w", (31,), 2, 0),)),
    "far_offset": gguf(tensors=(("w", (32,), 0, 1 << 62),)),
    "odd_offset": gguf(tensors=(("w", (32,), 0, 3),)),
    "same_name": gguf(tensors=(*WEIGHTS, WEIGHTS[0])),
    "odd_alignment": gguf({"general.alignment": (U32, 33)}),
    "adapter": gguf({"general.type": (TEXT, "adapter")}),
    "projector": gguf({"general.architecture": (TEXT, "clip")}),
    "one_part": gguf({"split.count": (U32, 3)}),
    "no_layers": gguf({"llama.block_count": (U32, 0)}),
    "layers_without_end": gguf({"llama.block_count": (U32, 0xFFFFFFFF)}),
    "no_width": gguf({"llama.embedding_length": None}),
    "no_tokenizer": gguf({"tokenizer.ggml.model": None}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.gguf"
    path.write_bytes(BROKEN[name])
    with pytest.raises(ModelError) as caught:
        read_head(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.gguf"):
        with pytest.raises(ModelError):
            read_head(path)


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 700), byte=st.integers(0, 255), length=st.integers(0, 1500))
def test_no_change_of_a_file_gets_past_with_anything_but_a_model_error(
    at: int, byte: int, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(gguf())
    content[min(at, len(content) - 1)] = byte
    path = tmp_path_factory.mktemp("models") / "changed.gguf"
    path.write_bytes(bytes(content[:length]))
    try:
        assert read_head(path).bytes == min(length, len(content))
    except ModelError as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said


def test_a_sound_head_tells_what_a_token_of_context_takes(tmp_path: Path) -> None:
    path = tmp_path / "sound.gguf"
    path.write_bytes(gguf())
    head = read_head(path)
    assert (head.version, head.tensors, head.architecture) == (3, 2, "llama")
    # 2 layers, 2 key-value heads, 32 / 4 wide, keys and values, two bytes each
    assert head.cell_bytes == 2 * 2 * 8 * 2 * 2
    path.write_bytes(gguf({"llama.attention.key_length": (U32, 16), "llama.attention.value_length": (U32, 16)}))
    assert read_head(path).cell_bytes == 2 * 2 * 16 * 2 * 2
    path.write_bytes(gguf({"llama.attention.head_count": (ARRAY, ["2"])}))
    assert read_head(path).cell_bytes is None


def test_the_default_model_is_sound() -> None:
    path = default_model_path()
    if path is None:
        pytest.skip("the default model is not installed")
    head = read_head(path)
    assert (head.architecture, head.tensors, head.cell_bytes) == ("llama", 272, 23_040)


def test_the_table_of_tensor_types_is_that_of_llama_cpp() -> None:
    import llama_cpp

    library = next((Path(llama_cpp.__file__).parent / "lib").glob("libggml-base.*"))
    ggml = ctypes.CDLL(str(library))
    ggml.ggml_blck_size.restype, ggml.ggml_type_size.restype = ctypes.c_int64, ctypes.c_size_t
    assert {kind: (ggml.ggml_blck_size(kind), ggml.ggml_type_size(kind)) for kind in TENSOR_TYPES} == dict(TENSOR_TYPES)

"""Parts of the work as files: arrays of NumPy with a little JSON beside them, never a pickle.

What is written is there whole or not at all, so that a partition that is computed twice leaves one answer.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from analyzers.results import Flag
from analyzers.series.assets import AssetOutcome, Charted
from analyzers.series.samples import Samples

_ARRAY = "array"
_REST = "rest"


class _Rest(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="constants")


class _SamplesRest(_Rest):
    asset: str
    measures: tuple[str, ...]
    state_names: tuple[str, ...]
    first_batch: int
    interval: float
    other_units: dict[str, str]


class _OutcomeRest(_Rest):
    flags: tuple[Flag, ...]
    quality: dict[str, int]
    stopped: int
    transient: int
    unknown: int
    comparable: int
    charted: Charted | None


_KINDS: dict[str, tuple[type[Any], type[_Rest]]] = {
    "samples": (Samples, _SamplesRest),
    "outcome": (AssetOutcome, _OutcomeRest),
}
"""By the ending of their files: what it is, and what of it is no array."""


def write_part(folder: Path, name: str, part: Any) -> None:
    """Keep a part under a name: an array, an asset's samples, or what came of it."""
    for ending, (kind, rest) in _KINDS.items():
        if isinstance(part, kind):
            stated = {field: getattr(part, field) for field in rest.model_fields}
            arrays = {each.name: getattr(part, each.name) for each in fields(kind) if each.name not in stated}
            text = rest(**stated).model_dump_json().encode()
            _write(folder / f"{name}.{ending}", {**arrays, _REST: np.frombuffer(text, dtype=np.uint8)})
            return
    _write(folder / f"{name}.{_ARRAY}", np.asarray(part))


def read_part(folder: Path, name: str) -> Any:
    """The part of this name; OSError where there is none."""
    for ending, (kind, rest) in _KINDS.items():
        path = folder / f"{name}.{ending}"
        if path.exists():
            with np.load(path, allow_pickle=False) as found:
                arrays = {key: found[key] for key in found.files}
            stated = rest.model_validate_json(arrays.pop(_REST).tobytes())
            return kind(**arrays, **{key: getattr(stated, key) for key in rest.model_fields})
    return np.load(folder / f"{name}.{_ARRAY}", mmap_mode="r", allow_pickle=False)


def _write(path: Path, content: NDArray[Any] | dict[str, NDArray[Any]]) -> None:
    passing = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if isinstance(content, dict):
            np.savez(file, **content)  # type: ignore[arg-type]
        else:
            np.save(file, content, allow_pickle=False)
    passing.replace(path)

"""The catalogue: a model for each class of memory, with what is known of it and from where."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import resources
from typing import Annotated
from urllib.parse import urlsplit

import yaml
from pydantic import Field, TypeAdapter, field_validator, model_validator

from analyzers.errors import UsageError
from analyzers.results import Frozen

WORKING_BYTES = 300_000_000
"""What llama.cpp takes beside weights and context: buffers, logits, the vocabulary (measured at 8,192 tokens)."""
FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,150}\.gguf$"
"""Names of files in `models/`: nothing in them needs quoting anywhere."""


class CatalogueModel(Frozen):
    """One model of the catalogue."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,40}$")]
    title: str
    class_gb: float = Field(gt=0)
    """Class of memory in gigabytes: the file and a context of 2,048 tokens stay below it."""
    file: Annotated[str, Field(pattern=FILE_NAME)]
    parameters: str
    quantisation: str
    size: int = Field(gt=0)
    """Bytes of the file."""
    exact: bool = False
    """Whether `size` is exact; otherwise it is right to the percent."""
    active: float = Field(1.0, gt=0, le=1)
    """Share of the weights that one token reads."""
    layers: int = Field(gt=0)
    kv_heads: int = Field(gt=0)
    head_width: int = Field(gt=0)
    languages: tuple[str, ...]
    licence: str
    address: str | None
    """Where the file is; null where it comes in a package."""
    get: str | None = None
    """How to get it where there is no address."""
    sources: tuple[str, ...] = Field(min_length=1)
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$")] = None
    """Of the file, where it was seen; null where its hash must be confirmed by whoever adds it."""

    @field_validator("address")
    @classmethod
    def _encrypted(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).scheme != "https" or not urlsplit(value).hostname):
            raise ValueError("must be an https address")
        return value

    @model_validator(mode="after")
    def _obtainable(self) -> CatalogueModel:
        if self.address is None and self.get is None:
            raise ValueError("needs an `address`, or words in `get`")
        if self.sha256 is not None and not self.exact:
            raise ValueError("a file whose hash is known has an exact size")
        return self

    @property
    def cell_bytes(self) -> int:
        """Bytes that one token of context takes: keys and values of all layers at 16 bits."""
        return 2 * 2 * self.layers * self.kv_heads * self.head_width

    @property
    def active_bytes(self) -> float:
        """Bytes of weights that one token reads."""
        return self.size * self.active

    def memory(self, tokens: int) -> int:
        """Bytes that it takes with a context of so many tokens."""
        return memory(self.size, self.cell_bytes, tokens)


def memory(size: int, cell_bytes: int, tokens: int) -> int:
    """Bytes that a model takes: its file, a context of so many tokens, and what llama.cpp works with."""
    return size + cell_bytes * tokens + WORKING_BYTES


@cache
def catalogue() -> tuple[CatalogueModel, ...]:
    """All models, the smallest first."""
    text = (resources.files("flows") / "model_store" / "catalogue.yaml").read_text(encoding="utf-8")
    models = TypeAdapter(tuple[CatalogueModel, ...]).validate_python(yaml.safe_load(text))
    return tuple(sorted(models, key=lambda model: model.size))


def find(name: str) -> CatalogueModel:
    """The model of this name; UsageError names the nearest where there is none."""
    names = [model.name for model in catalogue()]
    if name in names:
        return catalogue()[names.index(name)]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
    raise UsageError(f"no model {name[:80]!r} in the catalogue; {hint}")

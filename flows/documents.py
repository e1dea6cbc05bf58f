"""YAML files of the user's, read so that every error can name its line.

Anchors and aliases, duplicate keys, tags and anything over a megabyte are refused: these files are small, and
hostile ones should not get as far as a validator.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from analyzers.errors import MonitorError

Model = TypeVar("Model", bound=BaseModel)
KeyPath = tuple[str | int, ...]

_LARGEST_BYTES = 1_000_000
_DEEPEST = 20
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Document:
    """A YAML mapping as plain values, with the line of every key."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def where(self, keys: KeyPath) -> str:
        """`file:line` of the deepest part of a key path that stands in the file."""
        for length in range(len(keys), -1, -1):
            if (line := self.lines.get(keys[:length])) is not None:
                return f"{self.path}:{line}"
        return str(self.path)


def read_document(path: Path) -> Document:
    """Read a YAML mapping. `${NAME}` in a text value is replaced by the environment's variable of that name."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise MonitorError(f"{path}: larger than 1 MB; a settings file is a page of text")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MonitorError(f"{path}: no such file; `sereno init` makes a workspace") from None
    except (OSError, UnicodeDecodeError) as error:
        raise MonitorError(f"{path}: cannot be read as UTF-8 text ({_reason(error)}); check the file") from None
    return parse_document(text, path)


def parse_document(text: str, path: Path) -> Document:
    """Like `read_document`, for text that is at hand; `path` is what errors name."""
    lines: dict[KeyPath, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = {} if node is None else _value(node, (), lines, path, set())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "not valid YAML"
        raise MonitorError(f"{path}{line}: {what}; check indentation, quotes and colons") from None
    except RecursionError:
        raise MonitorError(f"{path}: nested too deeply; a settings file has a few levels") from None
    if not isinstance(data, dict):
        raise MonitorError(f"{path}: expected `key: value` lines at the top level; the examples in monitors/ show how")
    return Document(path, data, lines)


def validate(
    document: Document, model: type[Model], data: Mapping[str, Any] | None = None, under: KeyPath = ()
) -> Model:
    """The document, or the part of it under a key, as a `model`.

    A MonitorError names file, line, key and the nearest valid key.
    """
    try:
        return model.model_validate(document.data if data is None else data)
    except ValidationError as error:
        raise MonitorError(_first_message(error, document, model, under)) from None


def _first_message(error: ValidationError, document: Document, model: type[BaseModel], under: KeyPath) -> str:
    first = error.errors(include_url=False)[0]
    keys = (*under, *first["loc"])
    name = ".".join(str(part) for part in keys) or "file"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(keys[-1]), sorted(_keys_at(model, first["loc"][:-1])), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "the examples in monitors/ show the keys"
        return f"{document.where(keys)}: {name}: unknown key; {hint}{more}"
    if first["type"] == "missing":
        return f"{document.where(keys)}: {name}: missing; add this key{more}"
    return f"{document.where(keys)}: {name}: {_plain(first['msg'])}{more}"


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _keys_at(model: type[BaseModel], keys: KeyPath) -> Iterator[str]:
    """Valid keys of the model that a key path leads to; those of every model where the path is not plain."""
    current: type[BaseModel] | None = model
    for key in keys:
        annotation = current.model_fields[key].annotation if current and key in current.model_fields else None
        current = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    yield from (current or model).model_fields


def _value(node: yaml.Node, keys: KeyPath, lines: dict[KeyPath, int], path: Path, seen: set[int]) -> Any:
    lines.setdefault(keys, node.start_mark.line + 1)
    if id(node) in seen or len(keys) > _DEEPEST:
        raise MonitorError(
            f"{path}:{node.start_mark.line + 1}: anchors and deep nesting are not supported; write it out"
        )
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, keys, lines, path, seen)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*keys, index), lines, path, seen) for index, item in enumerate(node.value)]
    value = yaml.SafeLoader("").construct_object(node)
    return _expand(value, f"{path}:{node.start_mark.line + 1}") if isinstance(value, str) else value


def _mapping(
    node: yaml.MappingNode, keys: KeyPath, lines: dict[KeyPath, int], path: Path, seen: set[int]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise MonitorError(f"{path}:{line}: a key must be plain text")
        key = str(key_node.value)
        if key in result:
            raise MonitorError(f"{path}:{line}: {key}: this key stands twice; keep one of them")
        lines[(*keys, key)] = line
        result[key] = _value(value_node, (*keys, key), lines, path, seen)
    return result


def _expand(text: str, where: str) -> str:
    def replacement(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise MonitorError(f"{where}: the environment has no variable {match[1]}; set it, or write the value")
        return value

    return _VARIABLE.sub(replacement, text)


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "not UTF-8"

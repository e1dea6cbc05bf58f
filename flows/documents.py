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
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

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
    keys = _written_keys((*under, *first["loc"]), document, first["input"])
    name = ".".join(str(part) for part in keys) or "file"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{document.where(keys)}: {name}: {_said(dict(first), keys, model, len(under))}{more}"


def _written_keys(keys: KeyPath, document: Document, value: Any) -> KeyPath:
    """The path as the file has it: pydantic also names the kind of a union that a value was tried as."""
    written: KeyPath = ()
    for position, key in enumerate(keys):
        is_kind = isinstance(value, Mapping) and key in value.values()
        if (*written, key) in document.lines or (position == len(keys) - 1 and not is_kind):
            written = (*written, key)
    return written


def _said(first: dict[str, Any], keys: KeyPath, model: type[BaseModel], skip: int) -> str:
    """What is wrong with the last key, and what to write instead."""
    context = first.get("ctx", {})
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(keys[-1]), sorted(_keys_at(model, first["loc"][:-1])), n=1, cutoff=0.5)
        return f"unknown key; {_meant(near) or 'docs/configuration.md lists the keys'}"
    if first["type"] == "missing":
        return "missing; add this key"
    if first["type"] == "union_tag_not_found":
        return f"names no {context['discriminator']}; add this key"
    if first["type"] == "union_tag_invalid":
        near = difflib.get_close_matches(str(context["tag"]), _quoted(context["expected_tags"]), n=1)
        return (
            f"{str(context['tag'])[:40]!r} is no {context['discriminator']}: {_meant(near) or context['expected_tags']}"
        )
    message = _plain(first["msg"])
    if first["type"] in {"enum", "literal_error"} and isinstance(first["input"], str):
        near = difflib.get_close_matches(first["input"], _quoted(str(context.get("expected", ""))), n=1)
        return f"{message}; {_meant(near)}" if near else message
    return message


def _meant(near: list[str]) -> str:
    return f"did you mean {near[0]!r}?" if near else ""


def _quoted(listed: str) -> list[str]:
    return re.findall(r"'([^']*)'", listed)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _keys_at(model: type[BaseModel], keys: KeyPath) -> Iterator[str]:
    """Valid keys of the models that a key path leads to."""
    current: list[Any] = [model]
    for key in keys:
        current = [inner for annotation in current for inner in _below(annotation, key)] or current
    for annotation in current:
        for found in _models_of(annotation):
            yield from found.model_fields


def _below(annotation: Any, key: str | int) -> list[Any]:
    """What stands under a key: a field's type, or that of a mapping's values or a list's items."""
    found = [one.model_fields[key].annotation for one in _models_of(annotation) if key in one.model_fields]
    for container in _members(annotation):
        if get_origin(container) in {dict, list, tuple}:
            found.append(next(part for part in reversed(get_args(container)) if part is not Ellipsis))
    # The tag of a union leads to the one model that carries it.
    found += [
        one
        for one in _models_of(annotation)
        if any(get_args(field.annotation) == (key,) for field in one.model_fields.values())
    ]
    return found


def _members(annotation: Any) -> list[Any]:
    """An annotation without `Annotated`, a union as its members."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [member for part in get_args(annotation) for member in _members(part)]
    return [annotation]


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    return [one for one in _members(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]


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

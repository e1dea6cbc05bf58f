"""YAML files of the user's, read so that every error can name its line.

Anchors and aliases, duplicate keys, tags and anything over a megabyte are refused: these files are small, and
hostile ones should not get as far as a validator.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
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
_DEEPEST_INCLUDE = 5
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Document:
    """A YAML mapping as plain values, with the place of every key."""

    path: Path
    data: dict[str, Any]
    places: Mapping[KeyPath, str] = field(default_factory=dict)
    """`file:line` of every key path."""

    def where(self, keys: KeyPath) -> str:
        """`file:line` of the deepest part of a key path that stands in a file."""
        for length in range(len(keys), -1, -1):
            if (place := self.places.get(keys[:length])) is not None:
                return place
        return str(self.path)

    def part(self, key: str) -> Document:
        """The mapping under a key as a document of its own; empty where it is absent; MonitorError for others."""
        inner = self.data.get(key)
        if inner is None:
            return Document(self.path, {})
        if not isinstance(inner, dict):
            raise MonitorError(f"{self.where((key,))}: {key}: expected `key: value` lines under it")
        places = {keys[1:]: place for keys, place in self.places.items() if keys[:1] == (key,) and len(keys) > 1}
        return Document(self.path, inner, places)

    def without(self, *keys: str) -> Document:
        """The document without some of its top keys."""
        return replace(self, data={key: value for key, value in self.data.items() if key not in keys})

    def over(self, below: Document) -> Document:
        """This document laid over another: mappings are joined key by key, everything else is replaced."""
        places: dict[KeyPath, str] = {(): self.where(())}
        return replace(self, data=_joined(self, below, (), places), places=places)


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
    places: dict[KeyPath, str] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = {} if node is None else _value(node, (), places, path, set())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "not valid YAML"
        raise MonitorError(f"{path}{line}: {what}; check indentation, quotes and colons") from None
    except RecursionError:
        raise MonitorError(f"{path}: nested too deeply; a settings file has a few levels") from None
    if not isinstance(data, dict):
        raise MonitorError(f"{path}: expected `key: value` lines at the top level; the examples in monitors/ show how")
    return Document(path, data, places)


def read_with_includes(path: Path, *, within: Path) -> Document:
    """Like `read_document`, laid over the files that its key `include` names, of which a later one prevails.

    within : folder in which included files must lie; their paths start from it. Includes may include.
    """
    return _including(path, within.resolve(), ())


def _including(path: Path, within: Path, above: tuple[Path, ...]) -> Document:
    document = read_document(path)
    included = document.data.get("include")
    if included is None:
        return document
    where, listed = document.where(("include",)), [included] if isinstance(included, str) else included
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise MonitorError(f"{where}: include: name one file, or a list of files")
    below = Document(path, {})
    for name in listed:
        file = (within / name).resolve()
        if not file.is_relative_to(within):
            raise MonitorError(f"{where}: include: {name[:80]!r} lies outside the workspace; copy it there")
        if file in above or file == path.resolve() or len(above) >= _DEEPEST_INCLUDE:
            raise MonitorError(f"{where}: include: {name[:80]!r} includes this file again, or too many files")
        if not file.is_file():
            raise MonitorError(f"{where}: include: there is no file {str(file)!r}; paths start from the workspace")
        below = _including(file, within, (*above, path.resolve())).over(below)
    return document.without("include").over(below)


def _joined(upper: Document, below: Document, keys: KeyPath, places: dict[KeyPath, str]) -> dict[str, Any]:
    """The mappings under a key path joined; the place of each key that prevails goes into `places`."""
    over, under = (_at(document.data, keys) for document in (upper, below))
    result: dict[str, Any] = {}
    for key in dict.fromkeys([*under, *over]):
        path = (*keys, key)
        source = upper if key in over else below
        places[path] = source.where(path)
        if isinstance(over.get(key), dict) and isinstance(under.get(key), dict):
            result[key] = _joined(upper, below, path, places)
        else:
            result[key] = over[key] if key in over else under[key]
            places |= {other: place for other, place in source.places.items() if other[: len(path)] == path}
    return result


def _at(data: Any, keys: KeyPath) -> Any:
    for key in keys:
        data = data[key]
    return data


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
        if (*written, key) in document.places or (position == len(keys) - 1 and not is_kind):
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


def _value(node: yaml.Node, keys: KeyPath, places: dict[KeyPath, str], path: Path, seen: set[int]) -> Any:
    places.setdefault(keys, f"{path}:{node.start_mark.line + 1}")
    if id(node) in seen or len(keys) > _DEEPEST:
        raise MonitorError(
            f"{path}:{node.start_mark.line + 1}: anchors and deep nesting are not supported; write it out"
        )
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, keys, places, path, seen)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*keys, index), places, path, seen) for index, item in enumerate(node.value)]
    try:
        value = yaml.SafeLoader("").construct_object(node)
    except (ValueError, OverflowError):
        raise MonitorError(
            f"{path}:{node.start_mark.line + 1}: a value that cannot be read ({node.tag.rpartition(':')[2]}); "
            "put it in quotes if it is text"
        ) from None
    return _expand(value, f"{path}:{node.start_mark.line + 1}") if isinstance(value, str) else value


def _mapping(
    node: yaml.MappingNode, keys: KeyPath, places: dict[KeyPath, str], path: Path, seen: set[int]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise MonitorError(f"{path}:{line}: a key must be plain text")
        key = str(key_node.value)
        if key in result:
            raise MonitorError(f"{path}:{line}: {key}: this key stands twice; keep one of them")
        places[(*keys, key)] = f"{path}:{line}"
        result[key] = _value(value_node, (*keys, key), places, path, seen)
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

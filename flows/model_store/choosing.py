"""Putting a model to use: the one line of `sereno.yaml` that names it, everything else as the user wrote it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from analyzers.errors import UsageError
from flows.documents import parse_document
from flows.writing import write_whole


def use(settings: Path, model: str | None) -> None:
    """Name a model file in `sereno.yaml`, relative to the workspace; None goes back to the default.

    UsageError where the file is written in a way that a change of one line cannot keep.
    """
    text = settings.read_bytes().decode()
    changed = with_model(text, model)
    before, after = parse_document(text, settings).data, parse_document(changed, settings).data
    expected = {key: value for key, value in before.items() if key != "model"}
    if model is not None:
        expected["model"] = model
    if after != expected:
        raise UsageError(f"{settings}: written too unusually to be changed by a program; set `model: {model}` yourself")
    write_whole(settings, changed)


def with_model(text: str, model: str | None) -> str:
    """The text of `sereno.yaml` with its `model` set, or without it."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    ending = "\r\n" if "\r\n" in text else "\n"
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    found = next(((key, value) for key, value in pairs if key.value == "model"), None)
    if found is None:
        return text if model is None else _appended(text, f"model: {_plain(model)}{ending}", ending)
    key, value = found
    if model is not None:
        written = f" {_plain(model)}" if value.start_mark.index == value.end_mark.index else _plain(model)
        return text[: value.start_mark.index] + written + text[value.end_mark.index :]
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    end = text.find("\n", value.end_mark.index)
    return text[:start] + (text[end + 1 :] if end >= 0 else "")


def _appended(text: str, line: str, ending: str) -> str:
    """The text with a line more; an end mark of the document would have to stay last."""
    if re.search(r"^\.\.\.", text, re.MULTILINE):
        return text
    return text + ("" if not text or text.endswith("\n") else ending) + line


def _plain(model: str) -> str:
    """The value as YAML: bare where that is safe, else quoted."""
    bare = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9./_+-]*", model) and yaml.safe_load(f"x: {model}") == {"x": model}
    return model if bare else json.dumps(model)

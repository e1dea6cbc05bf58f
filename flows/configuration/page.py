"""docs/configuration.md, written from the models that validate what people write, so that it cannot be wrong.

python -m flows.configuration.page FILE [--check]
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from analyzers.settings import AnalysisSettings
from flows.monitors import Monitor, WorkspaceSettings

_HEAD = """\
# Configuration

Written by `make docs` from the models that validate these files: what stands here is what is accepted.

Two kinds of YAML files describe all: `sereno.yaml`, the workspace's settings, and one in `monitors/` for each dataset.
`sereno init` writes both, and `.schemas/` for editors; `sereno check` validates them and names file, line, key and the
nearest valid key. `${NAME}` in a text stands for the variable of that name in the environment; a `password` may also be
`${secret:name}`, a Secret block of Prefect, read when it is needed. Anchors, aliases and tags are refused.

- **Includes.** `include: [shared/erp.yaml]` in a monitor lays it over those files of the workspace: mappings are joined
  key by key, everything else is replaced by what stands nearer.
- **Defaults.** `defaults:` in `sereno.yaml` holds keys of a monitor that are valid for all that do not say otherwise.
"""
_STATED_ABOVE = {"AnalysisSettings": {"monitor", "timezone", "currency"}}
_UNBOUNDED = (annotated_types.Ge, annotated_types.Gt, annotated_types.Le, annotated_types.Lt)


def page() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD, *_file("`sereno.yaml`", WorkspaceSettings, set())]
    seen: set[type[BaseModel]] = set()
    parts += _file("`monitors/<name>.yaml`", Monitor, seen)
    parts += _section("`analysis`", AnalysisSettings, "####", "analysis.", seen)
    return "\n".join(parts).rstrip() + "\n"


def _file(title: str, model: type[BaseModel], seen: set[type[BaseModel]]) -> list[str]:
    return list(_section(title, model, "##", "", seen))


def _section(title: str, model: type[BaseModel], marks: str, prefix: str, seen: set[type[BaseModel]]) -> Iterator[str]:
    """A heading, what the model is, its keys, and a section for each model that one of them holds."""
    if model in seen:
        return
    seen.add(model)
    yield f"{marks} {title}\n\n{_sentence(model.__doc__)}\n"
    yield "| key | value | default | what it is |\n| --- | --- | --- | --- |"
    below: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        if name in _STATED_ABOVE.get(model.__name__, ()):
            continue
        found = list(_models(field.annotation))
        below += [(f"{prefix}{name}{_index(field.annotation)}", one) for one in found]
        yield f"| `{name}` | {_value(field)} | {_default(field)} | {_sentence(field.description)} |"
    yield ""
    for path, inner in below:
        kind = inner.model_fields.get("kind")
        tag = f", `kind: {get_args(kind.annotation)[0]}`" if kind and len(below) > 1 else ""
        yield from _section(f"`{path}`{tag}", inner, "###", f"{path}.", seen)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _index(annotation: Any) -> str:
    """How a key's path goes on to a model that it holds many of."""
    for part in (annotation, *get_args(annotation)):
        if get_origin(part) is dict:
            return ".<name>"
        if get_origin(part) in {tuple, list}:
            return "[]"
    return ""


def _value(field: FieldInfo) -> str:
    limits = [_limit(one) for one in field.metadata if isinstance(one, _UNBOUNDED)]
    return ", ".join([_type(field.annotation), *limits])


def _limit(bound: Any) -> str:
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    name = type(bound).__name__.lower()
    return f"{signs[name]} {getattr(bound, name)}"


def _type(annotation: Any) -> str:
    """An annotation in words."""
    origin, inside = get_origin(annotation), [part for part in get_args(annotation) if part is not Ellipsis]
    if origin is Annotated:
        limits = [_limit(one) for one in _flat(inside[1:]) if isinstance(one, _UNBOUNDED)]
        return ", ".join([_type(inside[0]), *limits])
    if origin in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(_type(part) for part in inside if part is not type(None)))
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in inside)
    if origin in {tuple, list}:
        many = "list of " if Ellipsis in get_args(annotation) or origin is list else f"{len(inside)} x "
        return many + _type(inside[0])
    if origin is dict:
        return f"mapping of {_type(inside[0])} to {_type(inside[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping, see below"
    names = {"str": "text", "int": "whole number", "float": "number", "Decimal": "amount", "bool": "true or false",
             "Any": "anything", "date": "date", "SecretStr": "credential"}  # fmt: skip
    return names.get(getattr(annotation, "__name__", ""), str(annotation))


def _flat(metadata: list[Any]) -> Iterator[Any]:
    for one in metadata:
        if isinstance(one, FieldInfo):
            yield from one.metadata
        else:
            yield one


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**must be stated**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined or value in ((), {}, []):
        return ""
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, SecretStr):
        return ""
    if isinstance(value, tuple):
        return "`" + json.dumps([str(one) if not isinstance(one, int | float) else one for one in value]) + "`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _sentence(text: str | None) -> str:
    return " ".join((text or "").replace("|", "\\|").split())


def main(path: Path, *, check: bool) -> int:
    """Write the page, or say whether it is up to date; an exit status."""
    wanted = page()
    if check:
        same = path.is_file() and path.read_text(encoding="utf-8") == wanted
        if not same:
            print(f"{path}: the settings have changed: run make docs", file=sys.stderr)
        return int(not same)
    path.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), check="--check" in sys.argv[2:]))

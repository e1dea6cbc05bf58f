"""The workspace's own look and wording: `report:` in `sereno.yaml`, and what stands in its `report/` folder.

`report/texts.<lang>.yaml` replaces wording, with the keys of `reports/locales/page.<lang>.yaml` and `types:`;
`report/templates/` replaces templates, by the names they have in `reports/templates/`. Every mistake is found when the
workspace is opened for a run, not while the report is written at night.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from pydantic import ValidationError

from analyzers.errors import MonitorError
from flows.documents import Document, KeyPath, read_document
from flows.workspace import Workspace
from reports.contents import Lang
from reports.house_style import HouseStyle, Logo, Templates
from reports.phrases import shipped_texts, shipped_types
from reports.templating import environment, template_names

_LARGEST_LOGO = 200_000
_LARGEST_TEMPLATE = 200_000


def read_style(workspace: Workspace) -> HouseStyle:
    """The overrides of a workspace; MonitorError names file, line and key of what cannot be used."""
    settings = workspace.settings
    folder = workspace.folder / "report"
    texts, types = _read_texts(folder / f"texts.{settings.language}.yaml", settings.language)
    logo = _read_logo(workspace.folder / settings.report.logo) if settings.report.logo else None
    try:
        return HouseStyle(
            logo=logo,
            accent=settings.report.accent,
            texts=texts,
            types=types,
            templates=_read_templates(folder / "templates"),
        )
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise MonitorError(f"{workspace.folder / 'sereno.yaml'}: report.accent: {message}") from None


def _read_logo(path: Path) -> Logo:
    try:
        if path.stat().st_size > _LARGEST_LOGO:
            raise MonitorError(f"{path}: a logo of at most {_LARGEST_LOGO // 1000} kB, please; make it smaller")
        content = path.read_bytes()
    except OSError as error:
        raise MonitorError(f"{path}: the logo cannot be read ({error.strerror}); check `report.logo`") from None
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Logo(media_type="image/png", content=content)
    if content.startswith(b"\xff\xd8\xff"):
        return Logo(media_type="image/jpeg", content=content)
    if b"<svg" in content[:2_000]:
        return Logo(media_type="image/svg+xml", content=content)
    raise MonitorError(f"{path}: neither PNG nor JPEG nor SVG; save the logo as one of them")


def _read_texts(path: Path, lang: Lang) -> tuple[dict[str, str | dict[str, str]], dict[str, str]]:
    if not path.exists():
        return {}, {}
    document = read_document(path)
    texts: dict[str, str | dict[str, str]] = {}
    types: dict[str, str] = {}
    for keys, value in _leaves(document.data, ()):
        if keys[0] == "types":
            types[_known_type(document, keys, lang)] = str(value)
        else:
            _check_text(document, keys, value, lang)
            _put(texts, keys, str(value))
    return texts, types


def _leaves(value: Any, keys: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*keys, key))
    else:
        yield keys, value


def _known_type(document: Document, keys: KeyPath, lang: Lang) -> str:
    types = shipped_types(lang)
    name = ".".join(str(key) for key in keys[1:])
    if name not in types:
        raise MonitorError(f"{document.where(keys)}: types.{name}: no such finding type{_nearest(name, list(types))}")
    return name


def _check_text(document: Document, keys: KeyPath, value: Any, lang: Lang) -> None:
    """The key must exist, and the new text may name only what the shipped one names."""
    name = ".".join(str(key) for key in keys)
    shipped = shipped_texts(lang)
    if name not in shipped:
        raise MonitorError(f"{document.where(keys)}: {name}: no such text{_nearest(name, list(shipped))}")
    if not isinstance(value, str):
        raise MonitorError(f"{document.where(keys)}: {name}: write a text in quotes")
    try:
        unknown = _placeholders(value) - _placeholders(shipped[name])
    except ValueError:
        raise MonitorError(f"{document.where(keys)}: {name}: a brace is not closed; write {{{{ for a brace") from None
    if unknown:
        given = ", ".join(f"{{{each}}}" for each in sorted(_placeholders(shipped[name]))) or "none"
        raise MonitorError(f"{document.where(keys)}: {name}: unknown {{{min(unknown)}}}; this text may name: {given}")


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else "; the shipped files in reports/locales show the keys"


def _put(texts: dict[str, str | dict[str, str]], keys: KeyPath, value: str) -> None:
    """Plural forms belong to one entry, every other text is its own."""
    if keys[-1] in {"one", "other"}:
        entry = texts.setdefault(".".join(str(key) for key in keys[:-1]), {})
        if isinstance(entry, dict):
            entry[str(keys[-1])] = value
    else:
        texts[".".join(str(key) for key in keys)] = value


def _read_templates(folder: Path) -> Templates:
    found = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_dir():
            continue
        name = path.relative_to(folder).as_posix()
        if name not in template_names():
            raise MonitorError(f"{path}: no such template{_nearest(name, list(template_names()))}")
        found.append((name, _read_template(path, name)))
    return tuple(found)


def _read_template(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > _LARGEST_TEMPLATE:
            raise MonitorError(f"{path}: larger than {_LARGEST_TEMPLATE // 1000} kB; a template is a page of text")
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise MonitorError(f"{path}: cannot be read as UTF-8 text; check the file") from None
    try:
        environment(markup=not name.endswith(".txt")).parse(source)
    except jinja2.TemplateSyntaxError as error:
        raise MonitorError(f"{path}:{error.lineno}: {error.message}; mend the template or remove the file") from None
    return source

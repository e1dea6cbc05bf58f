"""The fixed texts of a language: finding types, sentences of checks, and what narratives say around clauses."""

from __future__ import annotations

import string
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from analyzers.results import Check, FactKind
from reports.contents import Lang
from reports.phrases import Phrases
from reports.yaml_loader import load_yaml


class Texts(Mapping[str, Any]):
    """The texts of one language by section, as `locales/<lang>.yaml` holds them."""

    def __init__(self, lang: Lang, content: Mapping[str, Any]) -> None:
        self.lang = lang
        self._content = content

    def __getitem__(self, section: str) -> Any:
        return self._content[section]

    def __iter__(self) -> Any:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def type_title(self, finding_type: str) -> str:
        """Name of a finding type; one that nobody named is spelt out."""
        return str(self._content["types"].get(finding_type) or finding_type.replace("_", " ").capitalize())

    def check(self, check: Check, lang: Lang | None = None) -> str:
        """What a check says, its values printed in this language, or in another that is asked for.

        Raises KeyError for a code without a sentence, or a sentence that names a value which the check lacks.
        """
        if lang is not None and lang != self.lang:
            return texts(lang).check(check)
        return _Sentence(self.lang).vformat(str(self._content["checks"][check.code]), (), check.values)

    def narrative(self, *keys: str, **values: str) -> str:
        """A text of the narratives, filled with texts."""
        entry: Any = self._content["narrative"]
        for key in keys:
            entry = entry[key]
        return str(entry).format(**values)

    def evidence(self, kind: FactKind) -> str:
        """The noun phrase for a kind of fact."""
        return str(self._content["evidence"][kind.value])


class _Sentence(string.Formatter):
    """Fills `{name}` with values; bare numbers are written the way the language does, `{name:total}` to the cent."""

    def __init__(self, lang: Lang) -> None:
        self._phrases = Phrases(lang)

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "total" and isinstance(value, float):
            return self._phrases.number(value, 2)
        if format_spec not in ("", "total") or isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return str(super().format_field(value, format_spec.removeprefix("total")))
        return self._phrases.number(value)


@cache
def texts(lang: Lang) -> Texts:
    """The texts of a language."""
    file = resources.files("reports") / "locales" / f"{lang}.yaml"
    return Texts(lang, load_yaml(file.read_text(encoding="utf-8")))

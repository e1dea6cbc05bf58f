"""Both languages say the same things, and everything that the analyzers can name has its words."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest

from analyzers.finding_types import FindingType
from analyzers.results import Check, CheckStatus, FactKind
from reports.locale import texts
from reports.playbook import builtin_playbooks

ROOT = Path(__file__).parents[2]
FILES = [
    file
    for part in ("analyzers", "flows")
    for file in (ROOT / part).rglob("*.py")
    if "demo" not in file.relative_to(ROOT).parts
]
SOURCES = [file.read_text(encoding="utf-8") for file in FILES]
CODE = re.compile(r'(?:code=|Skip\(|_nothing\(material, |_skipped\("\w+", |CheckStatus\.\w+, )"([a-z_]+)"')


def keys(entry: Any, prefix: str = "") -> set[str]:
    if not isinstance(entry, dict):
        return {prefix}
    return {key for name, value in entry.items() for key in keys(value, f"{prefix}.{name}")}


def named(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_languages_have_the_same_keys_and_values() -> None:
    english, spanish = texts("en"), texts("es")
    assert keys(dict(english)) == keys(dict(spanish))
    for code, sentence in english["checks"].items():
        assert named(sentence) == named(spanish["checks"][code]), code


def test_every_code_of_a_check_has_a_sentence() -> None:
    codes = {code for source in SOURCES for code in CODE.findall(source)}
    assert len(codes) > 40
    assert codes <= set(texts("en")["checks"])


def test_every_type_has_a_title_and_a_playbook() -> None:
    types = {name for source in SOURCES for name in re.findall(r'\btype="([a-z_]+)"', source)}
    types |= {name for source in SOURCES for name in re.findall(r'(?:_flag|_Fault)\(\s*"([a-z_]+)"', source)}
    types |= {entry.value for entry in FindingType}
    assert len(types) >= 15
    assert types <= set(texts("en")["types"])
    assert set(texts("en")["types"]) <= set(builtin_playbooks())


def test_every_kind_of_fact_has_a_noun_phrase() -> None:
    assert set(texts("en")["evidence"]) == {kind.value for kind in FactKind}


def test_a_check_is_told_in_numbers_of_its_language() -> None:
    check = Check(
        name="benford", status=CheckStatus.SKIPPED, code="benford_too_few", values={"count": 74, "needed": 3000}
    )
    assert texts("en").check(check) == "Skipped: 74 amounts, needs 3,000."
    assert texts("es").check(check) == "Omitida: 74 importes, se necesitan 3.000."
    assert texts("en").check(check, "es") == texts("es").check(check)


def test_an_unknown_code_is_an_error() -> None:
    with pytest.raises(KeyError):
        texts("en").check(Check(name="x", status=CheckStatus.DONE, code="no_such_code"))

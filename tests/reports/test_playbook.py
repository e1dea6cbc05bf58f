"""Playbooks are sound, and errors in them name file and line."""

from __future__ import annotations

import pytest

from analyzers.errors import MonitorError
from analyzers.results import Direction, FactKind, Family
from reports.playbook import builtin_playbooks, parse_playbook, playbook_for
from tests.reports.sample_facts import example, finding

GOOD = """
causes:
  - {id: one, hint: first cause, en: it was so, es: fuera así, supports: [{fact: duplicate}]}
  - id: two
    hint: second cause
    en: it was otherwise
    es: fuera de otro modo
    contradicts: [{fact: own_history, direction: above}]
steps:
  - {id: look, hint: look at it, en: look at it, es: mírelo}
  - {id: ask, hint: ask someone, en: ask someone, es: pregunte a alguien}
"""


def test_every_family_has_a_fallback() -> None:
    for family in Family:
        unknown = finding(example(FactKind.DUPLICATE), kind="never_heard_of", family=family)
        assert playbook_for(unknown) is builtin_playbooks()[f"family_{family.value}"]


def test_a_monitors_own_playbook_comes_first() -> None:
    own = parse_playbook(GOOD, "own.yaml")
    assert playbook_for(finding(kind="benford"), {"benford": own}) is own
    assert playbook_for(finding(kind="endings"), {"benford": own}) is builtin_playbooks()["endings"]


def test_contradicted_causes_are_closed_and_supported_ones_preferred() -> None:
    book = parse_playbook(GOOD, "own.yaml")
    above = example(FactKind.OWN_HISTORY)
    below = above.model_copy(update={"direction": Direction.BELOW})
    assert [cause.id for cause in book.open_causes([above])] == ["one"]
    assert [cause.id for cause in book.open_causes([below])] == ["one", "two"]
    assert [cause.id for cause in book.open_causes([example(FactKind.DUPLICATE), below])] == ["one"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("en: it was otherwise", "en: it happened 2 times", "own.yaml:6"),
        ("es: mírelo", "es: mírelo.", "own.yaml:10"),
        ("    es: fuera de otro modo\n", "", "own.yaml:4"),
        ("fact: own_history", "fact: own_histori", "own.yaml:8"),
        ("hint: second cause", "hint: second cause\n    extra: 1", "own.yaml:6"),
        ("id: two", "id: one", "own.yaml"),
        ("supports: [{fact: duplicate}]", "contradicts: [{fact: duplicate}]", "own.yaml"),
        ("causes:", "causes: [", "own.yaml:"),
        ("causes:", "causes: &a", "own.yaml"),
    ],
)
def test_errors_name_file_and_line(old: str, new: str, line: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new) + ("other: *a\n" if "&a" in new else "")
    with pytest.raises(MonitorError) as caught:
        parse_playbook(text, "own.yaml")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "causes: !!python/object:os.system {}", "a: " + "x" * 200_000, "[" * 5000])
def test_what_is_no_playbook_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(MonitorError):
        parse_playbook(text, "own.yaml")

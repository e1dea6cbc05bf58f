"""YAML of the user's: every error names the line, hostile files get nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from analyzers.errors import MonitorError
from flows.documents import Document, parse_document, read_document, validate

HERE = Path("some.yaml")


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    budget: int = 20


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    inner: Inner = Inner()


def document(text: str) -> Document:
    return parse_document(text, HERE)


def test_values_and_lines_are_read() -> None:
    read = document("title: T\ninner:\n  budget: 3\n")
    assert validate(read, Outer) == Outer(title="T", inner=Inner(budget=3))
    assert read.where(("inner", "budget")) == "some.yaml:3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title: T\ninner:\n  bugdet: 3\n", "some.yaml:3: inner.bugdet: unknown key; did you mean 'budget'?"),
        ("titel: T\n", "some.yaml:1: title: missing; add this key (and 1 more)"),
        ("title: T\ninner:\n  budget: many\n", "some.yaml:3: inner.budget: Input should be a valid integer"),
        ("title: T\ntitle: U\n", "some.yaml:2: title: this key stands twice; keep one of them"),
        ("title: [1, 2\n", "some.yaml:2:"),
        ("a: &x 1\nb: *x\n", "some.yaml:1: anchors and deep nesting are not supported"),
        ("- a\n- b\n", "some.yaml: expected `key: value` lines"),
        ("title: !!python/object/apply:os.system ['true']\n", "some.yaml:1:"),
        ("? [a, b]\n: 1\n", "some.yaml:1: a key must be plain text"),
        ("a: " + "[" * 3000, "some.yaml"),
        ("title: ${SERENO_TEST_MISSING}\n", "some.yaml:1: the environment has no variable SERENO_TEST_MISSING"),
    ],
)
def test_an_error_is_one_line_with_its_place(text: str, expected: str) -> None:
    with pytest.raises(MonitorError) as caught:
        validate(document(text), Outer)
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_variables_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERENO_TEST_VALUE", "from outside")
    assert document("title: a ${SERENO_TEST_VALUE}\n").data == {"title": "a from outside"}


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(MonitorError, match="cannot be read as UTF-8 text"):
        read_document(path)
    with pytest.raises(MonitorError, match="no such file"):
        read_document(tmp_path / "missing.yaml")
    path.write_bytes(b"a: b\n" * 250_000)
    with pytest.raises(MonitorError, match="larger than 1 MB"):
        read_document(path)

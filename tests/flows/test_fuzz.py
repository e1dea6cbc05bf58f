"""Whatever is thrown at readers, monitor loader and grounding check: an answer or one clear error, nothing else."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.exceptions import PanicException

from analyzers.errors import MonitorError, SourceError, UserError
from analyzers.results import FactKind
from flows.cli import status
from flows.documents import parse_document, validate
from flows.monitors import Monitor, WorkspaceSettings, load_monitor
from flows.sources.files import read_files
from reports.contents import Claim, Lang
from reports.grounding import failures
from tests.flows.conftest import payments
from tests.reports.sample_facts import example, finding

ALL = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KEYS = [
    *Monitor.model_fields,
    *WorkspaceSettings.model_fields,
    "role",
    "field",
    "files",
    "database",
    "host",
    "where",
    "rules",
]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(KEYS)
NAMES = st.sampled_from(KEYS) | st.text(max_size=6)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
SOUND: dict[str, Any] = {
    "title": "T",
    "records": {"files": "data/*.csv"},
    "columns": {"payment": "key", "paid_at": "time", "amount": "exposure"},
}


def typed_file() -> bytes:
    written = io.BytesIO()
    payments().write_parquet(written)
    return written.getvalue()


TYPED = typed_file()


def one_line(error: UserError) -> None:
    assert str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 2_000


@ALL
@given(st.text(max_size=400))
def test_any_text_is_a_document_or_one_error(text: str) -> None:
    try:
        validate(parse_document(text, Path("x.yaml")), WorkspaceSettings)
    except MonitorError as error:
        one_line(error)


@ALL
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_any_settings_are_taken_or_one_error(said: dict[str, Any]) -> None:
    try:
        validate(parse_document(yaml.safe_dump(said, allow_unicode=True), Path("x.yaml")), WorkspaceSettings)
    except MonitorError as error:
        one_line(error)


@ALL
@given(st.dictionaries(st.sampled_from(list(Monitor.model_fields)), VALUES, max_size=3))
def test_any_change_of_a_monitor_is_taken_or_one_error(tmp_path: Path, said: dict[str, Any]) -> None:
    path = tmp_path / "monitors" / "p.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({**SOUND, **said}, allow_unicode=True), encoding="utf-8")
    try:
        assert load_monitor(path, ["erp"], None).name
    except MonitorError as error:
        one_line(error)


CELLS = st.text(max_size=8) | st.sampled_from(
    ["1.234,56", "2026-02-30", "", "NaN", '"', ",", ";", "\x00", "=1+1", "١٢"]
)


@ALL
@given(
    st.lists(st.lists(CELLS, max_size=5), max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-16", "cp1252"]),
)
def test_any_table_is_read_or_one_error(tmp_path: Path, rows: list[list[str]], separator: str, encoding: str) -> None:
    text = "\n".join(separator.join(row) for row in rows)
    read(tmp_path / "p.csv", text.encode(encoding, errors="replace"))


@ALL
@given(st.binary(max_size=600), st.sampled_from(["csv", "parquet", "xlsx", "jsonl"]))
def test_any_bytes_are_read_or_one_error(tmp_path: Path, data: bytes, ending: str) -> None:
    read(tmp_path / f"p.{ending}", data)


@ALL
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5))
def test_any_damage_of_a_typed_file_is_read_or_one_error(tmp_path: Path, damage: list[tuple[float, int]]) -> None:
    data = bytearray(TYPED)
    for place, byte in damage:
        data[int(place * len(data))] = byte
    read(tmp_path / "p.parquet", bytes(data))


def test_what_polars_panics_with_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panics(*_: Any, **__: Any) -> pl.DataFrame:
        raise PanicException("assertion failed")

    monkeypatch.setattr(pl, "read_parquet", panics)
    (tmp_path / "p.parquet").write_bytes(TYPED)
    with pytest.raises(SourceError, match="cannot be read as a table"):
        read_files([tmp_path / "p.parquet"])
    assert status(["scan", str(tmp_path / "p.parquet"), "--no-llm"]) == 2


@ALL
@given(st.lists(VALUES, max_size=5))
def test_any_json_lines_are_read_or_one_error(tmp_path: Path, values: list[Any]) -> None:
    read(tmp_path / "p.jsonl", "\n".join(json.dumps(value) for value in values).encode("utf-8", errors="replace"))


def read(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        frame = read_files([path]).frame
    except SourceError as error:
        one_line(error)
    else:
        assert len(set(frame.columns)) == frame.width


PIECES = [
    "the",
    "amount",
    "of",
    "4,815.16",
    "EUR",
    "is",
    "above",
    "below",
    "what",
    "usual",
    "for",
    "S03",
    "f1",
    "no",
    "never",
    "(",
    ")",
    "to",
    ".",
    ",",
    "twice",
    "27",
    "March",
    "2026",
]
WORDS = st.text(max_size=120) | st.lists(st.sampled_from(PIECES), max_size=20).map(" ".join)
PARTS = st.sampled_from(["what", "cause", "step"])


@ALL
@given(WORDS, st.lists(st.sampled_from(["f1", "f2", "f9"]), max_size=3), PARTS, st.sampled_from(["en", "es"]))
def test_the_grounding_check_answers_to_any_text(text: str, cited: list[str], part: Any, lang: Lang) -> None:
    about = finding(example(FactKind.DUPLICATE), example(FactKind.OWN_HISTORY))
    found = failures([Claim(part=part, text=text, facts=tuple(cited))], about, lang=lang, timezone="UTC")
    assert len(found) <= 1
    if "f9" in cited:
        assert found, "it cites what there is not"


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_check_lets_pass_what_is_true(lang: Lang) -> None:
    """The control: what answers `wrong` to everything would pass the other test."""
    from reports.narrator import narrate

    about = finding(example(FactKind.DUPLICATE), example(FactKind.OWN_HISTORY))
    (told,) = narrate([about], lang=lang, timezone="UTC", engine=None).narratives
    assert not failures(told.claims, about, lang=lang, timezone="UTC")

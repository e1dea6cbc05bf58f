"""Free text that names an erased person: counted, and emptied for good where that is asked for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from flows.cli import status
from flows.erasing import Erasure, erase_person
from flows.warehouse.mentions import Mention, Wanted
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, HUGE, payments
from tests.flows.nights import run_night
from tests.flows.test_erasing import AT, PERSON, count, everything, problems, told_night

NAMED = ("Approved by PERSON 1 by phone", "see person  1, or Person 2")
OTHERS = ("Approved by Person 10", "rent", None)


@pytest.fixture
def described(folder: Path) -> Path:
    """The workspace with a description of every payment; five of them name the person, one of these in a finding."""
    frame = payments()
    texts = [(NAMED + OTHERS)[number % 5] if number < 10 else f"payment {number}" for number in range(frame.height)]
    frame = frame.with_columns(description=pl.Series(texts))
    told = pl.when(pl.col("payment") == HUGE).then(pl.lit(NAMED[0])).otherwise(pl.col("description"))
    frame.with_columns(description=told).write_csv(folder / "data" / "payments-2026.csv")
    monitor = folder / "monitors" / "payments.yaml"
    monitor.write_text(monitor.read_text(encoding="utf-8") + "  description: text\n", encoding="utf-8")
    return folder


def erase(folder: Path, person: str = PERSON, *, free_text: bool = False) -> Erasure:
    return erase_person(Workspace.open(folder), person, why="request 2026-17", who="Ana", at=AT, free_text=free_text)


def naming(folder: Path) -> int:
    """Records whose description names the person."""
    query = "SELECT count(*) FROM records_payments WHERE regexp_matches(description, '(?i)person +1([^0-9]|$)')"
    return int(count(folder, query))


def test_free_text_is_counted_and_stays_where_nothing_else_was_asked(described: Path) -> None:
    told_night(described)
    done = erase(described)
    assert done.mentions == (Mention("payments", "description", 5),)
    assert (done.searched, done.erased.free_texts) == (True, 0)
    assert naming(described) == 5


@pytest.mark.parametrize("keyed", [True, False])
def test_free_text_is_emptied_on_request_and_stays_so(described: Path, keyed: bool) -> None:
    if not keyed:
        monitor = described / "monitors" / "payments.yaml"
        text = monitor.read_text(encoding="utf-8").replace("{role: key, field: document}", "{role: category}")
        monitor.write_text(text, encoding="utf-8")
    told_night(described)
    records = count(described, "SELECT count(*) FROM records_payments")
    assert NAMED[0] in everything(described)
    done = erase(described, free_text=True)
    assert done.mentions == (Mention("payments", "description", 5),)
    assert done.erased.free_texts == len(NAMED)
    for text in (PERSON, *NAMED, "PERSON 1"):
        assert text not in everything(described).replace("Person 10", "")
    assert OTHERS[0] in everything(described), "only the one"
    assert problems(described) == []

    run_night(described, DATA_DATE + timedelta(days=1))
    assert naming(described) == 0, "the source still holds it"
    assert count(described, "SELECT count(*) FROM records_payments") == records
    assert problems(described) == []
    assert erase(described, free_text=True).mentions == ()


def test_what_is_written_later_is_not_emptied_unasked_but_told_again(described: Path) -> None:
    told_night(described)
    erase(described, free_text=True)
    later = payments().tail(1).with_columns(payment=pl.lit("P00990"), description=pl.lit("again Person 1"))
    later.write_csv(described / "data" / "payments-later.csv")
    run_night(described, DATA_DATE + timedelta(days=1))
    assert erase(described).mentions == (Mention("payments", "description", 1),)


def test_a_legal_hold_keeps_free_text(described: Path) -> None:
    monitor = described / "monitors" / "payments.yaml"
    monitor.write_text(monitor.read_text(encoding="utf-8") + "retention: {hold: case 4711}\n", encoding="utf-8")
    told_night(described)
    done = erase(described, free_text=True)
    assert (done.held, done.mentions, naming(described)) == (("payments",), (), 5)


def test_the_command_says_where_the_person_stands_and_what_to_do(
    described: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told_night(described)
    command = ["erase", PERSON, "--reason", "r 1", "--by", "Ana", "--workspace", str(described)]
    assert status(command) == 0
    assert "free text names the person (payments: description of 5 records): `--free-text`" in capsys.readouterr().err
    assert status([*command, "--free-text"]) == 0
    assert "was emptied (payments: description of 5 records)" in capsys.readouterr().err
    assert status(["erase", "person-0123456789", "--reason", "r 1", "--workspace", str(described)]) == 0
    assert "free text was not searched" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("Juan Pérez", "Pago a JUAN  PEREZ, mayo", {"JUAN  PEREZ"}),
        ("Juan Pérez", "juan-pérez@acme.example; Juan\nPérez", {"juan-pérez", "Juan\nPérez"}),
        ("Juan Pérez", "Juan Perezoso; SanJuan Perez", set()),
        ("ES12 3456 7890", "an ES1234567890 und es12-3456-7890.", {"ES1234567890", "es12-3456-7890"}),
        ("ES1234567890", "ES12 3456 7890 1", {"ES12 3456 7890"}),
        ("Ana", "Banana, Ana y Mariana", {"Ana"}),
        ("Straße (Weg)", "in STRASSE; in der straße weg 3", {"straße weg"}),
        ("Li", "Li", set()),
    ],
)
def test_a_name_is_found_whole_and_however_it_is_written(name: str, text: str, found: set[str]) -> None:
    assert Wanted([name]).spellings(text) == found

"""The checker of narratives must itself be checked: what is true passes, every kind of slip is found."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from analyzers.results import FactKind
from benchmarks.claims.checking import TRUTHS, check
from benchmarks.claims.figures import read_minutes, read_number
from benchmarks.claims.reading import read_claims
from benchmarks.claims.source import Settings, Source, read_table
from benchmarks.claims.statement import Outcome
from reports.clauses import clause
from tests.reports.sample_facts import EXAMPLES, example

_START = datetime(2026, 5, 1, 9, tzinfo=UTC)
_JUDGED = pl.DataFrame(
    {
        "payment": ["P1", "P2"],
        "paid_at": [_START + timedelta(days=30, hours=h) for h in (2, 3)],
        "supplier": ["Sur, S.A.", "Norte"],
        "amount": [4200.0, 90.0],
        "currency": ["EUR", "EUR"],
    }
)
_BASELINE = pl.DataFrame(
    {
        "payment": [f"H{i}" for i in range(20)],
        "paid_at": [_START + timedelta(days=i) for i in range(20)],
        "supplier": ["Sur, S.A."] * 11 + ["Norte"] * 9,
        "amount": [100.0 + i for i in range(20)],
        "currency": ["EUR"] * 20,
    }
)
_ENGLISH = (
    "In record P1, the amount of 4,200.00~EUR is 40 times what is usual for “Sur, S.A.” (101.00 to 109.00~EUR in 11 "
    "earlier records), and is 38 times what is usual among 20 comparable records (101.90 to 117.10~EUR). "
    "The money at risk is 4,200.00~EUR. It may be that the price rose. First, compare the invoices."
).replace("~", "\u00a0")
_SPANISH = (
    "En el registro P1, el importe de 4.200,00~EUR es 40 veces lo habitual en «Sur, S.A.» (101,00 a 109,00~EUR en 11 "
    "registros anteriores) y es 38 veces lo habitual entre 20 registros comparables (101,90 a 117,10~EUR). "
    "El dinero en riesgo asciende a 4.200,00~EUR. Puede que subiera el precio. Como primer paso, compare las facturas."
).replace("~", "\u00a0")


def _finding(text: str, lang: str) -> dict[str, Any]:
    narrative = {"text": text, "lang": lang}
    return {"id": "f", "subject": "P1", "rows": [0], "facts": [], "narrative": narrative}


def _outcomes(text: str, lang: str = "en") -> list[Outcome]:
    return [one.outcome for one in check(_finding(text, lang), Source.of(_JUDGED, _BASELINE)).verdicts]


@pytest.mark.parametrize(("text", "lang"), [(_ENGLISH, "en"), (_SPANISH, "es")])
def test_a_true_text_passes_whole(text: str, lang: str) -> None:
    outcomes = _outcomes(text, lang)
    assert len(outcomes) == 7
    assert set(outcomes) == {Outcome.TRUE}


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("4,200.00\u00a0EUR is", "4,201.00\u00a0EUR is"),
        ("is 40 times", "is 39 times"),
        ("is 40 times", "is well below"),
        ("101.00 to", "100.00 to"),
        ("in 11 earlier", "in 12 earlier"),
        ("“Sur, S.A.”", "Norte"),
        ("among 20 comparable", "among 21 comparable"),
        ("risk is 4,200.00\u00a0EUR", "risk is 4,200.00\u00a0USD"),
        ("In record P1", "In record P2"),
        ("It may be that the", "The"),
        ("The money", "The supplier was founded in 2025. The money"),
    ],
)
def test_every_slip_is_found(said: str, instead: str) -> None:
    assert said in _ENGLISH
    assert {Outcome.FALSE, Outcome.UNREAD} & set(_outcomes(_ENGLISH.replace(said, instead, 1)))


def test_what_is_above_the_usual_but_within_its_range_misleads() -> None:
    text = (
        "In record P2, the amount of 90.00 EUR is slightly below what is usual among 20 comparable records (90.00 to "
        "117.10 EUR). It may be that it is small. First, look."
    ).replace(" EUR", "\u00a0EUR")
    source = Source.of(_JUDGED, _BASELINE.with_columns(amount=pl.Series([90.0] * 3 + [96.0] * 17)))
    finding = {**_finding(text.replace("117.10", "96.00"), "en"), "subject": "P2", "rows": [1]}
    assert Outcome.MISLEADING in {one.outcome for one in check(finding, source).verdicts}


@pytest.mark.parametrize(
    ("text", "lang", "value", "half"),
    [
        ("12,300.50", "en", 12300.5, 0.005),
        ("12.300,5", "es", 12300.5, 0.05),
        ("−3", "es", -3.0, 0.5),
        ("1.5e7", "en", 1.5e7, 5e5),
    ],
)
def test_numbers_are_read_as_their_language_prints_them(text: str, lang: str, value: float, half: float) -> None:
    figure = read_number(text, lang)
    assert (figure.value, figure.half) == pytest.approx((value, half))


def test_lengths_of_time() -> None:
    assert read_minutes("2 days 4 h").value == 2 * 1440 + 240
    assert read_minutes("3 h 20 min").value == 200
    assert read_minutes("45 minutos").half == 0.5


def test_a_csv_with_decimal_commas_and_days_first_is_read_as_meant(tmp_path: Any) -> None:
    path = tmp_path / "payments.csv"
    path.write_text("id;at;amount\n001;31/05/2026 10:00:00;1.234,50\n002;01/06/2026 23:30:00;7,25\n", encoding="utf-8")
    source = Source.of(read_table([path]), None)
    assert source.labels("id").tolist() == ["001", "002"]
    assert source.numbers("amount").tolist() == [1234.5, 7.25]
    assert [str(day) for day in source.dates("at")] == ["2026-05-31", "2026-06-01"]
    assert json.dumps(source.columns) == '["id", "at", "amount"]'


@pytest.mark.parametrize(
    ("said", "lang", "outcome"),
    [
        ("the money can still be stopped until 1 June 2026", "en", Outcome.TRUE),
        ("the money had left by 1 June 2026", "en", Outcome.FALSE),
        ("the money can still be stopped until 2 June 2026", "en", Outcome.FALSE),
        ("el dinero todavía puede detenerse hasta el 1 de junio de 2026", "es", Outcome.TRUE),
        ("el dinero ya había salido el 1 de junio de 2026", "es", Outcome.FALSE),
    ],
)
def test_where_the_money_is_follows_from_the_records_days(said: str, lang: str, outcome: Outcome) -> None:
    opening = {"en": "In record P1, ", "es": "En el registro P1, "}[lang]
    around = {"en": ". It may be that it is so. First, look.", "es": ". Puede que sea así. Como primer paso, mire."}
    found = [one.outcome for one in check(_finding(opening + said + around[lang], lang), _SOURCE).verdicts]
    assert found[1] is outcome
    assert Outcome.UNREAD not in found


_SOURCE = Source.of(_JUDGED, _BASELINE)


def test_prose_may_point_and_join_but_claim_nothing_around_the_facts() -> None:
    told = _ENGLISH.replace("In record P1,", "What stands out is that in record P1,")
    claiming = _ENGLISH.replace("In record P1,", "It is certainly a fraud that in record P1,")
    source = Source.of(_JUDGED, _BASELINE)
    for text, outcome in ((told, Outcome.CONSISTENT), (claiming, Outcome.UNREAD)):
        finding = _finding(text, "en")
        finding["narrative"]["mode"] = "prose"
        outcomes = [one.outcome for one in check(finding, source).verdicts]
        assert outcomes.count(Outcome.TRUE) == 7
        assert outcome in outcomes


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_clause_of_every_kind_of_fact_is_read_whole(kind: FactKind, lang: Any) -> None:
    fact = example(kind)
    columns = [fact.feature or "", "account", "supplier", "created_by", "amount", "iva", "flow", "pressure", "current"]
    columns += [str(value) for value in fact.values.values()]
    text = clause(fact, lang)
    statements, leftover = read_claims(text[:1].upper() + text[1:] + ".", lang, {"subject": "X-1"}, "UTC", columns)
    assert leftover == ""
    assert statements
    assert all(statement.kind in TRUTHS for statement in statements)


def _sales() -> Source:
    """A customer that came every second day for 28 days of 100 and, in the last 10, moved from north to south."""
    days = [*range(0, 89, 2), 90, 92, 94, 96]
    frame = pl.DataFrame(
        {
            "sold_at": [_START + timedelta(days=day) for day in days],
            "customer": ["C1"] * len(days),
            "store": ["north"] * 45 + ["south"] * 4,
            "amount": [10.0] * 45 + [40.0] * 4,
        }
    )
    until = (_START.replace(hour=0) + timedelta(days=100)).timestamp()
    return Source.of(frame[-4:], frame[:-4], Settings(currency="EUR", until=until))


_SILENCE = (
    "There has been no record since 5 August 2026, for 3 days, where 2 days between records are usual (in 49 earlier "
    "records)."
)


@pytest.mark.parametrize(
    ("text", "lang", "kind"),
    [
        (_SILENCE, "en", "stopped"),
        ("The store “south” stands in 4 of 4 records within 10 days, against 0 of 45 earlier records.", "en",
         "moved_place"),
        ("La suma del importe, 160,00~EUR en 10 días, es 3,2 veces lo habitual (50,00~EUR).", "es", "changed_amounts"),
        ("La mediana del importe, 40,00~EUR en 4 registros en 10 días, es 4 veces lo habitual (10,00~EUR).", "es",
         "changed_amounts"),
        ("There were 4 records within 10 days, where 5 is usual.", "en", "slower_rhythm"),
    ],
)  # fmt: skip
def test_what_is_said_of_behaviour_is_counted_anew(text: str, lang: str, kind: str) -> None:
    said = text.replace("~", "\u00a0")
    opening, rest = (("For C1, ", " It may be that it is so. First, look.") if lang == "en" else
                     ("En el caso de C1, ", " Puede que sea así. Como primer paso, mire."))  # fmt: skip
    whole = opening + said[:1].lower() + said[1:] + rest
    finding = {**_finding(whole, lang), "subject": "C1", "rows": [], "type": kind}
    assert {one.outcome for one in check(finding, _sales()).verdicts} == {Outcome.TRUE}
    for figure in {part for part in re.findall(r"\d+", said) if part not in ("00", "2026", "10")}:
        slipped = re.sub(rf"\b{figure}\b", str(int(figure) + 3), whole, count=1)
        outcomes = {
            one.outcome for one in check({**finding, "narrative": {"text": slipped, "lang": lang}}, _sales()).verdicts
        }
        assert {Outcome.FALSE, Outcome.UNREAD} & outcomes, slipped

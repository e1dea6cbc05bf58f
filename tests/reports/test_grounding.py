"""The check lets every true sentence pass and catches every kind of untruth."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analyzers.results import Fact, FactKind
from reports.clauses import clause
from reports.contents import Claim, Lang
from reports.grounding import failures
from reports.grounding.figures import figures
from tests.reports.sample_facts import EXAMPLES, example, finding, random_facts

LANGS: tuple[Lang, ...] = ("en", "es")
ZONE = "Europe/Madrid"
DIRECTIONS = {
    "en": {
        "above": "below", "below": "above",
        "more than usual": "less than usual", "less than usual": "more than usual",
    },
    "es": {
        "por encima": "por debajo", "por debajo": "por encima",
        "más de lo habitual": "menos de lo habitual", "menos de lo habitual": "más de lo habitual",
    },
}  # fmt: skip
MONTHS = {"en": ("May", "June"), "es": ("mayo", "junio")}


def reasons(text: str, fact: Fact, lang: Lang) -> list[str]:
    claim = Claim(text=text[:1].upper() + text[1:] + ".", facts=("f1",), part="what")
    return [failure.reason for failure in failures([claim], finding(fact), lang, ZONE)]


def nudged(fact: Fact, by: float) -> Fact:
    """The fact with all its figures moved by next to nothing."""
    figures = ("actual", "expected_low", "expected_high", "ratio")
    moved = {name: value * by for name in figures if isinstance(value := getattr(fact, name), float)}
    return fact.model_copy(update=moved)


@settings(max_examples=400, deadline=None)
@given(fact=random_facts())
def test_every_clause_of_random_facts_passes(fact: Fact) -> None:
    for lang in LANGS:
        said = clause(fact, lang, timezone=ZONE)
        assert reasons(said, fact, lang) == [], said


@pytest.mark.parametrize("lang", LANGS)
def test_digits_that_are_a_name_are_also_a_figure(lang: Lang) -> None:
    fact = example(FactKind.BENFORD).model_copy(update={"expected_low": 0.0, "expected_high": 0.49, "ratio": 2.4})
    said = clause(fact, lang, timezone=ZONE)
    assert reasons(said, fact, lang) == [], said
    times = "49 times" if lang == "en" else "49 veces"
    assert reasons(re.sub(r"2[.,]4 (?:times|veces)", times, said), fact, lang)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", list(FactKind))
def test_every_changed_digit_is_caught(kind: FactKind, lang: Lang) -> None:
    fact = example(kind)
    said = clause(fact, lang, timezone=ZONE)
    assert reasons(said, fact, lang) == []
    for match in re.finditer(r"\d", said):
        for other in {(int(match[0]) + step) % 10 for step in (1, 5)}:
            changed = said[: match.start()] + str(other) + said[match.end() :]
            assert reasons(changed, fact, lang), changed


@settings(max_examples=300, deadline=None)
@given(fact=random_facts(), data=st.data())
def test_changed_digits_of_random_facts_are_caught(fact: Fact, data: st.DataObject) -> None:
    lang = data.draw(st.sampled_from(LANGS))
    said = clause(fact, lang, timezone=ZONE)
    places = [match.start() for match in re.finditer(r"(?<![\w.])[1-9](?=[\d.,]*\d|\b)", said)]
    assume(places)
    place = data.draw(st.sampled_from(places))
    changed = said[:place] + str(int(said[place]) % 9 + 1) + said[place + 1 :]
    # Half-way between two roundings both are right: 2.5 yen are 2 or 3.
    assume(changed not in {clause(nudged(fact, by), lang, timezone=ZONE) for by in (1 - 1e-9, 1 + 1e-9)})
    assert reasons(changed, fact, lang), f"{said} -> {changed}"


@pytest.mark.parametrize("lang", LANGS)
def test_flipped_directions_are_caught(lang: Lang) -> None:
    flipped = 0
    for kind in FactKind:
        fact = example(kind)
        said = clause(fact, lang, timezone=ZONE)
        for word, opposite in DIRECTIONS[lang].items():
            if word in said and kind is not FactKind.HOUSE_RULE:
                assert reasons(said.replace(word, opposite), fact, lang), said
                flipped += 1
    assert flipped >= 7


@pytest.mark.parametrize("lang", LANGS)
def test_other_currencies_dates_and_names_are_caught(lang: Lang) -> None:
    found = {"currency": 0, "date": 0, "name": 0}
    for kind, given_slots in EXAMPLES.items():
        fact = example(kind)
        said = clause(fact, lang, timezone=ZONE)
        texts = [v for v in given_slots.get("values", {}).values() if isinstance(v, str)]
        changes = {"currency": said.replace("EUR", "USD"), "date": said.replace(*MONTHS[lang])}
        for name in [*texts, *([given_slots["actual"]] if isinstance(given_slots.get("actual"), str) else [])]:
            changes["name"] = said.replace(name, "Zorrilla")
        for what, changed in changes.items():
            if changed != said:
                found[what] += 1
                assert reasons(changed, fact, lang), changed
    assert min(found.values()) >= 5


@pytest.mark.parametrize(
    ("kind", "lang", "said", "changed"),
    [
        (FactKind.OWN_HISTORY, "en", "(3,100.00 to 4,900.00", "(4,900.00 to 3,100.00"),
        (FactKind.OWN_HISTORY, "en", "of 48,200.00", "of 4,900.00"),
        (FactKind.BELOW_LIMIT, "en", "of 9,950.00", "of 10,000.00"),
        (FactKind.BANK_CHANGED, "es", "de ES•• 9910 a LT•• 0042", "de LT•• 0042 a ES•• 9910"),
        (FactKind.RARE_VALUE, "en", "3 of 402,113", "402,113 of 3"),
        (FactKind.WEEKEND, "es", "domingo", "sábado"),
        (FactKind.EPISODE, "en", "began on 31 May 2026 at 02:10", "began on 1 June 2026 at 04:45"),
        (FactKind.NEW_ENTITY, "en", "no earlier records", "only 3 earlier records"),
        (FactKind.OWN_HISTORY, "en", "is 12 times", "is a clear fraud, 12 times"),
    ],
)
def test_true_figures_in_the_wrong_place_are_caught(kind: FactKind, lang: Lang, said: str, changed: str) -> None:
    text = clause(example(kind), lang, timezone=ZONE)
    plain = text.replace("\N{NO-BREAK SPACE}", " ")
    assert said in plain
    assert reasons(plain.replace(said, changed), example(kind), lang)


def test_each_half_of_a_sentence_answers_to_its_own_fact() -> None:
    high, low = example(FactKind.LEVEL_SHIFT), example(FactKind.ALSO_MOVED, direction="below")
    about = finding(high, low)
    joined = f"On 5100023417, {clause(high, 'en')}, and {clause(low, 'en')}."
    assert failures([Claim(text=joined, facts=("f1", "f2"), part="what")], about, "en", ZONE) == ()
    for claim in (
        joined.replace("deviations below", "deviations above"),
        joined.replace("deviations above", "deviations below"),
    ):
        assert failures([Claim(text=claim, facts=("f1", "f2"), part="what")], about, "en", ZONE)
    assert failures([Claim(text=joined, facts=("f2", "f1"), part="what")], about, "en", ZONE)


@pytest.mark.parametrize(
    "text",
    [
        "It may be that 3 invoices were mixed up.",
        "It may be that Zorrilla was paid twice.",
        "First, call Aceros del Norte SL.",
    ],
)
def test_a_claim_without_facts_holds_neither_figure_nor_name(text: str) -> None:
    claim = Claim(text=text, facts=(), part="cause")
    assert failures([claim], finding(example(FactKind.OWN_HISTORY)), "en", ZONE)


def test_a_claim_of_unknown_facts_fails() -> None:
    claim = Claim(text="The money at risk is 48,200.00 EUR.", facts=("f9",), part="stake")
    assert failures([claim], finding(example(FactKind.EXPOSURE)), "en", ZONE)


# -- prose -------------------------------------------------------------------------------------------------------------
def prose(facts: tuple[Fact, ...], *words: str, lang: Lang = "en") -> list[str]:
    """The reasons against a sentence of these words around the facts' clauses."""
    said = [clause(fact, lang, timezone=ZONE) for fact in facts]
    text = "".join(part for pair in zip(words, [*said, ""], strict=True) for part in pair)
    about = finding(*facts)
    claim = Claim(
        text=text[:1].upper() + text[1:] + ".", facts=tuple(f.id for f in about.facts), part="what", words=words
    )
    return [failure.reason for failure in failures([claim], about, lang, ZONE)]


def test_words_around_facts_that_claim_nothing_pass() -> None:
    amount, weekend = example(FactKind.ROUND_AMOUNT), example(FactKind.WEEKEND)
    assert prose((amount, weekend), "what stands out is that ", ", and ", ", which deserves a look") == []
    assert prose((amount, weekend), "as for the amount, ", "; as for the timing, ", "") == []
    assert prose((amount,), "lo que destaca es que ", ", lo que merece atención", lang="es") == []


@pytest.mark.parametrize(
    "words",
    [
        "it is a fraud that ", "it is not the case that ", "because ", "it is certain that ", "as always, ",
        "as for the timing, ", "a considerable gap: ", "it is probably so that ", "Zorrilla notes that ",
        "there are 3 reasons: ", "the higher point is that ", "as is usual, ", "it is only that ", "he knows that ",
    ],
)  # fmt: skip
def test_words_around_facts_that_claim_something_are_caught(words: str) -> None:
    assert prose((example(FactKind.ROUND_AMOUNT),), words, "")


def test_words_are_checked_against_the_text_and_facts_against_what_is_left() -> None:
    amount = example(FactKind.ROUND_AMOUNT)
    said = clause(amount, "en", timezone=ZONE)
    about = finding(amount)
    for text, words in (
        (f"To note, it is a fraud that {said}.", ("to note, ", "")),
        (f"To note, {said}, as in all years.", ("to note, ", "")),
        (f"To note, {said.replace('50,000', '60,000')}.", ("to note, ", "")),
        (f"To note, {said}.", ("to note, ", "", "")),
    ):
        claim = Claim(text=text, facts=("f1",), part="what", words=words)
        assert failures([claim], about, "en", ZONE), text


def test_a_name_that_looks_like_a_huge_power_ends_nothing() -> None:
    for lang in LANGS:
        for text in ("the record 5e99999 falls -1e999 times", "1e-99999"):
            assert not any(figure.rounds(5.0) for figure in figures(text, lang) if figure.value != 5)


@pytest.mark.parametrize("feature", ["account", "amount", "document", "cuenta", "importe", "base"])
def test_a_column_may_be_called_as_a_word_of_another_kind_of_statement(feature: str) -> None:
    empty = example(FactKind.RARE_VALUE, actual="", feature=feature, values={"count": 0})
    for fact in (example(FactKind.NO_DESCRIPTION, feature=feature), empty):
        for lang in LANGS:
            said = clause(fact, lang, timezone=ZONE)
            assert reasons(said, fact, lang) == [], said


def test_a_value_may_be_a_word_of_another_kind_of_statement() -> None:
    fact = example(FactKind.CATEGORY_SHIFT, actual="Estación")
    assert reasons(clause(fact, "es", timezone=ZONE), fact, "es") == []


OTHERS = {"count": 2, "total": 99, "earlier": False}


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (FactKind.RARE_VALUE, {"values": OTHERS}),
        (FactKind.RARE_VALUE, {"values": {**OTHERS, "count": 0}}),
        (FactKind.RARE_VALUE, {"actual": "", "values": {"count": 0, "total": 99}}),
        (FactKind.RARE_PAIR, {"values": {"first": "account", "second": "supplier", **OTHERS, "count": 0}}),
        (FactKind.SELDOM_PAIR, {"values": {"first": "account", "second": "supplier", "count": 0, "total": 99}}),
        (FactKind.NEW_ENTITY, {"values": {"count": 0, "earlier": False}}),
        (FactKind.NEW_ENTITY, {"values": {"count": 1, "earlier": False}}),
        (FactKind.OWN_HISTORY, {"actual": 4000.0, "values": {"entity": "x7", "count": 20, "earlier": False}}),
        (
            FactKind.DUPLICATE,
            {"values": {"other": "D7", "days": 9, "pattern": "EESE", "respelt": True, "other_at": None}},
        ),
        (FactKind.EPISODE, {"values": {"open": True, "paused": True, "end": None}}),
        (FactKind.RELATION_BROKEN, {"at": None}),
    ],
)
def test_clauses_of_a_ranking_and_of_what_is_told_otherwise_pass(kind: FactKind, changed: dict[str, Any]) -> None:
    fact = example(kind, **changed)
    for lang in LANGS:
        said = clause(fact, lang, timezone=ZONE)
        claim = Claim(text=f"{said[:1].upper()}{said[1:]}.", facts=("f1",), part="what")
        assert not failures([claim], finding(fact), lang, ZONE), said

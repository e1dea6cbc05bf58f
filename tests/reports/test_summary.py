"""The night's summary says what the night comes to, and nothing that its facts do not hold."""

from __future__ import annotations

import re

import pytest

from reports.contents import Lang
from reports.grounding.night import is_backed
from reports.page import render_page
from reports.summary import night_facts, summary
from tests.reports.sample_night import hostile_night, night_of, quiet_part, sample_night

LANGS: tuple[Lang, ...] = ("en", "es")


@pytest.mark.parametrize("lang", LANGS)
def test_every_fact_of_the_night_is_told_and_stands_in_the_report(lang: Lang) -> None:
    night = sample_night(lang)
    said = summary(night)
    assert len(said) == len(night_facts(night)) >= 4
    text = " ".join(said).replace("\N{NO-BREAK SPACE}", " ")
    assert ("At stake are " if lang == "en" else "Están en juego ") in text
    assert ("were not looked at" if lang == "en" else "No se miraron los registros") in text
    assert ("1 of those was not seen" if lang == "en" else "1 de ellos no se vio") in text
    assert said[0] in render_page(night)


def test_a_quiet_night_is_told_too() -> None:
    assert summary(night_of(quiet_part("en")))[0] == "Nothing needs you."
    assert summary(night_of(quiet_part("es"), lang="es"))[0] == "Nada requiere su atención."
    assert summary(night_of()) == ()


@pytest.mark.parametrize("lang", LANGS)
def test_hostile_names_change_no_figure(lang: Lang) -> None:
    for fact, text in zip(night_facts(hostile_night(lang)), summary(hostile_night(lang)), strict=False):
        assert "\n" not in text
        assert fact.kind


@pytest.mark.parametrize("lang", LANGS)
def test_one_thing_made_false_is_caught(lang: Lang) -> None:
    night = sample_night(lang)
    changed = 0
    for fact, text in zip(night_facts(night), summary(night), strict=True):
        others = [text[: m.start()] + str((int(m[0]) + 1) % 10) + text[m.end() :] for m in re.finditer(r"\d", text)]
        others += [text.replace("EUR", "USD"), text.replace("new", "ended"), text.replace("nuevo", "terminado")]
        others += [text.replace(name, "Zorrilla") for name in (*fact.names, fact.subject) if name]
        others += [text[:-1] + ", which is a fraud.", text.replace(" not ", " "), text.replace("No se", "Se")]
        for other in others:
            if other != text:
                changed += 1
                assert not is_backed(other, fact, lang), other
    assert changed > 10

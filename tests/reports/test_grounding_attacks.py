"""True narratives with one thing made false: every kind of falsehood is caught, wherever it stands."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from analyzers.results import Fact, FactKind, Family, Finding, SubjectKind
from reports.contents import Claim, Lang
from reports.grounding import failures
from reports.narrator import narrate
from reports.playbook import playbook_for
from tests.reports.sample_facts import EXAMPLES, example, finding

ZONE = "Europe/Madrid"
K = FactKind
_SERIES = frozenset({
    K.OUTSIDE_BAND, K.LEVEL_SHIFT, K.MORE_VARIATION, K.LESS_VARIATION, K.RELATION_BROKEN, K.EPISODE, K.ALSO_MOVED,
    K.FLAT_LINE, K.SILENT, K.SPIKES, K.GROSS_RANGE, K.SENSOR_DRIFT,
})  # fmt: skip
_TYPES = ("duplicate_payment", "bank_changed", "unusual_amount", "level_shift", "sensor_stuck", "never_heard_of")
_OPPOSITES: Mapping[Lang, Sequence[tuple[str, str]]] = {
    "en": [("above", "below"), ("below", "above"), ("more than usual", "less than usual"), ("earlier,", "later,")],
    "es": [("por encima", "por debajo"), ("por debajo", "por encima"), ("más de lo", "menos de lo"),
           (" antes,", " después,")],
}  # fmt: skip
_NEGATIONS: Mapping[Lang, Sequence[tuple[str, str]]] = {
    "en": [("no longer followed", "followed"), ("had no earlier", "had earlier"),
           ("given no reading", "given readings"), ("never ", ""),
           ("would not fit", "would fit"), ("less likely", "likely")],
    "es": [("dejó de seguir", "siguió"), ("no tenía registros", "tenía registros"), ("no ha dado", "ha dado"),
           ("nunca", "siempre"), ("pues no encajaría", "pues encajaría"), ("menos probable", "probable")],
}  # fmt: skip
_HEDGES: Mapping[Lang, Sequence[tuple[str, str]]] = {
    "en": [("It may be that", "It is certain that"), ("It may be that ", "")],
    "es": [("Puede que", "Es seguro que"), ("Puede que ", "")],
}
_STATED: Mapping[Lang, Sequence[str]] = {
    "en": [", which proves a fraud.", " and the supplier is known for it.", ", as on all other days."],
    "es": [", lo que demuestra un fraude.", " y el proveedor es conocido por ello.", ", como todos los demás días."],
}
_UNCITED: Mapping[Lang, Sequence[str]] = {
    "en": ["The supplier is under investigation.", "This is a fraud.", "The machine will fail soon."],
    "es": ["El proveedor está siendo investigado.", "Esto es un fraude.", "La máquina fallará pronto."],
}


def true_findings(count: int, seed: int) -> Iterator[Finding]:
    """Findings of several facts each, with figures that differ from one to the next."""
    chance = random.Random(seed)
    kinds = [kind for kind in EXAMPLES if kind not in (K.EXPOSURE, K.STOPPABLE, K.HOUSE_RULE)]
    for number in range(count):
        series = bool(number % 3 == 0)
        chosen = chance.sample([kind for kind in kinds if (kind in _SERIES) is series], 3)
        facts = [_varied(kind, chance) for kind in chosen]
        facts += [] if series else [example(K.EXPOSURE), example(K.STOPPABLE)]
        yield finding(
            *facts, kind=chance.choice(_TYPES), label="P-7 flow" if series else f"51000{number:05d}",
            family=Family.SERIES if series else Family.AUDIT,
            about=SubjectKind.SERIES if series else SubjectKind.RECORD,
        )  # fmt: skip


def _varied(kind: FactKind, chance: random.Random) -> Fact:
    """The kind's example, all its figures moved alike, so that it stays sound."""
    slots = EXAMPLES[kind]
    if slots.get("unit") != "EUR" or kind in (K.BELOW_LIMIT, K.ROUND_AMOUNT):
        return example(kind)
    by = chance.randint(101, 999) / 100
    figures = ("actual", "expected_low", "expected_high")
    moved = {name: round(slots[name] * by, 2) for name in figures if isinstance(slots.get(name), float)}
    return example(kind, **moved)


def _digit(text: str, lang: Lang, chance: random.Random) -> str | None:
    places = [match.start() for match in re.finditer(r"\d", text)]
    if not places:
        return None
    at = chance.choice(places)
    return text[:at] + str((int(text[at]) + chance.choice((1, 5))) % 10) + text[at + 1 :]


Pairs = Mapping[Lang, Sequence[tuple[str, str]]]


def _replaced(pairs: Pairs) -> Callable[[str, Lang, random.Random], str | None]:
    def change(text: str, lang: Lang, chance: random.Random) -> str | None:
        possible = [(old, new) for old, new in pairs[lang] if old in text]
        if not possible:
            return None
        changed = text.replace(*chance.choice(possible), 1)
        return changed[:1].upper() + changed[1:]

    return change


_LANGS: tuple[Lang, ...] = ("en", "es")
_SPACE = "\N{NO-BREAK SPACE}"
_NAMES = ["Aceros del Norte SL", "Talleres Ruiz", "Gulf Trading FZE", "5100023102", "p•••7", "E•••12", "Corpus Christi"]
_MONTHS: Mapping[Lang, tuple[str, str]] = {"en": ("May", "June"), "es": ("mayo", "junio")}
_UNITS = [("EUR", "USD"), ("mm/s", "bar"), ("m3/h", "l/s"), ("bar", "psi"), ("°C", "°F"), ("%", "‰")]
CHANGES: dict[str, Callable[[str, Lang, random.Random], str | None]] = {
    "digit": _digit,
    "direction": _replaced(_OPPOSITES),
    "name": _replaced({key: [(name, "Zorrilla") for name in _NAMES] for key in _LANGS}),
    "date": _replaced({lang: [_MONTHS[lang], ("2026", "2025")] for lang in _LANGS}),
    "unit": _replaced({key: [(_SPACE + old, _SPACE + new) for old, new in _UNITS] for key in _LANGS}),
    "negation": _replaced(_NEGATIONS),
    "hedge": _replaced(_HEDGES),
    "count": _replaced({"en": [(" records", " of all")], "es": [(" registros", " de todos")]}),
    "words": lambda text, lang, chance: text[:-1] + chance.choice(_STATED[lang]),
}  # fmt: skip


def _attacked(count: int, seed: int, lang: Lang) -> tuple[Counter[str], list[str]]:
    """How many falsehoods of each kind were tried, and those that passed."""
    chance, tried, passed = random.Random(seed), Counter[str](), list[str]()
    for about in true_findings(count, seed):
        told = narrate([about], lang=lang, timezone=ZONE).narratives[0]
        assert (told.grounded, told.replaced) == (True, 0), told.text
        book = playbook_for(about)
        offered = {entry.text(lang) for entry in (*book.causes, *book.steps)}
        for claim in told.claims:
            for kind, change in CHANGES.items():
                if kind == "count" and claim.part == "cause":
                    continue
                changed = change(claim.text, lang, chance)
                if changed is None or changed == claim.text:
                    continue
                tried[kind] += 1
                if not failures([claim.model_copy(update={"text": changed})], about, lang, ZONE, offered):
                    passed.append(f"{kind}: {claim.text} -> {changed}")
            if claim.part != "cause" and len(about.facts) > 1:
                other = next(fact.id for fact in about.facts if fact.id not in claim.facts)
                tried["citation"] += 1
                if not failures(
                    [claim.model_copy(update={"facts": (other, *claim.facts[1:])})], about, lang, ZONE, offered
                ):
                    passed.append(f"citation: {claim.text}")
        for text in _UNCITED[lang]:
            tried["uncited"] += 1
            if not failures(
                [Claim(text=text, facts=(), part=chance.choice(("what", "stake", "cause")))], about, lang, ZONE, offered
            ):
                passed.append(f"uncited: {text}")
    return tried, passed


@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_kind_of_falsehood_is_caught(lang: Lang) -> None:
    tried, passed = _attacked(24, 7, lang)
    assert passed == []
    assert min(tried[kind] for kind in (*CHANGES, "citation", "uncited")) >= 3, tried


@pytest.mark.long
@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_kind_of_falsehood_is_caught_in_five_hundred_narratives(lang: Lang) -> None:
    tried, passed = _attacked(250, 11, lang)
    assert passed == []
    assert sum(tried.values()) > 5000

"""The check of the night's summary: each sentence against the one fact of the night that it tells.

Written for the check alone: its own reading of figures and dates, its own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from reports.contents import Lang
from reports.grounding.figures import figures
from reports.night_facts import NightFact, NightFactKind

_MONTHS: Mapping[Lang, tuple[str, ...]] = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"),
}
_FORMS: Mapping[NightFactKind, Mapping[Lang, str]] = {
    NightFactKind.NEEDS: {
        "en": r"(?:One finding needs you: N|# findings need you; the first: N|Nothing needs you)\.",
        "es": r"(?:Un hallazgo requiere su atención: N|# hallazgos requieren su atención; el primero: N"
        r"|Nada requiere su atención)\.",
    },
    NightFactKind.STAKE: {
        "en": r"At stake are #M(?:(?:, | and |, and )#M)*\.",
        "es": r"Están en juego #M(?:(?:, | [ye] )#M)*\.",
    },
    NightFactKind.CHANGED: {
        "en": r"Since the last night (?P<parts>.+)\.",
        "es": r"Desde la última noche (?P<parts>.+)\.",
    },
    NightFactKind.FAILED: {
        "en": r"The records of N(?:(?:, | and |, and )N)* were not looked at, because the run failed\.",
        "es": r"No se miraron los registros de N(?:(?:, | [ye] )N)*, porque la ejecución falló\.",
    },
    NightFactKind.BROKEN: {
        "en": r"The data of N(?:(?:, | and |, and )N)* is broken, so statistics did not run on it\.",
        "es": r"Los datos de N(?:(?:, | [ye] )N)* están dañados, así que la estadística no se les aplicó\.",
    },
    NightFactKind.LEFT_OUT: {"en": r"Left out: (?P<parts>.+)\.", "es": r"Quedaron fuera: (?P<parts>.+)\."},
}  # fmt: skip
_PARTS: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "new": r"# (?:is|are) new", "open": r"# (?:is|are) still open", "ended": r"# (?:has|have) ended",
        "unseen": r"# of those (?:was|were) not seen tonight",
        "since": r" \(the oldest since @\)", "skipped": r"# checks?",
        "unread": r"# rows? that could not be read",
    },
    "es": {
        "new": r"hay # nuevos?", "open": r"# siguen? abiertos?", "ended": r"# han? terminado",
        "unseen": r"# de ellos no se (?:vio|vieron) esta noche",
        "since": r" \(el más antiguo, desde el @\)", "skipped": r"# comprobaci(?:ón|ones)",
        "unread": r"# filas? que no se pud(?:o|ieron) leer",
    },
}  # fmt: skip


def is_backed(text: str, fact: NightFact, lang: Lang) -> bool:
    """Whether the sentence says what the fact holds, all of it and nothing else."""
    bare, days = _without_days(_without_names(text, fact), lang)
    read = figures(bare, lang)
    for figure in reversed(read):
        bare = f"{bare[: figure.start]}#{bare[figure.end :]}"
    bare = bare.replace("\N{MINUS SIGN}#", "#")
    if days != ([fact.since] if fact.since else []) or not _fits(bare, fact, lang):
        return False
    wanted = _wanted(fact)
    return len(read) == len(wanted) and all(one.rounds(float(value)) for one, value in zip(read, wanted, strict=True))


def _wanted(fact: NightFact) -> list[Decimal | int]:
    """The figures that the sentence must show, in their order."""
    if fact.kind is NightFactKind.NEEDS:
        return [fact.count] if fact.count > 1 else []
    if fact.kind is NightFactKind.STAKE:
        return [amount for amount, _ in fact.money]
    return list(fact.counts.values())


def _without_names(text: str, fact: NightFact) -> str:
    if fact.kind is NightFactKind.NEEDS and fact.count:
        return text.replace(f"{fact.title} ({fact.subject})", "N", 1)
    if fact.kind is NightFactKind.STAKE:
        return _without_currencies(text, [currency for _, currency in fact.money])
    position = 0
    for name in fact.names:
        at = text.find(name, position)
        if at < 0:
            return ""
        text, position = text[:at] + "N" + text[at + len(name) :], at + 1
    return text


def _without_currencies(text: str, currencies: list[str | None]) -> str:
    """The text with `M` for the currency behind each amount, where they are these in this order."""
    read, position = "", 0
    for currency in currencies:
        behind = rf"[\s\u00a0]{re.escape(currency)}(?!\w)" if currency else r"(?=[.,]? |\.$)"
        match = re.compile(rf"(?<=\d){behind}").search(text, position)
        if match is None:
            return ""
        read, position = f"{read}{text[position : match.start()]}M", match.end()
    return read + text[position:]


def _without_days(text: str, lang: Lang) -> tuple[str, list[date]]:
    """The text with `@` for its dates, and these."""
    found: list[date] = []

    def read(match: re.Match[str]) -> str:
        found.append(date(int(match[3]), _MONTHS[lang].index(match[2]) + 1, int(match[1])))
        return "@"

    return re.sub(rf"(\d{{1,2}}) ({'|'.join(_MONTHS[lang])}) (\d{{4}})", read, text), found


def _fits(bare: str, fact: NightFact, lang: Lang) -> bool:
    match = re.fullmatch(_FORMS[fact.kind][lang], bare)
    if match is None:
        return False
    if fact.kind is NightFactKind.NEEDS:
        return bare.startswith(("Nothing", "Nada")) is (fact.count == 0) and bare.startswith("#") is (fact.count > 1)
    if fact.kind in (NightFactKind.FAILED, NightFactKind.BROKEN):
        return len(re.findall(r"\bN\b", bare)) == len(fact.names)
    if "parts" not in match.groupdict():
        return True
    said = _PARTS[lang]
    parts = [said[key] + (said["since"] if key == "open" and fact.since else "") for key in fact.counts]
    joint = r"(?:, | and |, and )" if lang == "en" else r"(?:, | [ye] )"
    return re.fullmatch(joint.join(parts), match["parts"]) is not None

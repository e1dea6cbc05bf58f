"""The check of what a model wrote around the cited facts: every word is known, and claims nothing they do not hold.

Written for the check alone. A word passes because it is on a list, never because it is absent from one; the lists of
what is not to be written are there to say why a text failed, and to hold the other lists to them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from analyzers.results import Fact, FactKind
from reports.contents import Lang
from reports.grounding.unbacked import UnbackedError

K = FactKind


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


PLAIN: Mapping[Lang, frozenset[str]] = {
    "en": _listed(
        "a add addition all alongside also and as at attention bear begin beside besides beyond calls catches "
        "check closer comes departure deserves detail eye first for further furthermore gap glance here in is it "
        "its look merits mentioning mind moreover note notice noticeable noting of on out own point "
        "regard seems shows stands striking that the there thing this to too top turning well what which with "
        "worth"
    ),
    "es": _listed(
        "a además al ante apuntar aparte aprecia aquí asimismo atención atenta añade cabe calma con conviene "
        "cuanto de demás destaca destacar detalle diferencia e el ello empezar en es esto hay junto la lo "
        "lugar merece mirada mirar muestra observa otra para parte pide por primer primero punto que recordar "
        "requiere resalta respecta respecto revisar revisión salta se señalar suma también todo un una vista "
        "y"
    ),
}
"""Words that claim nothing."""
TOPICS: Mapping[Lang, Mapping[str, frozenset[FactKind]]] = {
    "en": {
        "amount": frozenset(
            {K.DUPLICATE, K.BELOW_LIMIT, K.SPLIT, K.ROUND_AMOUNT, K.ENDINGS, K.BENFORD, K.RELATIVE_SIZE}
        ),
        "history": frozenset({K.OWN_HISTORY, K.NEW_ENTITY, K.RELATIVE_SIZE}),
        "comparison": frozenset({K.PEERS, K.STRANGENESS}),
        "timing": frozenset({K.UNUSUAL_TIME, K.WEEKEND, K.HOLIDAY, K.NIGHT, K.PERIOD_END}),
        "limit": frozenset({K.BELOW_LIMIT, K.SPLIT}),
        "sum": frozenset({K.SPLIT, K.RECENT_SUM}),
        "account": frozenset({K.BANK_CHANGED}),
        "combination": frozenset({K.RARE_PAIR, K.SELDOM_PAIR, K.COMBINATION}),
        "frequency": frozenset({K.FREQUENCY}),
        "approval": frozenset({K.SELF_APPROVED}),
        "earlier": frozenset({K.DUPLICATE}),
        "payment": frozenset({K.DUPLICATE}),
        "sensor": frozenset({K.FLAT_LINE, K.SILENT, K.SPIKES, K.GROSS_RANGE, K.SENSOR_DRIFT}),
        "level": frozenset({K.LEVEL_SHIFT, K.OUTSIDE_BAND, K.RECENT_LEVEL}),
        "interplay": frozenset({K.RELATION_BROKEN, K.ALSO_MOVED}),
        "silence": frozenset({K.SILENCE}),
        "shift": frozenset({K.CATEGORY_SHIFT}),
    },
    "es": {
        "importe": frozenset(
            {K.DUPLICATE, K.BELOW_LIMIT, K.SPLIT, K.ROUND_AMOUNT, K.ENDINGS, K.BENFORD, K.RELATIVE_SIZE}
        ),
        "historial": frozenset({K.OWN_HISTORY, K.NEW_ENTITY, K.RELATIVE_SIZE}),
        "comparación": frozenset({K.PEERS, K.STRANGENESS}),
        "momento": frozenset({K.UNUSUAL_TIME, K.WEEKEND, K.HOLIDAY, K.NIGHT, K.PERIOD_END}),
        "límite": frozenset({K.BELOW_LIMIT, K.SPLIT}),
        "cuenta": frozenset({K.BANK_CHANGED}),
        "combinación": frozenset({K.RARE_PAIR, K.SELDOM_PAIR, K.COMBINATION}),
        "frecuencia": frozenset({K.FREQUENCY}),
        "aprobación": frozenset({K.SELF_APPROVED}),
        "anterior": frozenset({K.DUPLICATE}),
        "pago": frozenset({K.DUPLICATE}),
        "sensor": frozenset({K.FLAT_LINE, K.SILENT, K.SPIKES, K.GROSS_RANGE, K.SENSOR_DRIFT}),
        "nivel": frozenset({K.LEVEL_SHIFT, K.OUTSIDE_BAND, K.RECENT_LEVEL}),
        "relación": frozenset({K.RELATION_BROKEN, K.ALSO_MOVED}),
        "silencio": frozenset({K.SILENCE}),
        "cambio": frozenset({K.CATEGORY_SHIFT}),
    },
}
"""Nouns, and the kinds of cited fact that they may speak of."""
LARGE: Mapping[Lang, frozenset[str]] = {
    "en": frozenset({"considerable", "marked", "large"}),
    "es": frozenset({"considerable", "notable"}),
}
SMALL: Mapping[Lang, frozenset[str]] = {
    "en": frozenset({"slight", "moderate"}),
    "es": frozenset({"ligera", "moderada"}),
}

# -- what is never written, and why ------------------------------------------------------------------------------------
NEVER: Mapping[Lang, Mapping[str, frozenset[str]]] = {
    "en": {
        "a direction": _listed(
            "above below more less higher lower larger smaller over under rises rose fell increased decreased"
        ),
        "a negation": _listed("no not never nothing none neither nor without cannot hardly barely"),
        "a cause": _listed("because since due caused causes therefore thus hence reason result explains"),
        "certainty": _listed(
            "certainly clearly surely definitely obviously proves proof confirms always must undoubtedly"
        ),
        "guilt or intent": _listed(
            "fraud fraudulent theft stolen criminal illegal crime guilty deliberate deliberately intentional "
            "intentionally hidden hides manipulated suspicious corrupt bribe embezzled"
        ),
        "a probability": _listed("probably likely unlikely possible possibly perhaps"),
        "what is usual": _listed("usual usually normal normally typical expected unusual rare common"),
        "an order of rank": _listed("most least only main best worst"),
    },
    "es": {
        "a direction": _listed(
            "encima debajo más menos mayor menor superior inferior sube subió baja bajó aumenta aumentó supera"
        ),
        "a negation": _listed("no ni nunca jamás nada ningún ninguna ninguno sin tampoco apenas"),
        "a cause": _listed("porque debido causa causado causó razón motivo consecuencia resultado explica"),
        "certainty": _listed(
            "ciertamente claramente seguro seguramente evidente obviamente demuestra prueba confirma siempre"
        ),
        "guilt or intent": _listed(
            "fraude fraudulento robo robado delito ilegal culpable deliberado deliberadamente intencionado "
            "oculta oculto manipulado sospechoso sospechosa corrupto soborno malversación"
        ),
        "a probability": _listed("probablemente probable improbable posible posiblemente quizá quizás"),
        "what is usual": _listed("habitual normal típico esperado inusual raro frecuente común"),
        "an order of rank": _listed("más menos solo principal mejor peor"),
    },
}
"""By what they would say; the other lists hold none of them."""


def check_words(words: str, facts: Sequence[Fact], lang: Lang) -> None:
    """Raise UnbackedError for the first word around these cited facts that may not be written.

    `words` is the text between two cited facts of a sentence, or at its head or end.
    """
    if re.search(r"[^\w ,;:]|[\d_]", words):
        raise UnbackedError(f"the words {words.strip()!r} hold a figure or a sign")
    for word in re.findall(r"\w+", words):
        _check_word(word, facts, lang)


def _check_word(word: str, facts: Sequence[Fact], lang: Lang) -> None:
    for meaning, listed in NEVER[lang].items():
        if word in listed and word not in PLAIN[lang]:
            raise UnbackedError(f"the word {word!r} states {meaning}")
    if word in TOPICS[lang]:
        if not any(fact.kind in TOPICS[lang][word] for fact in facts):
            raise UnbackedError(f"the word {word!r} speaks of what no cited fact is about")
    elif word in LARGE[lang] or word in SMALL[lang]:
        if not any(_is_large(fact) is (word in LARGE[lang]) for fact in facts):
            raise UnbackedError(f"the word {word!r} states a size that no cited fact has")
    elif word not in PLAIN[lang]:
        raise UnbackedError(f"the word {word!r} is not one that may stand around facts")


_IN_DEVIATIONS = frozenset(
    {K.OUTSIDE_BAND, K.LEVEL_SHIFT, K.RELATION_BROKEN, K.ALSO_MOVED, K.ONE_SIDED, K.JOINT_DISTANCE}
)


_WITH_A_RANGE = frozenset({K.OWN_HISTORY, K.PEERS, K.FREQUENCY, K.RECENT_LEVEL, K.RECENT_SUM})


def _is_large(fact: Fact) -> bool | None:
    """Whether it departs by half of what is usual, or by three standard deviations; None where that is unknown."""
    ratio = fact.ratio
    if ratio is None or not math.isfinite(ratio):
        return None
    if fact.kind in _IN_DEVIATIONS:
        return abs(ratio) >= 3
    if ratio <= 0:
        return None
    low, high, actual = fact.expected_low, fact.expected_high, fact.actual
    compared = fact.kind in _WITH_A_RANGE and isinstance(actual, int | float)
    if compared and low is not None and high is not None and low <= float(actual or 0) <= high:
        return False
    return max(ratio, 1 / ratio) >= 1.5

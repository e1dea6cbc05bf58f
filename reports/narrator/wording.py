"""What a model may write around facts in each language: phrases with places where it chooses, and nothing else.

A positive list, because a list of what is forbidden is never whole. What no phrase holds cannot be written: figures and
names, negations, causes (because, due to), certainty (proves, certainly), intent and guilt (fraud, deliberate), what is
usual or not. A topic or a size stands in a phrase only before a fact that has it; whether that is so is checked again
on the last text (`reports.grounding.wording`). Phrases and not single words: small models make word salad of these.

In a phrase `(one|another|)` is a choice, `<topic>` a noun for what the next fact is about, `<size>` a word for how
large its deviation is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from analyzers.results import Fact, FactKind
from reports.clauses.magnitude import Magnitude, magnitude
from reports.contents import Lang

K = FactKind


@dataclass(frozen=True)
class Wording:
    """The phrases of one language; each but the closers leads to a clause."""

    heads: tuple[str, ...]
    """How a narrative may begin; the empty phrase begins with the fact itself."""
    turns: tuple[str, ...]
    """How each further sentence may begin."""
    joints: tuple[str, ...]
    """What may stand between two facts of a sentence."""
    closers: tuple[str, ...]
    """How the last sentence may go on after its last fact."""
    topics: Mapping[str, frozenset[FactKind]]
    """Nouns, and the kinds of fact that they speak of."""
    large: str
    """For deviations that are well or far from what is usual."""
    small: str


_TIMED = frozenset({K.UNUSUAL_TIME, K.WEEKEND, K.HOLIDAY, K.NIGHT, K.PERIOD_END})
_AMOUNTS = frozenset({
    K.DUPLICATE, K.BELOW_LIMIT, K.SPLIT, K.ROUND_AMOUNT, K.ENDINGS, K.BENFORD, K.RELATIVE_SIZE,
})  # fmt: skip
_SENSORS = frozenset({K.FLAT_LINE, K.SILENT, K.SPIKES, K.GROSS_RANGE, K.SENSOR_DRIFT})
_PAST = frozenset({K.OWN_HISTORY, K.NEW_ENTITY, K.RELATIVE_SIZE})
_COMPARED = frozenset({K.PEERS, K.STRANGENESS})
_COMBINED = frozenset({K.RARE_PAIR, K.SELDOM_PAIR, K.COMBINATION})

WORDING: Mapping[Lang, Wording] = {
    "en": Wording(
        heads=(
            "",
            "what (stands out|catches the eye|is striking|deserves attention|calls for a look)( first| here|) is that ",
            "to begin with(, it is worth noting that |, note that |, )",
            "first of all, ",
            "the (point|detail|thing) to (look at|note)( here| first|) is that ",
            "a (look|glance) at the <topic> shows that ",
            "there is a <size> (gap|departure) here: ",
        ),
        turns=(
            "(in addition|moreover|besides|beyond that|on top of that|alongside this|furthermore), ",
            "it (is|seems) (also |)(worth noting|worth mentioning|noticeable|striking) that ",
            "what (also stands out|also catches the eye|deserves attention as well) is that ",
            "(note|notice|bear in mind|add to this) (also |)that ",
            "(as for|turning to|with regard to) the <topic>, ",
            "the <topic> (deserves|merits) (a look|attention)(, too|): ",
            "a <size> (gap|departure) comes on top of that: ",
            "(here is a|there is a) further (point|detail): ",
        ),
        joints=(
            ", and ",
            "; ",
            ", and (it is also worth noting that|it stands out that|on top of that,|in addition,|besides,) ",
            "; (in addition|besides|moreover|beside this|as for the <topic>), ",
        ),
        closers=(
            "",
            ", which (deserves|merits|calls for|is worth) (a look|a closer look|a check|attention)( of its own|)",
            ", (a point|a detail) (to look at|worth a check|worth a closer look)( as well|)",
        ),
        topics={
            "amount": _AMOUNTS, "history": _PAST, "comparison": _COMPARED, "timing": _TIMED,
            "limit": frozenset({K.BELOW_LIMIT, K.SPLIT}), "account": frozenset({K.BANK_CHANGED}),
            "combination": _COMBINED, "frequency": frozenset({K.FREQUENCY}), "approval": frozenset({K.SELF_APPROVED}),
            "sensor": _SENSORS, "level": frozenset({K.LEVEL_SHIFT, K.OUTSIDE_BAND, K.RECENT_LEVEL}),
            "interplay": frozenset({K.RELATION_BROKEN, K.ALSO_MOVED}), "sum": frozenset({K.SPLIT, K.RECENT_SUM}),
            "earlier payment": frozenset({K.DUPLICATE}), "silence": frozenset({K.SILENCE}),
            "shift": frozenset({K.CATEGORY_SHIFT}),
        },
        large="(considerable|marked|large)",
        small="(slight|moderate)",
    ),
    "es": Wording(
        heads=(
            "",
            "(lo primero que|lo que) (destaca|resalta|salta a la vista|merece atención)( aquí|) es que ",
            "para empezar(, cabe señalar que |, conviene señalar que |, )",
            "(ante todo|en primer lugar), ",
            "el (punto|detalle) que conviene (mirar|revisar|señalar)( aquí| primero|) es que ",
            "una (mirada|vista) a <topic> muestra que ",
            "hay una diferencia <size>: ",
        ),
        turns=(
            "(además|asimismo|por otra parte|aparte de esto|junto a esto|por lo demás), ",
            "también (cabe|conviene) (señalar|destacar|recordar|apuntar) que ",
            "a (esto|ello) se (suma|añade) que ",
            "(destaca|resalta|se observa|se aprecia) (también |asimismo |)que ",
            "(en cuanto|por lo que respecta|respecto) a <topic>, ",
            "<topic> también (merece|pide) (una mirada|atención|una revisión): ",
            "a esto se suma una diferencia <size>: ",
        ),
        joints=(
            ", y ",
            "; ",
            ", y (también cabe señalar que|conviene recordar que|además|junto a esto) ",
            "; (además|asimismo|por otra parte|en cuanto a <topic>), ",
        ),
        closers=(
            "",
            ", lo que (merece|pide|requiere) (una mirada|una mirada atenta|una revisión|atención)( aparte|)",
            ", (un punto|un detalle) que conviene (mirar|revisar)( con calma| también|)",
        ),
        topics={
            "el importe": _AMOUNTS, "el historial": _PAST, "la comparación": _COMPARED, "el momento": _TIMED,
            "el límite": frozenset({K.BELOW_LIMIT, K.SPLIT}), "la cuenta": frozenset({K.BANK_CHANGED}),
            "la combinación": _COMBINED, "la frecuencia": frozenset({K.FREQUENCY}),
            "la aprobación": frozenset({K.SELF_APPROVED}), "el sensor": _SENSORS,
            "el nivel": frozenset({K.LEVEL_SHIFT, K.OUTSIDE_BAND, K.RECENT_LEVEL}),
            "la relación": frozenset({K.RELATION_BROKEN, K.ALSO_MOVED}), "la suma": frozenset({K.SPLIT, K.RECENT_SUM}),
            "el pago anterior": frozenset({K.DUPLICATE}), "el silencio": frozenset({K.SILENCE}),
            "el cambio": frozenset({K.CATEGORY_SHIFT}),
        },
        large="(considerable|notable)",
        small="(ligera|moderada)",
    ),
}  # fmt: skip
"""What each language offers."""


def phrases_before(phrases: tuple[str, ...], fact: Fact, lang: Lang) -> Iterator[str]:
    """The phrases that may lead to a fact, its topics and size filled in as choices."""
    said = WORDING[lang]
    topics = "|".join(noun for noun, kinds in said.topics.items() if fact.kind in kinds)
    size = {
        Magnitude.FAR: said.large, Magnitude.WELL: said.large,
        Magnitude.SOMEWHAT: said.small, Magnitude.HARDLY: said.small,
    }.get(magnitude(fact))  # fmt: skip
    for given in phrases:
        # A choice between phrases may do without the one that names a topic.
        phrase = given if topics else re.sub(r"\|[^|()]*<topic>(?=[|)])", "", given)
        if ("<topic>" in phrase and not topics) or ("<size>" in phrase and not size):
            continue
        inner = topics if re.search(r"\|[^|()]*<topic>", phrase) else f"({topics})"
        yield _contracted(_widened(phrase, inner).replace("<size>", size or ""))


def _widened(phrase: str, topics: str) -> str:
    """The phrase with its topic filled in; within a choice, each topic is a choice of its own."""
    if topics.startswith("("):
        return phrase.replace("<topic>", topics)
    head = re.search(r"\|([^|()]*)<topic>", phrase)
    assert head is not None
    return phrase.replace(f"{head[1]}<topic>", "|".join(f"{head[1]}{noun}" for noun in topics.split("|")))


def _contracted(phrase: str) -> str:
    """In Spanish `a` and `el` are one word, `al`; no English phrase has the two."""
    spread = re.sub(r"\ba \((el [^()]*|[^()]*\|el [^()]*)\)", _spread, phrase)
    return re.sub(r"\ba el ", "al ", spread)


def _spread(choice: re.Match[str]) -> str:
    return "(" + "|".join(f"a {noun}" for noun in choice[1].split("|")) + ")"


def as_pattern(phrases: tuple[str, ...]) -> str:
    """The phrases as one regular expression."""
    return "(?:" + "|".join(re.sub(r"[^()|\w ]", r"\\\g<0>", p).replace("(", "(?:") for p in phrases) + ")"


def as_rule(phrases: tuple[str, ...]) -> str:
    """The phrases as the body of a GBNF rule."""
    return " | ".join(" ".join(_pieces(phrase)) or '""' for phrase in phrases)


def _pieces(phrase: str) -> Iterator[str]:
    cuts = [0, *(at for match in re.finditer(r"\([^()]*\)", phrase) for at in match.span()), len(phrase)]
    for start, end in pairwise(cuts):
        text = phrase[start:end]
        if text.startswith("("):
            yield "( " + " | ".join(f'"{choice}"' for choice in text[1:-1].split("|")) + " )"
        elif text:
            yield f'"{text}"'

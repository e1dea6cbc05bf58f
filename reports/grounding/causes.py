"""The check of sentences that state no fact of a record: what could lie behind it, what to do, what is not known.

A cause must be hedged, and the evidence that it leans on must be of a fact that it cites. Written for the check alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from analyzers.results import Fact, FactKind
from reports.contents import Claim, Lang
from reports.grounding.unbacked import UnbackedError

_HEDGED: Mapping[Lang, tuple[str, ...]] = {
    "en": (
        r"It (?:may be|could also be) that (?P<cause>.+?)(?:, which would fit (?P<for>[^,]+))?\.",
        r"It is less likely that (?P<cause>.+), which would not fit (?P<against>[^,]+)\.",
        r"What lies behind it is not known yet\.",
    ),
    "es": (
        r"(?:Puede que|También podría ser que) (?P<cause>.+?)(?:, lo que encajaría con (?P<for>[^,]+))?\.",
        r"Es menos probable que (?P<cause>.+), pues no encajaría con (?P<against>[^,]+)\.",
        r"Todavía no se sabe a qué se debe\.",
    ),
}
_FIRST: Mapping[Lang, str] = {"en": r"First, .+\.", "es": r"Como primer paso, .+\."}
_SILENT: Mapping[Lang, str] = {
    "en": r"What (?:makes .+ stand|stands) out is listed with its scores\.",
    "es": r"Lo que (?:distingue a .+|destaca) figura junto a sus puntuaciones\.",
}


def check_cause(text: str, facts: Sequence[Fact], lang: Lang) -> None:
    """Raise UnbackedError for a cause that is stated as a fact, or that leans on evidence which is not cited."""
    match = next((match for pattern in _HEDGED[lang] if (match := re.fullmatch(pattern, text))), None)
    if match is None:
        raise UnbackedError("a cause is not worded as a possibility, or not with what speaks for or against it")
    named = match.groupdict()
    evidence = named.get("for") or named.get("against") or ""
    stated = [EVIDENCE[fact.kind][lang == "es"] for fact in facts]
    if re.split(r" and " if lang == "en" else r" (?:y|e) ", evidence) != (stated or [""]) and evidence != _joined(
        stated, lang
    ):
        raise UnbackedError(f"leans on {evidence or 'nothing'!r}, which is not what it cites")


def check_offered(claim: Claim, offered: Collection[str], lang: Lang) -> None:
    """Raise UnbackedError for a cause or a step that the playbook does not offer."""
    if claim.part == "cause":
        match = next((match for pattern in _HEDGED[lang] if (match := re.fullmatch(pattern, claim.text))), None)
        stated = match.groupdict().get("cause") if match else None
    elif claim.part == "step":
        stated = re.sub(r"^[^,]*, |\.$", "", claim.text)
    else:
        return
    if stated is not None and stated not in offered and stated not in _GENERAL:
        raise UnbackedError(f"{stated[:80]!r} is not in the playbook")


_GENERAL = (
    "compare the source documents with what was recorded",
    "compare los documentos de origen con lo registrado",
)


def _joined(stated: Sequence[str], lang: Lang) -> str:
    """Two phrases in a row, where one of them holds an `and` itself."""
    return (" and " if lang == "en" else " y ").join(stated)


def check_uncited(claim: Claim, lang: Lang) -> None:
    """Raise UnbackedError for a sentence without a fact that is neither a step nor says that nothing is known."""
    if claim.facts:
        raise UnbackedError("a step cites facts, and states none")
    pattern = _FIRST[lang] if claim.part == "step" else _SILENT[lang]
    if not re.fullmatch(pattern, claim.text, re.DOTALL):
        raise UnbackedError("states something without citing a fact")


EVIDENCE: Mapping[FactKind, tuple[str, str]] = {
    FactKind.OWN_HISTORY: ("the departure from its own history", "la diferencia con su propio historial"),
    FactKind.PEERS: ("the departure from comparable records", "la diferencia con registros comparables"),
    FactKind.RARE_VALUE: ("the rare value", "el valor poco frecuente"),
    FactKind.RARE_PAIR: ("the rare combination", "la combinación poco frecuente"),
    FactKind.NEW_ENTITY: ("the lack of a history", "la falta de historial"),
    FactKind.FREQUENCY: ("the number of records", "el número de registros"),
    FactKind.UNUSUAL_TIME: ("the unusual time", "el momento inusual"),
    FactKind.COMBINATION: ("the unusual combination", "la combinación inusual"),
    FactKind.STRANGENESS: ("the strangeness of the record as a whole", "la rareza del registro en conjunto"),
    FactKind.DUPLICATE: ("the match with an earlier payment", "la coincidencia con un pago anterior"),
    FactKind.STOPPABLE: ("what is known of where the money is", "lo que se sabe del paradero del dinero"),
    FactKind.BELOW_LIMIT: ("the amount just below the limit", "el importe justo por debajo del límite"),
    FactKind.SPLIT: ("the sum of the parts", "la suma de las partes"),
    FactKind.ROUND_AMOUNT: ("the round amount", "el importe redondo"),
    FactKind.BENFORD: ("the distribution of leading digits", "la distribución de los primeros dígitos"),
    FactKind.ENDINGS: ("the repeated ending", "la terminación repetida"),
    FactKind.NO_DESCRIPTION: ("the empty field", "el campo vacío"),
    FactKind.SEQUENCE_GAP: ("the missing numbers", "los números que faltan"),
    FactKind.WEEKEND: ("the date on a weekend", "la fecha en fin de semana"),
    FactKind.HOLIDAY: ("the date on a holiday", "la fecha en día festivo"),
    FactKind.NIGHT: ("the hour", "la hora"),
    FactKind.PERIOD_END: ("the closeness to the end of the period", "la cercanía del cierre del periodo"),
    FactKind.SELDOM_PAIR: ("the seldom used combination", "la combinación poco usada"),
    FactKind.SELF_APPROVED: ("the missing second pair of eyes", "la falta de una segunda revisión"),
    FactKind.BANK_CHANGED: ("the recent change of bank account", "el cambio reciente de cuenta bancaria"),
    FactKind.SHARED_DETAILS: ("the shared details", "los datos compartidos"),
    FactKind.RELATIVE_SIZE: ("the gap to the next largest amount", "la distancia al siguiente importe más alto"),
    FactKind.HOUSE_RULE: ("the rule that applies", "la regla que se cumple"),
    FactKind.OUTSIDE_BAND: ("the departure from the band", "la salida de la banda"),
    FactKind.LEVEL_SHIFT: ("the change of level", "el cambio de nivel"),
    FactKind.MORE_VARIATION: ("the greater variation", "la mayor variación"),
    FactKind.LESS_VARIATION: ("the smaller variation", "la menor variación"),
    FactKind.RELATION_BROKEN: ("the lost relation to the other measures", "la relación perdida con las demás medidas"),
    FactKind.EPISODE: ("the course of the episode", "el curso del episodio"),
    FactKind.ALSO_MOVED: ("the other measures that moved along", "las otras medidas que se movieron a la vez"),
    FactKind.FLAT_LINE: ("the constant reading", "la lectura constante"),
    FactKind.SILENT: ("the missing readings", "la falta de lecturas"),
    FactKind.SPIKES: ("the single-sample spikes", "los picos de una sola muestra"),
    FactKind.GROSS_RANGE: ("the implausible readings", "las lecturas inverosímiles"),
    FactKind.SENSOR_DRIFT: ("the difference from the reference", "la diferencia con la referencia"),
    FactKind.ONE_SIDED: ("the small difference that lasts", "la pequeña diferencia que perdura"),
    FactKind.JOINT_DISTANCE: ("the joint departure of the measures", "el desvío conjunto de las medidas"),
    FactKind.RATE_OF_CHANGE: ("the changes from reading to reading", "los cambios de una lectura a la siguiente"),
    FactKind.CLIMATOLOGY: (
        "the readings outside the season's range",
        "las lecturas fuera del intervalo de la estación",
    ),
    FactKind.NEIGHBOUR: (
        "the disagreement with the neighbouring sensor",
        "la falta de coincidencia con el sensor vecino",
    ),
    FactKind.CLOCK_STUCK: ("the repeated time", "la hora repetida"),
    FactKind.BAD_QUALITY: ("the readings marked as bad", "las lecturas dadas por malas"),
    FactKind.UNIT_CHANGED: ("the change of unit", "el cambio de unidad"),
    FactKind.SILENCE: ("the lasting silence", "el silencio prolongado"),
    FactKind.CATEGORY_SHIFT: ("the shift between values", "el desplazamiento entre valores"),
    FactKind.RECENT_LEVEL: ("the change of the usual size", "el cambio del tamaño habitual"),
    FactKind.RECENT_SUM: ("the change of the sum", "el cambio de la suma"),
    FactKind.EXPOSURE: ("the money involved", "el dinero en juego"),
    FactKind.DECIDED_BEFORE: ("what was decided before", "lo que se decidió antes"),
    FactKind.SEEN_BEFORE: ("the repetition over several nights", "la repetición en varias noches"),
}
"""What a cause may lean on, by kind of fact, in English and in Spanish."""

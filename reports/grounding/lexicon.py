"""The words that the check knows: what joins statements, what gives a figure its sense, which words state a direction.

Written for the check alone; the templates that write the texts do not use it.
"""

from __future__ import annotations

from analyzers.results import FactKind

SEPARATORS = {"en": r", and | and |, while |; ", "es": r", y |, e | y | e |, mientras que |; "}
"""What may stand between two statements of one sentence."""

PROPER = frozenset(
    {"Benford", "Benfords", "IBAN", "BIC", "ERP", "IVA", "VAT", "SCADA", "PLC", "SEPA", "IT", "RPM", "I"}
)
"""Words with a capital that are no names of anybody."""

# -- what the words behind a figure make of it: pattern -> sense -------------------------------------------------------
SENSES = {
    "en": (
        (r" ?%", "percent"),
        (r" times\b(?! in\b)", "times"),
        (r" standard deviations?\b", "deviations"),
        (r" (?:days?|h|min|minutes?)\b", "duration"),
        (r" more than chance", "excess"),
        (r" of (?=-?[\d.,]+ (?:earlier |other )?records?\b)", "part"),
        (
            r" (?:earlier |comparable |other )?(?:records?|amounts?|numbers?|spikes?|readings?|changes?|nights?)\b",
            "count",
        ),
    ),
    "es": (
        (r" ?%", "percent"),
        (r" veces\b", "times"),
        (r" desviaciones típicas\b", "deviations"),
        (r" (?:días?|h|min|minutos?)\b", "duration"),
        (r" más que por azar", "excess"),
        (r" de (?=(?:los otros )?-?[\d.,]+ registros?\b|el otro registro\b)", "part"),
        (
            (
                r" (?:registros?|importes?|números?|picos?|lecturas?|cambios?|noches?)\b"
                r"(?: anterior(?:es)?| comparables?| más)?"
            ),
            "count",
        ),
    ),
}

# -- what the words before a figure make of it: the last cue before it decides -----------------------------------------
CUES = {
    "en": (
        (r"begins? with", "digits"),
        (r"of its records", "unusual"),
        (r"multiple of", "unit_of"),
        (r"deviation", "mad"),
        (
            (
                r"spread of|the <feature> of|it read|most extreme of them|amount of|averaged|reached|stuck at|comes? to"
                r"|differs by|on average"
            ),
            "actual",
        ),
        (r"usual|limit|where|times the|against|expected|predict|plausible|up to|every|next largest|\(", "expected"),
    ),
    "es": (
        (r"empieza por", "digits"),
        (r"de sus registros", "unusual"),
        (r"múltiplo exacto de", "unit_of"),
        (r"absoluta media de", "mad"),
        (
            (
                r"una dispersión de|valor de <feature> \(|valor de|marcó|la más extrema de|importe de|promedió|alcanzó"
                r"|el mayor de|difiere en"
                r"|cambios en|suman?|difiere de su referencia en"
            ),
            "actual",
        ),
        (
            r"habitual|límite|cuando|veces el|frente a|esperada|predicen|verosímil|hasta|cada|siguiente \w+ más|\(",
            "expected",
        ),
    ),
}

# -- directions --------------------------------------------------------------------------------------------------------
IDIOMS = {
    "en": r"more than chance|by little but|rather than|stranger than|most extreme|most of all|earlier|next largest",
    "es": (
        r"más que por azar|más del mismo|registros? más|más registros|más extrañ\w+|más extrema|siguiente \w+ más alto"
        r"|sobre todo|el mayor de"
    ),
}
"""Phrases whose comparatives state no direction of a value."""
ABOVE = {
    "en": r"\b(?:above|more|larger|greater|higher|over|exceeds?|exceeded|rose|increased)\b(?! to \d)",
    "es": r"\bpor encima\b|\b(?:más|mayor|mayores|superior|supera|superan|subió|aumentó)\b",
}
BELOW = {
    "en": r"\b(?:below|less|smaller|lower|under|fell|decreased|fewer)\b",
    "es": r"\bpor debajo\b|\b(?:menos|menor|menores|inferior|bajó|disminuyó)\b",
}
PORTION = {"en": r"only [\d.,]+ ?% (?:of what|as much)", "es": r"solo el [\d.,]+ ?% de lo"}
NOT_BELOW = {"en": r"\bnot below\b", "es": r"\bno queda por debajo\b"}
STOPPABLE = {"en": r"\bcan still be stopped\b", "es": r"\btodavía puede detenerse\b"}
GONE = {"en": r"\bha[sd] left\b", "es": r"\bha(?:bía)? salido\b"}
"""What a statement about a payment's money says of it."""
NEVER = {
    "en": r"\bnever\b|\bno (?:earlier|other) records\b|\bnowhere else\b",
    "es": r"\bnunca\b|\bno tenía registros anteriores\b|\bno tiene más registros\b|\bningún otro registro\b",
}
EVERY = {"en": r"\bevery minute\b", "es": r"\bcada minuto\b"}
ALL = {"en": r"\bstranger than all\b", "es": r"\bmás extraño que los \d"}

COUNT_IS_ACTUAL = frozenset({FactKind.FREQUENCY, FactKind.SEQUENCE_GAP, FactKind.SPIKES})
"""Kinds whose counted things are the fact's `actual`, not its `count`."""
ONE_SIDED = frozenset(
    {
        FactKind.BELOW_LIMIT,
        FactKind.SPLIT,
        FactKind.ENDINGS,
        FactKind.RELATIVE_SIZE,
        FactKind.MORE_VARIATION,
        FactKind.LESS_VARIATION,
        FactKind.SPIKES,
        FactKind.SILENT,
        FactKind.RATE_OF_CHANGE,
    }
)
"""Kinds of which one end of the expected range counts."""
IN_ORDER = {FactKind.BANK_CHANGED: ("previous", "current"), FactKind.SEQUENCE_GAP: ("after", "before")}
"""Kinds in which one text of the fact must stand before another."""

# -- what a statement of each kind cannot do without -------------------------------------------------------------------
MARKS = {
    FactKind.OWN_HISTORY: (r"usual", r"habitual"),
    FactKind.PEERS: (r"comparable", r"comparables?"),
    FactKind.RARE_VALUE: (r"occur(?:red|s)|is rare", r"aparece|aparecido|poco frecuente"),
    FactKind.RARE_PAIR: (r"combination|occurred|is rare", r"combinación|aparece|aparecido|poco frecuente"),
    FactKind.NEW_ENTITY: (
        r"(?:had|has) (?:no (?:earlier|other) records|only [\d,.]+ (?:earlier|other) records?)",
        r"no (?:tenía registros anteriores|tiene más registros)|solo (?:tenía|tiene) [\d,.]+ registros? (?:ant|más)",
    ),
    FactKind.FREQUENCY: (
        r"there (?:was|were) (?:[\d,.-]+|an unusual number of) records?",
        r"hubo (?:[\d,.-]+|un número inusual de) registros?",
    ),
    FactKind.UNUSUAL_TIME: (r"unusual time|usual hours", r"momento inusual|horario habitual"),
    FactKind.COMBINATION: (r"in combination", r"en combinación"),
    FactKind.STRANGENESS: (r"strange", r"extraño"),
    FactKind.DUPLICATE: (r"that of", r"con el|al de|del documento"),
    FactKind.STOPPABLE: (r"be stopped|left", r"detenerse|salido"),
    FactKind.BELOW_LIMIT: (r"limit", r"límite"),
    FactKind.SPLIT: (r"together (?:comes?|count)", r"suma"),
    FactKind.ROUND_AMOUNT: (r"whole multiple|round figure", r"múltiplo exacto|cifra redonda"),
    FactKind.BENFORD: (r"begins? with", r"empieza por"),
    FactKind.ENDINGS: (r"ends? in|ends? alike", r"termina en|una misma terminación"),
    FactKind.NO_DESCRIPTION: (r"is empty", r"está vacío"),
    FactKind.SEQUENCE_GAP: (r"missing", r"falta"),
    FactKind.WEEKEND: (r"falls on(?!.*% of all(?! records))", r"cae en"),
    FactKind.HOLIDAY: (r"holiday", r"festivo"),
    FactKind.NIGHT: (r"falls", r"cae"),
    FactKind.PERIOD_END: (r"the period", r"periodo"),
    FactKind.SELDOM_PAIR: (r"combination|occurred|is rare", r"combinación|aparece|aparecido|poco frecuente"),
    FactKind.SELF_APPROVED: (r"was both created and approved by", r"fue creado y también aprobado por"),
    FactKind.BANK_CHANGED: (r"was changed", r"se cambió"),
    FactKind.SHARED_DETAILS: (r"the same as", r"coincide con"),
    FactKind.RELATIVE_SIZE: (r"next largest", r"siguiente \w+ más alto"),
    FactKind.HOUSE_RULE: (r"applies", r"se cumple"),
    FactKind.OUTSIDE_BAND: (r"band", r"banda"),
    FactKind.LEVEL_SHIFT: (r"level|averaged", r"nivel|promedió"),
    FactKind.MORE_VARIATION: (r"varied", r"varió"),
    FactKind.LESS_VARIATION: (r"varied", r"varió"),
    FactKind.RELATION_BROKEN: (r"no longer followed", r"dejó de seguir"),
    FactKind.EPISODE: (
        r"the episode|began|lasted|lasts|ended|noticed",
        r"el episodio|comenzó|duró|dura|curso|terminado|detectó",
    ),
    FactKind.ALSO_MOVED: (r"moved as well", r"también se movió"),
    FactKind.FLAT_LINE: (r"stuck", r"sin cambios"),
    FactKind.SILENT: (r"no reading", r"no ha dado lecturas"),
    FactKind.SPIKES: (r"single sample", r"sola muestra"),
    FactKind.GROSS_RANGE: (r"plausible", r"verosímil"),
    FactKind.ONE_SIDED: (r"by little but all the time", r"por poco pero todo el tiempo"),
    FactKind.JOINT_DISTANCE: (r"usual pattern together", r"en conjunto de su patrón"),
    FactKind.RATE_OF_CHANGE: (r"from one reading to the next", r"de una lectura a la siguiente"),
    FactKind.CLIMATOLOGY: (r"range of the season", r"intervalo de la estación"),
    FactKind.NEIGHBOUR: (r"no longer agrees with", r"ya no coincide con"),
    FactKind.CLOCK_STUCK: (r"one and the same time", r"una misma hora"),
    FactKind.BAD_QUALITY: (r"marked as bad", r"da por malas"),
    FactKind.UNIT_CHANGED: (r"changed its unit", r"cambió de unidad"),
    FactKind.SENSOR_DRIFT: (r"its reference", r"su referencia"),
    FactKind.SILENCE: (r"has been no record", r"no hay ningún registro"),
    FactKind.CATEGORY_SHIFT: (r"stands in|another share", r"figura en|otra proporción"),
    FactKind.RECENT_LEVEL: (r"usual", r"habitual"),
    FactKind.RECENT_SUM: (r"usual", r"habitual"),
    FactKind.EXPOSURE: (r"money at risk|is [\d.,]+|not known", r"dinero en riesgo|asciende|no se conoce"),
    FactKind.DECIDED_BEFORE: (r"reported", r"señalado"),
    FactKind.SEEN_BEFORE: (r"reported", r"señalado"),
}

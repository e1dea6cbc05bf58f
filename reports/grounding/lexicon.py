"""The words that the check knows: what joins statements, what gives a figure its sense, which words state a direction.

Written for the check alone; the templates that write the texts do not use it.
"""

from __future__ import annotations

from analyzers.results import FactKind

SEPARATORS = {"en": r", and |, while |; ", "es": r" y | e |, mientras que |; "}
"""What may stand between two statements of one sentence."""

PROPER = frozenset(
    {"Benford", "Benfords", "IBAN", "BIC", "ERP", "IVA", "VAT", "SCADA", "PLC", "SEPA", "IT", "RPM", "I"}
)
"""Words with a capital that are no names of anybody."""

# -- what the words behind a figure make of it: pattern -> sense --------------------------------------------------------
SENSES = {
    "en": (
        (r" ?%", "percent"),
        (r" times\b(?! in\b)", "times"),
        (r" usual deviations?\b", "deviations"),
        (r" (?:days?|h|min|minutes?)\b", "duration"),
        (r" more than chance", "excess"),
        (r" of (?=-?[\d.,]+ (?:earlier )?records?\b)", "part"),
        (r" (?:earlier |comparable |other )?(?:records?|amounts?|numbers?|spikes?|readings?|nights?)\b", "count"),
    ),
    "es": (
        (r" ?%", "percent"),
        (r" veces\b", "times"),
        (r" desviaciones habituales\b", "deviations"),
        (r" (?:días?|h|min|minutos?)\b", "duration"),
        (r" más que por azar", "excess"),
        (r" de (?=-?[\d.,]+ registros?\b)", "part"),
        (
            r" (?:registros?|importes?|números?|picos?|lecturas?|noches?)\b(?: anterior(?:es)?| comparables?| más)?",
            "count",
        ),
    ),
}

# -- what the words before a figure make of it: the last cue before it decides ------------------------------------------
CUES = {
    "en": (
        (r"begin with", "digits"),
        (r"multiple of", "unit_of"),
        (r"deviation", "mad"),
        (
            r"spread of|the <feature> of|it read|most extreme of them|amount of|averaged|reached|stuck at|come to|comes to|on average",
            "actual",
        ),
        (r"usual|limit|where|times the|against|expected|predict|plausible|up to|every|next largest|\(", "expected"),
    ),
    "es": (
        (r"empiezan por", "digits"),
        (r"múltiplo exacto de", "unit_of"),
        (r"absoluta media de", "mad"),
        (
            r"una dispersión de|valor de <feature> \(|valor de|marcó|la más extrema de|importe de|promedió|alcanzó|cambios en|suman?|difiere de su referencia en",
            "actual",
        ),
        (
            r"habitual|límite|cuando|veces el|frente a|esperada|predicen|verosímil|hasta|cada|siguiente más alto|\(",
            "expected",
        ),
    ),
}
SPREAD_BRACKET = {"en": r"\(a spread of", "es": r"\(una dispersión de"}

# -- directions ----------------------------------------------------------------------------------------------------------
IDIOMS = {
    "en": r"more than chance|rather than|stranger than|most extreme|most of all|earlier|next largest",
    "es": r"más que por azar|(?:importes? )?más del mismo|más extrañ\w+|más extrema|siguiente más alto|sobre todo",
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
NEVER = {"en": r"\bnever\b|\bno earlier records\b", "es": r"\bnunca\b|\bno tenía registros anteriores\b"}
EVERY = {"en": r"\bevery minute\b", "es": r"\bcada minuto\b"}
ALL = {"en": r"\bstranger than all\b", "es": r"\bmás extraño que los \d"}

COUNT_IS_ACTUAL = frozenset({FactKind.FREQUENCY, FactKind.SEQUENCE_GAP, FactKind.SPIKES})
"""Kinds whose counted things are the fact's `actual`, not its `count`."""
IN_ORDER = {FactKind.BANK_CHANGED: ("previous", "current"), FactKind.SEQUENCE_GAP: ("after", "before")}
"""Kinds in which one text of the fact must stand before another."""

# -- what a statement of each kind cannot do without ---------------------------------------------------------------------
MARKS = {
    FactKind.OWN_HISTORY: (r"usual", r"habitual"),
    FactKind.PEERS: (r"comparable", r"comparables?"),
    FactKind.RARE_VALUE: (r"occurred|is rare", r"aparece|aparecido|poco frecuente"),
    FactKind.RARE_PAIR: (r"combination", r"combinación"),
    FactKind.NEW_ENTITY: (r"earlier records?", r"registros? anterior(?:es)?"),
    FactKind.FREQUENCY: (r"there (?:was|were)", r"hubo"),
    FactKind.UNUSUAL_TIME: (r"unusual time|usual hours", r"momento inusual|horario habitual"),
    FactKind.COMBINATION: (r"in combination", r"en combinación"),
    FactKind.STRANGENESS: (r"strange", r"extraño"),
    FactKind.DUPLICATE: (r"that of", r"con el|al de|del documento"),
    FactKind.BELOW_LIMIT: (r"limit", r"límite"),
    FactKind.SPLIT: (r"together (?:comes?|count)", r"suma"),
    FactKind.ROUND_AMOUNT: (r"whole multiple|round figure", r"múltiplo exacto|cifra redonda"),
    FactKind.BENFORD: (r"begin with|leading digits", r"empiezan por|primeros dígitos"),
    FactKind.ENDINGS: (r"end in|one ending", r"terminan en|terminación"),
    FactKind.NO_DESCRIPTION: (r"is empty", r"está vacío"),
    FactKind.SEQUENCE_GAP: (r"missing", r"falta"),
    FactKind.WEEKEND: (r"falls on", r"cae en"),
    FactKind.HOLIDAY: (r"holiday", r"festivo"),
    FactKind.NIGHT: (r"falls", r"cae"),
    FactKind.PERIOD_END: (r"the period", r"periodo"),
    FactKind.SELDOM_PAIR: (r"combination", r"combinación"),
    FactKind.SELF_APPROVED: (r"created and approved", r"creó el registro y también lo aprobó"),
    FactKind.BANK_CHANGED: (r"bank account was changed", r"cuenta bancaria se cambió"),
    FactKind.SHARED_DETAILS: (r"the same as", r"coincide con"),
    FactKind.RELATIVE_SIZE: (r"next largest", r"siguiente más alto"),
    FactKind.HOUSE_RULE: (r"applies", r"se cumple"),
    FactKind.OUTSIDE_BAND: (r"band", r"banda"),
    FactKind.LEVEL_SHIFT: (r"level|averaged", r"nivel|promedió"),
    FactKind.MORE_VARIATION: (r"varied", r"varió"),
    FactKind.LESS_VARIATION: (r"varied", r"varió"),
    FactKind.RELATION_BROKEN: (r"no longer followed", r"dejó de seguir"),
    FactKind.EPISODE: (r"the episode", r"el episodio"),
    FactKind.ALSO_MOVED: (r"moved as well", r"también se movió"),
    FactKind.FLAT_LINE: (r"stuck", r"sin cambios"),
    FactKind.SILENT: (r"no reading", r"no ha dado lecturas"),
    FactKind.SPIKES: (r"single sample", r"sola muestra"),
    FactKind.GROSS_RANGE: (r"plausible", r"verosímil"),
    FactKind.SENSOR_DRIFT: (r"its reference", r"su referencia"),
    FactKind.EXPOSURE: (r"money at risk", r"dinero en riesgo"),
    FactKind.SEEN_BEFORE: (r"reported", r"señalado"),
}

WORDS = {
    "en": frozenset(
        """
        a above account across adds again against all alone also amount amounts among an and applies approved are as at
        average averaged away band bank be been began begin below benfords besides beside before both by chance
        changed close combination come comes comparable created day days deviation deviations digits document
        documents each earlier empty ending end equals episode every expected extreme falls far field first followed
        for from figure figures given gives h had hardly has have highest holiday house hours hour how in is it its just largest larger lasted lasts
        law leading left less level like limit longer long lowest make mean measure measures min minute minutes missing
        money more moreover most moved moved much multiple never next night nights no not noticed number numbers of on one only
        origin other others outside payee payment period person plausible predict predict rare rather read reading
        readings reached record records reference reported risk round rule same sample see several share shift shows
        similar since single slightly so somewhat someone else spikes spike spread stands still strange stranger
        strangest stuck than that the their them there they time times to together total under unusual up until usual
        occurred range rest count sum
        value varied was well were what where which while whole with within without would addition same another
        invoice number entered paid made differs finding weekend unknown known ended far office detail
        description sequence some between after absolute prediction moved out absolute any last near
        if day larger sum back once
        """.split()
    ),
    "es": frozenset(
        """
        a absoluta acompaña además al alcanza alcanzó algo algunos alto antes anterior anteriores aparece aparecido
        aprobó aparta asciende asimismo aún banda bancaria bastante beneficiario benford cada cae cambio cambios cambió
        campo cantidad caso cerca cifra cierre coincide combinación comienzo comenzó comparable comparables como con
        conjunto conoce creó cuando cuenta cumple da dado dato de dejó del demás descripción desde desviación
        desviaciones detectó dinero difiere dispersión documento documentos dura durante duró día días dígitos e el
        empiezan en encima entre episodio es esperada está este están exacto extraño extraños extrema factura falta
        faltan festivo fin fuera frecuente frente fue h ha habitual habituales habían había hallazgo hasta hora horario hubo
        igual importe importes intervalo inusual inusuales la las le lectura lecturas ley ligeramente lo los límite
        más máximo mayor media medida medidas menos mientras min minuto minutos mismo misma mitad movió moment momento muestra
        múltiplo mínimo nivel no noche noches nunca número números o oficina origen otra otro otros pagado pago parece
        parecido parte periodo persona pico picos poco por posterior predicen previsto primer primeros promedió propia
        pasó que queda redonda referencia registro registros regla resto resulta resultan riesgo salió se secuencia
        seguir semana separado señalado siguiente sigue sin situa sobre sola solo son su suma suman supera sus
        también te tenía termina terminan terminación terminado tercero tiempo tiene todos todo todas tras un una
        uno vacío valor valores varias varios varió veces vez verosímil vista y ya último cambiar curso debajo justo
        por marcó se azar mantiene cuentan
        """.split()
    ),
}
"""Every word that a statement may hold beside names, dates and figures with their units."""

"""The words that a statement about each kind of fact may hold, beside names, dates and figures with their units.

Written down for the check alone: a true word of another kind of statement is a foreign one here. A kind that is not
listed may use every word of `vocabulary`. `COMMON` are the words around statements: openings and connectors.
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzers.results import FactKind
from reports.contents import Lang
from reports.grounding.vocabulary import WORDS

COMMON: Mapping[Lang, str] = {
    "en": "in record row for on across moreover addition besides at the same time it and while",
    "es": "en el registro la fila caso de conjunto además asimismo por otra parte a vez y e mientras que",
}
_OF_KIND: Mapping[FactKind, tuple[str, str]] = {
    FactKind.OWN_HISTORY: (
        "above amount below from is of only out slightly stands usual value well what within",
        "aparta bastante debajo dentro encima es está habitual importe ligeramente lo se solo valor",
    ),
    FactKind.PEERS: (
        (
            "above among amount below comparable from is of only out records slightly somewhat stands usual value "
            "well what within"
        ),
        (
            "algo aparta bastante comparables debajo dentro encima entre es está habitual importe ligeramente lo "
            "registros se solo valor"
        ),
    ),
    FactKind.RARE_VALUE: (
        ("amount an before else empty had is never nowhere occurred occurs only other rare value"),
        (
            "aparece aparecido el en entre es frecuente había importe los ningún no nunca otro otros poco registro "
            "solo un vacío valor"
        ),
    ),
    FactKind.RARE_PAIR: (
        ("account before combination else had is never nowhere occurred occurs of only other rare"),
        (
            "aparece aparecido combinación el en entre es frecuente había los ningún no nunca otro otros poco "
            "registro solo"
        ),
    ),
    FactKind.NEW_ENTITY: (
        ("amount and are earlier had has its no of only other records unusual"),
        ("anteriores de importe inusuales más no registros solo son sus tenía tiene y"),
    ),
    FactKind.FREQUENCY: (
        "an are is number of records there unusual usual was were where within",
        "cuando es habitual hubo inusual lo número registros un",
    ),
    FactKind.UNUSUAL_TIME: (
        "a an as do does falls finding hours of other outside record records the unusual usual",
        "cae como del fuera habitual hallazgo horario inusual momento más registro registros un",
    ),
    FactKind.COMBINATION: (
        "a account all alone amount are combination each is most of rather rest than unusual with",
        "cada combinación con del importe inusual inusuales no resto resulta resultan separado sobre todo uno",
    ),
    FactKind.STRANGENESS: (
        "all among comparable is of records stranger strangest than",
        "comparables entre es está extraño extraños los más registros",
    ),
    FactKind.DUPLICATE: (
        (
            "a amount another close day differently document earlier equals first invoice is made number of paid "
            "payee payment similar that to value with written"
        ),
        (
            "al antes beneficiario coincide con de del documento día escrito factura importe mismo modo número otro "
            "pagado pago parece parecido primer se un valor"
        ),
    ),
    FactKind.STOPPABLE: (
        "already be by can had has have left may money payment since status still stopped until",
        "detenerse dinero estado ha haber había hasta pago puede pues salido tiene todavía ya",
    ),
    FactKind.BELOW_LIMIT: (
        "amount below is just like limit not of origin value",
        "debajo del este igual importe justo límite mismo no origen queda valor",
    ),
    FactKind.SPLIT: (
        "above against amounts as come comes count day limit of one several sum to together within",
        "al como cuentan del día encima frente importes límite mismo sola suma suman una varios",
    ),
    FactKind.ROUND_AMOUNT: (
        "a all amount amounts figure is like multiple of only round value whole",
        "algo cifra es exacto importe importes los múltiplo ocurre redonda solo un una valor",
    ),
    FactKind.BENFORD: (
        (
            "absolute amounts an begin begins benfords deviation digits gives is law mean of share some that unusual "
            "what where with"
        ),
        ("absoluta benford cuando da desviación dígitos empieza es importes inusual ley lo los media mismos una unos"),
    ),
    FactKind.ENDINGS: (
        "alike amounts an end ends is of share unusual usual where",
        "cuando es habitual importes inusual lo los misma termina terminación tiene una",
    ),
    FactKind.NO_DESCRIPTION: (
        "amount description empty field is",
        "campo descripción está importe vacío",
    ),
    FactKind.SEQUENCE_GAP: (
        "after are before between document documents missing numbers sequence",
        "antes del documento documentos entre faltan los números secuencia tras",
    ),
    FactKind.WEEKEND: (
        "a all falls like of only records weekend",
        "algo cae fin los ocurre registros semana solo",
    ),
    FactKind.HOLIDAY: (
        "a falls holiday",
        "cae día festivo",
    ),
    FactKind.NIGHT: (
        "an falls hours office outside unusual",
        "cae del fuera horario inusual momento oficina un",
    ),
    FactKind.PERIOD_END: (
        "before day end falls last near of period",
        "antes cae cerca cierre del día periodo último",
    ),
    FactKind.SELDOM_PAIR: (
        ("account combination else is nowhere occurred occurs of only other rare"),
        ("aparece combinación el en entre es frecuente los ningún no otro otros poco registro solo"),
    ),
    FactKind.SELF_APPROVED: (
        "approved both by created was",
        "aprobado creado fue también",
    ),
    FactKind.BANK_CHANGED: (
        "account bank before changed day from of payment to was",
        "antes bancaria cambió cuenta del día mismo pago se",
    ),
    FactKind.SHARED_DETAILS: (
        "amount as detail else is of someone that",
        "coincide con dato importe tercero un",
    ),
    FactKind.RELATIVE_SIZE: (
        "amount beside is larger largest next of stands than value",
        "acompaña al alto es importe más siguiente supera valor",
    ),
    FactKind.HOUSE_RULE: (
        "applies house rule",
        "cumple propia regla se",
    ),
    FactKind.OUTSIDE_BAND: (
        "above against amount away band below expected from measure middle of outside reached seen was",
        "alcanzó banda centro debajo del encima esperada frente fuera importe medida observó se",
    ),
    FactKind.LEVEL_SHIFT: (
        "above against amount another averaged away below from its level measure moved to usual",
        "debajo encima frente habitual importe medida nivel otro pasó promedió su",
    ),
    FactKind.MORE_VARIATION: (
        "a against amount as measure more much of spread than usual varied",
        "dispersión frente habitual importe lo medida más una varió",
    ),
    FactKind.LESS_VARIATION: (
        "a against amount as less measure much of only spread than usual varied",
        "dispersión frente habitual importe lo medida menos solo una varió",
    ),
    FactKind.RELATION_BROKEN: (
        (
            "above amount averaged away below followed from longer measure measures middle no of other predict "
            "prediction range read that their they where which"
        ),
        (
            "centro cuando debajo dejó del demás encima ese importe intervalo las lo marcó medida medidas predicen "
            "previsto promedió seguir"
        ),
    ),
    FactKind.EPISODE: (
        (
            "at began ended episode far had has judged last lasted lasts noticed on reading so still the to until was "
            "went"
        ),
        (
            "comenzó curso detectó dura duraba duró en episodio evaluada ha hasta la lectura se seguía sigue "
            "terminado ya última"
        ),
    ),
    FactKind.ALSO_MOVED: (
        "above amount as away below from its level measure moved usual well",
        "debajo encima habitual importe medida movió nivel se su también",
    ),
    FactKind.ONE_SIDED: (
        "above all amount away below but by expected from is little measure of stayed what",
        "debajo encima esperado importe lejos lo mantuvo medida pero poco se tiempo todo",
    ),
    FactKind.JOINT_DISTANCE: (
        "a alone amount away each left measures pattern rather than their together usual",
        "apartaron cada habitual las medidas no patrón se separado su una",
    ),
    FactKind.FLAT_LINE: (
        "amount been has measure since stuck",
        "cambios desde durante importe mantiene medida se sin",
    ),
    FactKind.SILENT: (
        "amount every given has is measure no one reading since usual where",
        "cada cuando dado desde durante es ha habitual importe lecturas lo medida no una",
    ),
    FactKind.SPIKES: (
        "a amount as be long measure of sample shows single spikes to up usual where would",
        "cuando habitual hasta importe lo medida mismo muestra picos sola son tiempo una",
    ),
    FactKind.GROSS_RANGE: (
        ("above amount below extreme has highest lowest measure most of outside plausible range readings them value"),
        "debajo del encima extrema fuera importe intervalo lecturas medida más máximo mínimo tiene verosímil",
    ),
    FactKind.RATE_OF_CHANGE: (
        "amount changes extreme from is measure most next of one reading shows them to up usual where",
        "cambios cuando es habitual hasta importe lectura lo mayor medida muestra siguiente una",
    ),
    FactKind.CLIMATOLOGY: (
        "amount extreme has measure most of outside range readings season them",
        "del estación extrema fuera importe intervalo lecturas medida más tiene",
    ),
    FactKind.NEIGHBOUR: (
        "agrees amount average beside by differs is longer measure no sensor usual where with",
        "coincide con cuando difiere es habitual importe lo media medida no sensor vecino ya",
    ),
    FactKind.CLOCK_STUCK: (
        "amount has measure one readings several with",
        "con hora importe lecturas medida misma tiene una varias",
    ),
    FactKind.BAD_QUALITY: (
        "amount as bad has marked measure origin readings since that",
        "da desde importe lecturas malas medida origen propio tiene",
    ),
    FactKind.UNIT_CHANGED: (
        "amount changed from its measure to unit",
        "cambió importe medida unidad",
    ),
    FactKind.SENSOR_DRIFT: (
        "amount average by differs from is its measure reference usual where",
        "cuando difiere es habitual importe lo media medida referencia su",
    ),
    FactKind.SILENCE: (
        "are been between day days earlier for has is no of record records since there usual where",
        "anteriores cuando de desde día días el entre es habitual hace hay lo los ningún no registros son",
    ),
    FactKind.CATEGORY_SHIFT: (
        "against amount another before day days earlier has of records share stands than value within",
        "anteriores antes de el figura frente importe otra proporción que registros tiene valor",
    ),
    FactKind.RECENT_LEVEL: (
        (
            "above amount below day days for from is median of only out records slightly somewhat stands usual values "
            "well what within"
        ),
        (
            "algo aparta bastante de debajo del dentro encima es está habitual importe la ligeramente lo los mediana "
            "registros se solo valores"
        ),
    ),
    FactKind.RECENT_SUM: (
        (
            "above amount below day days for from is of only out records slightly somewhat stands sum usual values "
            "well what within"
        ),
        (
            "algo aparta bastante de debajo del dentro encima es está habitual importe la ligeramente lo los registros "
            "se solo suma valores"
        ),
    ),
    FactKind.EXPOSURE: (
        "is known money not risk",
        "asciende conoce dinero no riesgo se",
    ),
    FactKind.DECIDED_BEFORE: (
        "accepted as been before confirmed day days dismissed finding findings has have of reported similar them",
        (
            "aceptado aceptados como confirmado confirmados de descartado descartados días día ellos en ha han "
            "hallazgo hallazgos se señalado similar similares ya"
        ),
    ),
    FactKind.SEEN_BEFORE: (
        "been before finding has reported since",
        "antes desde había hallazgo mismo se señalado ya",
    ),
}


def words_of(kind: FactKind, lang: Lang) -> frozenset[str]:
    """The words that a statement about this kind of fact may hold."""
    if kind not in _OF_KIND:
        return WORDS[lang]
    return frozenset(f"{COMMON[lang]} {_OF_KIND[kind][lang == 'es']}".split())

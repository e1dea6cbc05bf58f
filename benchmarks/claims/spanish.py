"""How claims are worded in Spanish: one or more patterns a kind, the longer before the shorter."""

from __future__ import annotations

from benchmarks.claims.patterns import (
    COLUMN,
    END,
    Table,
    between,
    column,
    instant,
    lasting,
    name,
    number,
    quantity,
    quoted,
    weekday,
)  # fmt: skip

_RANGE = between("a")
_AT = instant("at", "es")
_RATIO = (
    rf"(?:es {number('times')} veces|es solo el {number('portion', True)} de"
    r"|está (?:(?P<degree>algo|bastante|ligeramente) )?(?P<direction>por encima|por debajo) de|(?P<apart>se aparta de)"
    r"|(?P<inside>está dentro de))"
)
_OFTEN = (
    rf"(?:aparece (?P<seldom>solo )?en {number('count')}(?: de (?:(?P<which>los otros )?{number('total')} registros?"
    r"(?P<which> anterior(?:es)?)?|el otro registro)| registros?(?P<which> anterior(?:es)?| más)?)"
    rf"|(?P<never>no había aparecido nunca)(?: en {number('total')} registros? anterior(?:es)?)?"
    rf"|(?P<never>no aparece en ningún otro registro)(?: entre (?:los otros {number('total')} registros|el otro registro))?"
    r"|(?P<rare>es poco frecuente))"
)
_AWAY = rf"a {number('deviations')} desviaciones típicas (?:(?P<direction>por encima|por debajo) )?"

PATTERNS: Table = (
    (
        "silence",
        (
            rf"no hay ningún registro(?: de {name('entity')}(?= desde |, hace |, cuando |{END}))?(?: desde el {_AT})?"
            rf"(?:,? hace {number('actual')} días?)?(?:, cuando lo habitual son {between('a')} días entre registros)?"
            rf"(?: \(en {number('count')} registros? anterior(?:es)?\))?"
        ),
    ),
    (
        "category_shift",
        (
            rf"(?:el valor {quoted('actual')}(?: de {column('feature')})? )?(?:figura en {number('count')} de "
            rf"{number('total')} registros?(?: en {number('days')} días?)?(?:, frente a {number('earlier')} de "
            rf"{number('earlier_total')} registros? anterior(?:es)?)?|tiene otra proporción que antes)"
        ),
    ),
    *(
        (
            kind,
            (
                rf"la {word} (?:(?P<amount>del importe)|de (?:{column('feature')}|los valores))(?:, {quantity('actual')})?"
                rf"(?: en {number('count')} registros?)?(?: en {number('days')} días?)?,? {_RATIO} lo habitual"
                rf"(?: en {name('entity')})?(?: \({_RANGE}\)|{END})"
            ),
        )
        for kind, word in (("recent_level", "mediana"), ("recent_sum", "suma"))
    ),
    (
        "own_history",
        (
            rf"{_RATIO} lo habitual(?: en {name('entity')})?(?: \((?:{_RANGE})?(?: ?en {number('count')} "
            rf"registros?(?P<which> anterior(?:es)?| más)?)?\)|{END})"
        ),
    ),
    (
        "peers",
        rf"{_RATIO} lo habitual entre (?:{number('count')} )?registros? comparables?(?: \({_RANGE}\))?",
    ),
    ("pair", rf"la combinación de {column('first')} y {column('second')}, {quoted('actual')}, {_OFTEN}"),
    (
        "rare_value",
        rf"(?:el valor {quoted('actual')}(?: de {column('feature')})?|(?P<empty>un valor vacío) de {column('feature')}) {_OFTEN}",
    ),
    (
        "new_entity",
        (
            rf"(?:{name('actual')} \({column('feature')}\)|el valor de {column('feature')}) (?:(?P<never>no) (?:tenía "
            rf"registros(?P<which> anteriores)|tiene más registros)|solo (?:tenía|tiene) {number('count')} registros?"
            r"(?P<which> anterior(?:es)?| más)?)"
            rf"(?:, y de sus registros {number('unusual')} son inusuales)?"
        ),
    ),
    (
        "frequency",
        (
            rf"hubo (?:{number('actual')} registros?|un número inusual de registros)(?: de {name('entity')})?"
            rf"(?: en {number('days')} días?)?(?:, {number('times')} veces el número habitual(?: \({_RANGE}\))?"
            rf"|, cuando lo habitual es {_RANGE}|{END})"
        ),
    ),
    (
        "unusual_time",
        (
            rf"cae(?: en {weekday('weekday', 'es')})?(?:, el {_AT})?,? ?(?:fuera del horario habitual "
            r"\((?P<from>\d\d:\d\d) a (?P<until>\d\d:\d\d)\)|(?:en )?un momento inusual)"
            rf"(?:, como {number('others')} registros? más del hallazgo)?"
        ),
    ),
    ("holiday", rf"cae en día festivo(?: \({quoted('holiday')}\))?(?:, el {_AT})?"),
    (
        "period_end",
        (
            rf"cae (?:{number('days')} días? antes del cierre del periodo|(?P<last>en el último día del periodo)"
            rf"|cerca del cierre del periodo)(?:, el {_AT})?"
        ),
    ),
    (
        "weekend",
        (
            rf"cae en (?:{weekday('weekday', 'es')}|fin de semana)(?:, el {_AT})?"
            rf"(?:, algo que (?P<seldom>solo )?ocurre en el {number('share', True)} de los registros)?"
        ),
    ),
    (
        "night",
        rf"cae(?: el {_AT},)? fuera del horario de oficina(?: \((?P<from>\d\d:\d\d) a (?P<until>\d\d:\d\d)\))?",
    ),
    ("night", rf"cae el {_AT}"),
    (
        "combination",
        rf"(?P<columns>{COLUMN}(?:, {COLUMN})* [ye] {COLUMN}) resultan inusuales en combinación(?P<alone> y no cada uno por separado)?(?:, sobre todo {column('feature')}{END})?",
    ),
    ("combination", rf"{column('feature')} resulta inusual en combinación con el resto del registro"),
    (
        "strangeness",
        rf"es más extraño que (?:el {number('share', True)} de |(?P<all>los ))?(?:{number('count')} )?registros? comparables?",
    ),
    ("strangeness", r"está entre los más extraños de los registros comparables"),
    (
        "duplicate",
        (
            r"(?P<alike>coincide|se parece|acompaña) (?:con el|al) (?:del documento "
            rf"{name('other')}|de un primer pago)(?:, pagado(?: (?:(?P<same_day>el mismo día)|{number('days')} días? antes))?"
            rf"(?:,? el {instant('other_at', 'es')})?)?,? ?(?:(?P<payee>al mismo|a un|a otro) beneficiario(?: parecido)? "
            r"con (?P<number>el mismo|un|otro) número de factura(?: parecido)?(?P<respelt>, escrito de otro modo)?|(?=[,.;]|$))"
        ),
    ),
    (
        "below_limit",
        (
            rf"queda (?P<near>justo )?por debajo del límite(?: de {quantity('high')})?(?: \(el {number('portion', True)} de "
            rf"este\))?(?:, igual que {number('count')} importes? más del mismo origen)?"
        ),
    ),
    ("not_below", rf"no queda por debajo del límite(?: de {quantity('high')})?"),
    (
        "split",
        (
            rf"(?:{number('count')} importes?|varios importes)(?: (?P<same_day>del mismo día)| en {number('days')} días?)? "
            rf"(?:suman? {quantity('actual')}|cuentan como una sola suma)"
            rf"(?:, (?P<side>por encima del|frente al) límite de {quantity('high')})?"
        ),
    ),
    (
        "round_amount",
        (
            rf"es (?:un múltiplo exacto de {number('unit_of')}|una cifra redonda)"
            rf"(?:, algo que (?P<seldom>solo )?ocurre en el {number('share', True)} de los importes)?"
        ),
    ),
    (
        "benford",
        (
            rf"el {number('actual', True)} de {number('count')} importes? empieza por (?:(?P<digits>\d+)|unos mismos "
            rf"dígitos)(?:, {number('times')} veces el {between('a', percent=True)} que da la ley de Benford"
            rf"|, cuando el {between('a', percent=True)} es lo que da la ley de Benford)?"
            rf"(?: \(desviación absoluta media de {number('mad')}(?:, {number('excess')} más que por azar)?\))?"
        ),
    ),
    (
        "endings",
        (
            rf"el {number('actual', True)} de {number('count')} importes? (?:termina en {quoted('ending')}|tiene una "
            rf"misma terminación)"
            rf"(?:, cuando lo habitual es el {number('high', True)})?"
        ),
    ),
    ("no_description", rf"el campo (?:de la descripción|{column('feature')}) está vacío"),
    (
        "sequence_gap",
        rf"faltan? {number('actual')} números? entre los documentos {name('after')} y {name('before')}{END}",
    ),
    ("self_approved", rf"fue creado y también aprobado por {name('actual')}{END}"),
    (
        "bank_changed",
        (
            rf"la cuenta bancaria se cambió (?:(?P<same_day>el mismo día del pago)|{number('days')} días? antes del pago"
            rf"|antes del pago)(?:, de {name('previous')} a {name('current')}{END}|, de {name('previous')}{END}"
            rf"| a {name('current')}{END})?"
        ),
    ),
    ("shared_details", rf"el dato (?:{column('feature')} )?coincide con el de (?:un tercero|{name('with')}{END})"),
    (
        "relative_size",
        (
            rf"(?:es {number('times')} veces el|supera al|acompaña al) siguiente (?:importe|valor) más alto"
            rf"(?: de {name('entity')})?(?: \({quantity('high')}\)|{END})"
        ),
    ),
    (
        "stoppable",
        (
            r"(?:el dinero )?(?:(?P<stop>todavía puede detenerse)|(?P<gone>ya había salido|ya ha salido))"
            rf"(?: (?:hasta )?el {instant('leaves', 'es')}|,? pues el pago tiene el estado {quoted('status')})?"
        ),
    ),
    ("house_rule", rf"la regla propia {quoted('actual')} se cumple(?:: {quoted('text')})?"),
    ("exposure", rf"el dinero en riesgo asciende a {quantity('actual')}"),
    ("exposure", r"el dinero en riesgo no se conoce"),
    (
        "decided_before",
        (
            rf"se han? señalado {number('count')} hallazgos? similar(?:es)?(?: en {number('days')} días?)?"
            rf"(?:, {number('dismissed')} de ellos descartados?(?: como {quoted('reason')})?)?"
            rf"(?:, {number('accepted')} de ellos aceptados?(?: como {quoted('reason')})?)?"
            rf"(?:, {number('confirmed')} de ellos confirmados?(?: como {quoted('reason')})?)?"
        ),
    ),
    (
        "seen_before",
        rf"el mismo hallazgo ya se había señalado(?: en {number('count')} noches?)?(?: desde el {instant('since', 'es')})?",
    ),
    (
        "outside_band",
        (
            rf"(?:{column('feature')} )?alcanzó {quantity('actual')} el {_AT}(?:, {_AWAY}(?P<whence>del centro de la banda esperada|"
            rf"de la banda esperada))?(?:, (?:frente a|fuera de) la banda esperada)?(?: \({_RANGE}\))?"
        ),
    ),
    (
        "relation_broken",
        (
            rf"(?:{column('feature')} )?dejó de seguir a las demás medidas(?:: (?:marcó|promedió) {quantity('actual')}"
            rf"(?: el {_AT})?,?(?: cuando predicen {_RANGE})?)?(?:,? que predicen {between('a')})?"
            rf"(?:, {_AWAY}(?P<whence>del centro de ese intervalo|de lo previsto))?"
        ),
    ),
    (
        "level_shift",
        (
            rf"(?:{column('feature')} )?promedió {quantity('actual')}(?:, {_AWAY}de su nivel habitual|"
            rf", frente a su nivel habitual)?(?: \({_RANGE}\))?"
        ),
    ),
    (
        "variation",
        (
            rf"(?:{column('feature')} )?varió (?:{number('times')} veces lo habitual|solo el {number('portion', True)} de lo "
            rf"habitual|(?P<more>más|menos) de lo habitual)(?: \((?:una dispersión de {quantity('actual')})?"
            rf"(?: ?(?:frente a|dispersión habitual) {quantity('usual')})?\))?"
        ),
    ),
    (
        "episode",
        (
            rf"(?:el episodio )?comenzó el {_AT} y (?:(?:(?P<open>dura ya) {lasting('actual', 'es')}|(?P<paused>duraba) {lasting('actual', 'es')} en la última lectura evaluada)|(?P<open>sigue en curso)"
            rf"|duró {lasting('actual', 'es')}(?: hasta el {instant('end', 'es')})?|ha terminado)"
        ),
    ),
    (
        "episode",
        (
            rf"(?:el episodio )?(?:(?:(?P<open>dura ya) {lasting('actual', 'es')}|(?P<paused>duraba) {lasting('actual', 'es')} en la última lectura evaluada)|(?P<open>sigue en curso)"
            rf"|duró {lasting('actual', 'es')}(?: hasta el {instant('end', 'es')})?)"
        ),
    ),
    ("also_moved", rf"(?:{column('feature')} )?también se movió(?:, {_AWAY}de su nivel habitual)?"),
    (
        "one_sided",
        rf"(?:{column('feature')} )?se mantuvo, por poco pero todo el tiempo,? (?:{_AWAY}(?:de )?lo esperado|(?P<direction>por encima|por debajo) de lo esperado|lejos de lo esperado)",
    ),
    (
        "joint_distance",
        (
            rf"(?:(?P<columns>{COLUMN}(?:, {COLUMN})* [ye] {COLUMN})|las medidas) se apartaron en conjunto de su patrón "
            rf"habitual, no cada una por separado(?:, a {number('deviations')} desviaciones típicas)?"
        ),
    ),
    (
        "rate_of_change",
        (
            rf"(?:{column('feature')} )?muestra (?:{number('count')} )?cambios? de una lectura a la siguiente"
            rf"(?:, el mayor de {quantity('actual')})?(?:, cuando lo habitual es hasta {quantity('high')})?"
        ),
    ),
    (
        "climatology",
        (
            rf"(?:{column('feature')} )?tiene (?:{number('count')} )?lecturas? fuera del intervalo de la estación"
            rf"(?: \({_RANGE}\))?(?:, la más extrema de {quantity('actual')})?"
        ),
    ),
    (
        "neighbour",
        (
            rf"(?:{column('feature')} )?ya no coincide con (?:el sensor vecino|{column('with')})"
            rf"(?:: difiere en {quantity('actual')} de media)?(?:, cuando lo habitual es {_RANGE})?"
        ),
    ),
    (
        "clock_stuck",
        rf"(?:{column('feature')} )?tiene (?:{number('count')}|varias) lecturas? con una misma hora(?:, el {_AT})?",
    ),
    (
        "bad_quality",
        (
            rf"(?:{column('feature')} )?tiene (?:{number('count')} )?lecturas? que el propio origen da por malas"
            rf"(?: desde el {_AT})?"
        ),
    ),
    (
        "unit_changed",
        (
            rf"(?:{column('feature')} )?cambió de unidad(?:, de (?P<previous>\S+?))?(?: a (?P<current>\S+?))?"
            rf"(?:, en {number('count')} lecturas?|{END})"
        ),
    ),
    (
        "flat_line",
        (
            rf"(?:{column('feature')} )?se mantiene sin cambios(?: en {quantity('actual')})?(?: desde el {_AT})?"
            rf"(?:,? durante {lasting('minutes', 'es')})?"
        ),
    ),
    (
        "silent",
        (
            rf"(?:{column('feature')} )?no ha dado lecturas(?: desde el {_AT})?(?:,? durante {lasting('minutes', 'es')})?"
            r"(?:, cuando lo habitual es una cada (?P<interval>minuto|[\d,]+ minutos?|\d+ h(?: \d+ min)?))?"
        ),
    ),
    (
        "spikes",
        (
            rf"(?:{column('feature')} )?muestra (?:{number('actual')} )?picos? de una sola muestra"
            rf"(?:, cuando lo habitual son hasta {number('high')} en el mismo tiempo)?"
        ),
    ),
    (
        "gross_range",
        (
            rf"(?:{column('feature')} )?tiene {number('count')} lecturas? (?:fuera del intervalo verosímil|(?P<direction>por "
            rf"encima) del máximo verosímil|(?P<direction>por debajo) del mínimo verosímil)(?: \({_RANGE}\))?"
            rf"(?:, la más extrema de {quantity('actual')})?"
        ),
    ),
    (
        "sensor_drift",
        (
            rf"(?:{column('feature')} )?difiere de su referencia(?: en {quantity('actual')} de media)?"
            rf"(?:, cuando lo habitual es {_RANGE})?"
        ),
    ),
    (
        "value",
        (
            rf"(?:(?P<amount>el importe) de {quantity('actual')}|el valor de {column('feature')} \({quantity('actual')}\)"
            rf"|el valor de {quantity('actual')})(?= |,|$)"
        ),
    ),
    ("value", rf"(?:(?P<amount>el importe)|el valor de {column('feature')})(?= (?:es|está|se aparta|queda|supera)\b)"),
)

OPENINGS = (
    r"En el registro {label},",
    r"El registro {label}",
    r"En el caso de {label},",
    r"En {label},",
    r"En el conjunto {label},",
    r"En la fila (?P<row>\d+),",
    r"La fila (?P<row>\d+)",
)
CONNECTORS = (
    r"además,", r"asimismo,", r"por otra parte,", r"a la vez,", r"y", r"e", r", mientras que", r"mientras que",
    r"el registro",
)  # fmt: skip
HYPOTHESIS = r"(?:^|(?<=[.…] ))Puede que .*?(?=(?<=[.…]) Como primer paso, |$)"
STEP = r"(?:^|(?<=[.…] ))Como primer paso, .*$"
FITS = r", lo que encajaría con (?P<evidence>.*?)\.$"

"""Every word that a statement may hold beside names, dates and figures with their units."""

from __future__ import annotations

_ENGLISH = """
    agrees bad but change changes stayed little marked pattern season sensor unit
    a above absolute account across addition adds after again against all alone already also among amount amounts
    an and another any applies approved are as at average averaged away back band bank be been before began begin
    below benfords beside besides between both by can chance changed close combination come comes comparable count
    created day days description detail deviation deviations differs digits document documents each earlier else
    empty end ended ending entered episode equals every expected extreme falls far field figure figures finding
    first followed for from given gives h had hardly has have highest holiday hour hours house how if in invoice
    is it its just known larger largest last lasted lasts law leading left less level like limit long longer
    lowest made make may mean measure measures min minute minutes missing money more moreover most moved much
    multiple near never next night nights no not noticed number numbers occurred of office on once one only origin
    other others out outside paid payee payment period person plausible predict prediction range rare rather
    reached read reading readings record records reference reported rest risk round rule same sample see seen
    sequence several share shift shows similar since single slightly so some someone somewhat spike spikes spread
    stands status still stopped strange stranger strangest stuck sum than that the their them there they time
    times to together total under unknown until unusual up usual value varied was weekend well were what where
    which while whole with within without would
    alike begins ends standard both some middle nowhere occurs differently written judged went
    median values
"""

_SPANISH = """
    apartaron coincide mantuvo estación lejos malas patrón pero propio sensor unidad vecino esperado
    a absoluta acompaña además al alcanza alcanzó algo algunos alto anterior anteriores antes aparece aparecido
    aparta aprobó asciende asimismo azar aún bancaria banda bastante beneficiario benford cada cae cambiar cambio
    cambios cambió campo cantidad caso cerca cierre cifra coincide combinación comenzó comienzo como comparable
    comparables con conjunto conoce creó cuando cuenta cuentan cumple curso da dado dato de debajo dejó del demás
    descripción desde desviaciones desviación detectó detenerse difiere dinero dispersión documento documentos
    dura durante duró día días dígitos e el empiezan en encima entre episodio es esperada estado este está están
    exacto extraño extraños extrema factura falta faltan festivo fin frecuente frente fue fuera h ha haber
    habitual habituales había habían hallazgo hasta hora horario hubo igual importe importes intervalo inusual
    inusuales justo la las le lectura lecturas ley ligeramente lo los límite mantiene marcó mayor media medida
    medidas menos mientras min minuto minutos misma mismo mitad moment momento movió muestra más máximo mínimo
    múltiplo nivel no noche noches nunca número números o observó oficina origen otra otro otros pagado pago
    parece parecido parte pasó periodo persona pico picos poco por posterior predicen previsto primer primeros
    promedió propia puede pues que queda redonda referencia registro registros regla resto resulta resultan riesgo
    salido se secuencia seguir semana separado señalado sigue siguiente sin situa sobre sola solo son su suma
    suman supera sus también te tenía tercero termina terminación terminado terminan tiempo tiene todas todavía
    todo todos tras un una uno vacío valor valores varias varios varió veces verosímil vez vista y ya último
    típicas aprobado algo ocurre creado fue empieza unos mismos centro dentro ese ningún escrito modo
    hay hace figura mediana proporción evaluada última duraba seguía
"""

WORDS = {"en": frozenset(_ENGLISH.split()), "es": frozenset(_SPANISH.split())}

"""What a column's name suggests, in English, Spanish and German.

A name alone never decides: `analyzers.roles` asks the values too.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from analyzers.columns import Field


class Hint(StrEnum):
    """What a column's name may suggest."""

    EXPOSURE = "exposure"
    TIME = "time"
    OTHER_DATE = "other_date"
    ENTITY = "entity"
    IDENTIFIER = "identifier"
    CODE = "code"
    TEXT = "text"
    PERSON = "person"
    STATE = "state"
    VERDICT = "verdict"
    TAG = "tag"
    VALUE = "value"
    QUALITY = "quality"
    UNIT = "unit"


_WORDS: dict[Hint, str] = {
    Hint.EXPOSURE: "amount amt betrag importe monto total summe price preis precio cost kosten coste gross net brutto "
    "netto bruto neto umsatz ventas",
    Hint.TIME: "time timestamp datetime date datum zeit uhrzeit zeitstempel fecha hora ts instante at",
    Hint.OTHER_DATE: "due birth faellig vencimiento nacimiento expiry valid created entered entry document invoice "
    "factura rechnung updated modified approved",
    Hint.ENTITY: "customer client vendor supplier creditor debtor merchant terminal card cardholder asset machine "
    "device sensor store branch plant employee cliente proveedor acreedor deudor tarjeta comercio maquina activo "
    "tienda sucursal empleado kunde lieferant kreditor debitor karte haendler maschine anlage filiale mitarbeiter "
    "unit station pump engine turbine vehicle account konto cuenta partner",
    Hint.IDENTIFIER: "id nr no number num numero nummer key uuid guid ref reference referencia referenz index idx row",
    Hint.CODE: "code type kind class category status flag group codigo tipo clase categoria estado grupo art klasse "
    "kategorie gruppe zip plz postal region country land pais department centre center level",
    Hint.TEXT: "text description descripcion memo note notes comment concept concepto beschreibung verwendungszweck "
    "buchungstext bemerkung comentario purpose details narrative",
    Hint.PERSON: "user username person surname firstname lastname email usuario persona apellido nombre benutzer "
    "nachname vorname clerk approver",
    Hint.STATE: "state status mode running estado modo zustand betrieb",
    Hint.VERDICT: "label anomaly outlier changepoint fraud anomalia fraude betrug",
    Hint.TAG: "tag tagname sensor point signal variable",
    Hint.VALUE: "value reading measurement valor wert messwert lectura",
    Hint.QUALITY: "quality qualitaet calidad",
    Hint.UNIT: "unit units uom einheit unidad",
}
_HINTS = {hint: frozenset(words.split()) for hint, words in _WORDS.items()}

_FIELDS: tuple[tuple[Field, str], ...] = (
    (Field.BANK_ACCOUNT, r"\b(iban|bank account|bankkonto|bankverbindung|cuenta bancaria)\b"),
    (Field.INVOICE, r"\b(invoice (no|nr|number|id|ref)|invoice|rechnung(s)?(nummer| nr)?|factura|num(ero)? factura)$"),
    (Field.DOCUMENT, r"\b(document (no|nr|number|id)|voucher|beleg(nummer| nr)?|asiento|documento)$"),
    (Field.CURRENCY, r"\b(currency|waehrung|moneda|divisa|ccy)\b"),
    (Field.DEBIT_CREDIT, r"\b(debit credit|dc|soll haben|debe haber)\b"),
    (Field.CREATED_BY, r"\b(created by|entered by|posted by|erfasst von|creado por|user|usuario|benutzer)\b"),
    (Field.APPROVED_BY, r"\b(approved by|freigegeben von|aprobado por|approver)\b"),
    (Field.DUE_DATE, r"\b(due date|faellig(keit)?|vencimiento)\b"),
    (Field.ENTRY_DATE, r"\b(entry date|entered at|erfassungsdatum|fecha (de )?registro|created at)\b"),
    (Field.POSTING_DATE, r"\b(posting date|posted at|buchungsdatum|fecha (de )?contabilizacion)\b"),
    (Field.ACCOUNT, r"\b(gl account|ledger account|account|konto|sachkonto|cuenta)( code| no| nr| number)?$"),
    (Field.REVERSES, r"\b(reverses|reversal of|storno( zu)?|anula)\b"),
    (Field.MANUAL, r"\b(manual|manuell)\b"),
)
_PATTERNS = tuple((field, re.compile(pattern)) for field, pattern in _FIELDS)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[^a-z0-9]+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of a column name in lower case, without accents: `TxAmount_EUR` gives tx, amount, eur."""
    spelled = name.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", _CAMEL.sub(" ", spelled)).encode("ascii", "ignore").decode()
    return tuple(word for word in _SEPARATORS.split(plain.lower()) if word)


def suggests(name: str, hint: Hint) -> bool:
    """Whether one of the name's words is a word of this hint."""
    return not _HINTS[hint].isdisjoint(words_of(name))


def suggested_field(name: str) -> Field | None:
    """The audit field that the name reads like, or None."""
    spaced = " ".join(words_of(name))
    return next((field for field, pattern in _PATTERNS if pattern.search(spaced)), None)

"""Vendors and employees from the monitor's reference tables, whatever their columns are called."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzers.audit.books import Books
from analyzers.column_names import suggested_field, words_of
from analyzers.columns import Field
from analyzers.yes_words import says_yes

_LEAST_KNOWN = 0.3
"""Share of the entities of the batch that a table's key column holds at least."""
_CHANGE_WORDS = {
    "changed",
    "change",
    "modified",
    "updated",
    "geaendert",
    "aenderung",
    "cambio",
    "cambiado",
    "modificado",
}
_GROUP_WORDS = {"intercompany", "intragroup", "affiliate", "affiliated", "konzern", "vinculada", "vinculado"}
"""Words of a column's name that says which vendors belong to the own group."""
_ACCOUNT_WORDS = {"bank", "iban", "account", "konto", "cuenta", "bankkonto"}
_DETAIL_WORDS = {
    *("bank", "iban", "bankkonto"),
    *("address", "street", "adresse", "strasse", "anschrift", "direccion", "calle"),
    *("phone", "telephone", "telefon", "telefono", "mobile", "email", "mail"),
    *("tax", "vat", "nif", "cif", "steuernummer"),
}
"""Words of column names whose values belong to one party only."""
_SHORTEST_DETAIL = 6


@dataclass(frozen=True)
class Vendors:
    """The vendor master under fixed names: `entity`, and where it has it `changed`, the day of the account's change."""

    frame: pl.DataFrame
    changed: str | None


def open_vendors(books: Books) -> Vendors | None:
    """The reference table `vendors`, or None where there is none that knows the records' entities."""
    table = books.material.references.get("vendors")
    key = None if table is None else entity_column(books, table)
    if table is None or key is None:
        return None
    changed = next((name for name in _dates(table) if _is_change_of_account(name)), None)
    day = [_day(books, table, changed).alias("changed")] if changed else []
    frame = table.select(pl.col(key).cast(pl.String).str.strip_chars().alias("entity"), *day)
    return Vendors(frame.unique("entity", keep="first", maintain_order=True), changed)


def intercompany_entities(books: Books) -> list[str]:
    """Entities of the own group: as the settings state them, and as a column of the vendor master says."""
    stated = set(books.settings.intercompany)
    table = books.material.references.get("vendors")
    column = None if table is None else next((n for n in table.columns if _GROUP_WORDS & set(words_of(n))), None)
    key = None if table is None or column is None else entity_column(books, table)
    if table is not None and column is not None and key is not None:
        own = table.filter(says_yes(table, column).fill_null(value=False))
        stated |= set(own[key].cast(pl.String).str.strip_chars().drop_nulls().to_list())
    return sorted(stated)


def entity_column(books: Books, table: pl.DataFrame) -> str | None:
    """The column of the table that holds most of the batch's entities."""
    return column_of(books.batch["entity"], table)


def column_of(named: pl.Series, table: pl.DataFrame) -> str | None:
    """The column of the table that holds most of these names, or None where none holds enough."""
    entities = named.cast(pl.String).str.strip_chars().drop_nulls().unique()
    if entities.is_empty():
        return None
    shares = {
        name: entities.is_in(table[name].cast(pl.String).str.strip_chars().unique().implode()).mean() or 0.0
        for name, dtype in table.schema.items()
        if dtype == pl.String or dtype.is_integer()
    }
    best = max(shares, key=lambda name: float(str(shares[name])), default=None)
    return best if best is not None and float(str(shares[best])) >= _LEAST_KNOWN else None


def shared_details(books: Books, employees: pl.DataFrame) -> pl.DataFrame | None:
    """`entity`, `feature` and `employee` of every detail that an entity of the batch shares with an employee.

    None where neither the records nor the vendor master have a detail in common with the employees' table.
    """
    owner = next((name for name, dtype in employees.schema.items() if dtype == pl.String), None)
    if owner is None:
        return None
    found = [
        theirs.join(_details(employees, name, owner), on="value").select("entity", "employee", feature=pl.lit(source))
        for source, theirs, name in _entities_details(books, employees)
    ]
    if not found:
        return None
    own = [employees[name].drop_nulls() for name, dtype in employees.schema.items() if dtype == pl.String]
    known = pl.concat([series.rename("value") for series in own]).unique()
    return (
        pl.concat(found).filter(~pl.col("entity").is_in(known.implode())).unique().sort("entity", "feature", "employee")
    )


def _entities_details(books: Books, employees: pl.DataFrame) -> list[tuple[str, pl.DataFrame, str]]:
    """Details that both sides have: the source column, `entity` with `value`, and the employees' column."""
    pairs: list[tuple[str, pl.DataFrame, str]] = []
    account = account_column(employees)
    if account and books.has("bank_account"):
        values = books.batch.select("entity", value=comparable("bank_account")).drop_nulls().unique()
        pairs.append((books.source("bank_account"), values, account))
    vendors = books.material.references.get("vendors")
    key = None if vendors is None else entity_column(books, vendors)
    if vendors is None or key is None:
        return pairs
    active = books.batch["entity"].drop_nulls().unique().implode()
    table = vendors.with_columns(pl.col(key).cast(pl.String).str.strip_chars().alias(key))
    table = table.filter(pl.col(key).is_in(active))
    for name in sorted(set(vendors.columns) & set(employees.columns) - {key}):
        if table.schema[name] == pl.String and not _DETAIL_WORDS.isdisjoint(words_of(name)):
            values = table.select(entity=key, value=comparable(name)).drop_nulls().unique()
            pairs.append((name, values, name))
    return pairs


def _details(employees: pl.DataFrame, name: str, owner: str) -> pl.DataFrame:
    """Values that exactly one employee has."""
    values = employees.select(value=comparable(name), employee=pl.col(owner)).drop_nulls()
    return values.filter(pl.len().over("value") == 1)


def comparable(name: str) -> pl.Expr:
    """A detail without spaces and case; short ones say nothing. Masks compare as they are."""
    plain = pl.col(name).cast(pl.String).str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    return pl.when(plain.str.len_chars() >= _SHORTEST_DETAIL).then(plain)


def account_column(table: pl.DataFrame) -> str | None:
    """The column whose name reads like a bank account."""
    return next((name for name, dtype in table.schema.items() if dtype == pl.String and is_account(name)), None)


def is_account(name: str) -> bool:
    """Whether a column's name reads like a bank account."""
    words = set(words_of(name))
    return suggested_field(name) is Field.BANK_ACCOUNT or "iban" in words or len(words & _ACCOUNT_WORDS) >= 2


def _is_change_of_account(name: str) -> bool:
    words = set(words_of(name))
    return bool(words & _CHANGE_WORDS) and bool(words & _ACCOUNT_WORDS)


def _dates(table: pl.DataFrame) -> list[str]:
    return [name for name, dtype in table.schema.items() if dtype in (pl.Date, pl.Datetime) or dtype.is_temporal()]


def _day(books: Books, table: pl.DataFrame, name: str) -> pl.Expr:
    dtype = table.schema[name]
    value = pl.col(name)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        value = value.dt.convert_time_zone(books.material.settings.timezone)
    return value.dt.date()

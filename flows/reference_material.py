"""Reference tables as the analyzers take them: persons masked as in the records, bank account changes dated."""

from __future__ import annotations

from datetime import date

import polars as pl

from analyzers.audit.reference_tables import account_column, column_of, is_account
from analyzers.columns import Field, Role
from flows.masking import mask_accounts, mask_column
from flows.monitors import Monitor
from flows.warehouse import snapshots, sql

VENDORS = "vendors"
"""The reference table whose bank accounts are watched."""


def masked_references(monitor: Monitor, tables: dict[str, pl.DataFrame], key: bytes) -> dict[str, pl.DataFrame]:
    """The tables with personal data masked by the workspace's key, so that they still compare with the records.

    Masked are the columns that the reference's `person` names, those called like a `person` column of the records, and
    bank accounts where the records' own are personal. A monitor that says `unmask` keeps all as they are.
    """
    if monitor.unmask:
        return tables
    return {name: _masked(monitor, name, table, key) for name, table in tables.items()}


def account_changes(
    connection: sql.Connection,
    monitor: Monitor,
    vendors: pl.DataFrame | None,
    batch: pl.DataFrame,
    *,
    until: date,
    key: bytes,
) -> pl.DataFrame | None:
    """When vendors' bank accounts changed, as the nightly snapshots up to a date saw it; None without such a table.

    vendors : the table as it was read, not masked. Frame with `entity`, `changed_on`, `previous` and `current`, masked
    where the records' accounts are.
    """
    entity = monitor.described().one(Role.ENTITY)
    if vendors is None or entity is None or entity not in batch.columns:
        return None
    named, account = column_of(batch[entity], vendors), account_column(vendors)
    if named is None or account is None:
        return None
    changes = snapshots.last_changes(connection, monitor.name, VENDORS, key=named, column=account, until=until)
    told = changes.select(pl.col("key").str.strip_chars().alias("entity"), "changed_on", "previous", "current")
    if monitor.unmask or not _accounts_are_personal(monitor):
        return told
    return mask_accounts(mask_accounts(told, "previous", key), "current", key)


def _accounts_are_personal(monitor: Monitor) -> bool:
    columns = monitor.described()
    own = columns.field(Field.BANK_ACCOUNT)
    return own is not None and columns.get(own).role is Role.PERSON


def _masked(monitor: Monitor, name: str, table: pl.DataFrame, key: bytes) -> pl.DataFrame:
    stated = monitor.references[name].person if name in monitor.references else ()
    persons = {*stated, *monitor.described().names(Role.PERSON)}
    for column in table.columns:
        if is_account(column) and (column in persons or _accounts_are_personal(monitor)):
            table = mask_accounts(table, column, key)
        elif column in persons:
            table = mask_column(table, column, key)
    return table

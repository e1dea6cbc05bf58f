"""The DuckDB warehouse: records, runs and what they found, verdicts, deliveries, and the audit log.

    with warehouse.writing() as connection:
        records.ingest(connection, "ledger", columns, frame, "run-1", at=now)

A module per thing; every function takes a connection and works in its caller's transaction.
"""

from flows.warehouse.connection import STORAGE_VERSION, Warehouse

__all__ = ["STORAGE_VERSION", "Warehouse"]

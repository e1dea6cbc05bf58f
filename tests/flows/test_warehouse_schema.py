from __future__ import annotations

from pathlib import Path

import pytest

from analyzers.errors import WarehouseError
from flows.warehouse import Warehouse, schema, sql


def later_step(connection: sql.Connection) -> None:
    sql.run(connection, "ALTER TABLE runs ADD COLUMN weather VARCHAR DEFAULT 'fair'")


def latest_step(connection: sql.Connection) -> None:
    sql.run(connection, "UPDATE runs SET weather = 'cloudy' WHERE run = 'r1'")


def write_run(warehouse: Warehouse) -> None:
    with warehouse.writing() as connection:
        sql.run(
            connection,
            "INSERT INTO runs (run, monitor, data_date, status, started_at, records, history_records, quarantined, "
            "flags, findings, correction, guarantees) VALUES ('r1', 'm', '2026-01-01', 'done', '2026-01-02', "
            "0, 0, 0, 0, 0, 0, '[]')",
        )


def test_a_file_of_version_1_is_brought_forward_and_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb")
    monkeypatch.setattr(schema, "STEPS", schema.STEPS[:1])
    write_run(warehouse)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS[:1], later_step, latest_step))
    with warehouse.reading() as connection:
        assert schema.version(connection) == 3
        assert sql.rows(connection, "SELECT run, weather FROM runs") == [("r1", "cloudy")]


def test_a_failing_step_leaves_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb")
    write_run(warehouse)
    released = schema.STEPS

    def failing_step(connection: sql.Connection) -> None:
        sql.run(connection, "DELETE FROM runs")
        raise RuntimeError("power cut")

    monkeypatch.setattr(schema, "STEPS", (*released, later_step, failing_step))
    with pytest.raises(RuntimeError, match="power cut"), warehouse.writing():
        pass
    monkeypatch.setattr(schema, "STEPS", released)
    with warehouse.reading() as connection:
        assert schema.version(connection) == len(released)
        assert sql.scalar(connection, "SELECT count(*) FROM runs") == 1


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.writing() as connection:
        sql.run(connection, "INSERT INTO schema_version VALUES (99)")
    with pytest.raises(WarehouseError, match=r"newer Sereno \(tables of version 99"), warehouse.reading():
        pass
    with pytest.raises(WarehouseError, match="update Sereno"), warehouse.writing():
        pass

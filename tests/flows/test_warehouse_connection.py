from __future__ import annotations

import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from analyzers.errors import WarehouseError
from flows.warehouse import STORAGE_VERSION, Warehouse, sql


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb", patience=20)


def start(code: str, path: Path) -> subprocess.Popen[str]:
    prelude = "import sys, time\nfrom pathlib import Path\nfrom flows.warehouse import Warehouse, sql\n"
    setting = f"warehouse = Warehouse(Path({str(path)!r}), patience=20)\n"
    return subprocess.Popen(
        [sys.executable, "-c", prelude + setting + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def make_numbers(warehouse: Warehouse) -> None:
    with warehouse.writing() as connection:
        sql.run(connection, "CREATE TABLE numbers (n INTEGER)")
        sql.run(connection, "INSERT INTO numbers VALUES (1)")


def count(warehouse: Warehouse) -> int:
    with warehouse.reading() as connection:
        found: int = sql.scalar(connection, "SELECT count(*) FROM numbers")
        return found


def test_files_are_the_owners_only_and_readable_by_the_older_release(warehouse: Warehouse) -> None:
    make_numbers(warehouse)
    for path in (warehouse.path, warehouse.path.with_name("warehouse.duckdb.lock")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with warehouse.reading() as connection:
        tags = sql.scalar(connection, "SELECT tags FROM duckdb_databases() WHERE NOT internal")
    assert tags["storage_version"].startswith(STORAGE_VERSION)


def test_nothing_outside_the_work_folder_is_within_reach(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with warehouse.reading() as connection, pytest.raises(duckdb.PermissionException):
        sql.rows(connection, "SELECT * FROM read_csv(?)", [str(tmp_path / "secret.csv")])
    with warehouse.reading() as connection, pytest.raises(duckdb.Error, match="locked"):
        sql.run(connection, "SET enable_external_access = true")
    with warehouse.reading() as connection:
        switches = sql.rows(
            connection,
            "SELECT name, value FROM duckdb_settings() WHERE name IN "
            "('autoinstall_known_extensions', 'autoload_known_extensions', 'allow_community_extensions')",
        )
    assert len(switches) == 3
    assert {value for _, value in switches} == {"false"}


def test_an_error_rolls_everything_back(warehouse: Warehouse) -> None:
    make_numbers(warehouse)

    def fail() -> None:
        with warehouse.writing() as connection:
            sql.run(connection, "INSERT INTO numbers VALUES (2)")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail()
    assert count(warehouse) == 1


def test_killed_within_a_transaction_leaves_the_old_state(warehouse: Warehouse) -> None:
    make_numbers(warehouse)
    code = (
        "with warehouse.writing() as connection:\n"
        "    sql.run(connection, 'INSERT INTO numbers SELECT * FROM range(100000)')\n"
        "    print('written', flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = start(code, warehouse.path)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "written"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert count(warehouse) == 1


def test_killed_after_the_commit_leaves_the_new_state(warehouse: Warehouse) -> None:
    make_numbers(warehouse)
    code = (
        "import os, signal\n"
        "with warehouse._locked(shared=False), warehouse._opened(read_only=False) as connection:\n"
        "    connection.begin()\n"
        "    sql.run(connection, 'INSERT INTO numbers VALUES (2), (3)')\n"
        "    connection.commit()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    start(code, warehouse.path).communicate()
    assert warehouse.path.with_name("warehouse.duckdb.wal").exists()
    assert count(warehouse) == 3


def test_killed_while_the_file_is_made_starts_anew(warehouse: Warehouse) -> None:
    for name in ("warehouse.duckdb.new", "warehouse.duckdb.new.wal"):
        warehouse.path.with_name(name).write_bytes(b"half of a file")
    make_numbers(warehouse)
    assert count(warehouse) == 1
    assert not warehouse.path.with_name("warehouse.duckdb.new").exists()


def test_two_processes_that_write_at_once_take_turns(warehouse: Warehouse) -> None:
    make_numbers(warehouse)
    code = (
        "for _ in range(5):\n"
        "    with warehouse.writing() as connection:\n"
        "        n = sql.scalar(connection, 'SELECT max(n) FROM numbers')\n"
        "        time.sleep(0.01)\n"
        "        sql.run(connection, 'INSERT INTO numbers VALUES (?)', [n + 1])\n"
    )
    processes = [start(code, warehouse.path) for _ in range(2)]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    with warehouse.reading() as connection:
        numbers = [row[0] for row in sql.rows(connection, "SELECT n FROM numbers ORDER BY n")]
    assert numbers == list(range(1, 12))


def test_threads_read_beside_each_other_and_wait_for_the_writer(warehouse: Warehouse) -> None:
    make_numbers(warehouse)
    seen: list[int] = []
    both_inside = threading.Barrier(2, timeout=20)

    def read() -> None:
        with warehouse.reading() as connection:
            both_inside.wait()
            seen.append(sql.scalar(connection, "SELECT count(*) FROM numbers"))

    with warehouse.writing() as connection:
        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        sql.run(connection, "INSERT INTO numbers VALUES (2)")
    for reader in readers:
        reader.join()
    assert seen == [2, 2]


def test_waiting_in_vain_names_the_holder(warehouse: Warehouse) -> None:
    make_numbers(warehouse)
    code = "with warehouse.writing():\n    print('holding', flush=True)\n    time.sleep(60)\n"
    process = start(code, warehouse.path)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        hurried = Warehouse(warehouse.path, patience=0.05)
        with pytest.raises(WarehouseError, match=f"process {process.pid} for 0.05 s"), hurried.writing():
            pass
        with pytest.raises(WarehouseError, match=f"process {process.pid}"), hurried.reading():
            pass
    finally:
        process.kill()
        process.communicate()


def test_a_nested_use_is_told_so_and_readers_are_named_as_such(warehouse: Warehouse) -> None:
    make_numbers(warehouse)
    hurried = Warehouse(warehouse.path, patience=0.05)
    with warehouse.writing(), pytest.raises(WarehouseError, match="this process itself"), hurried.reading():
        pass


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a database" * 400])
def test_a_file_that_is_none_is_refused_and_left_alone(warehouse: Warehouse, content: bytes) -> None:
    warehouse.path.write_bytes(content)
    with pytest.raises(WarehouseError, match="restore a backup"), warehouse.writing():
        pass
    assert warehouse.path.read_bytes() == content


def test_a_damaged_file_is_refused_with_what_to_do(warehouse: Warehouse) -> None:
    make_numbers(warehouse)
    content = bytearray(warehouse.path.read_bytes())
    content[4096:] = bytes(byte ^ 0x55 for byte in content[4096:])
    warehouse.path.write_bytes(bytes(content))
    with pytest.raises(WarehouseError, match="damaged") as caught, warehouse.reading() as connection:
        sql.rows(connection, "SELECT * FROM numbers")
    assert "\n" not in str(caught.value)


def test_a_backup_holds_the_committed_state_and_overwrites_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    make_numbers(warehouse)
    target = tmp_path / "backups"
    target.mkdir()
    warehouse.backup(target / "copy.duckdb")
    assert count(Warehouse(target / "copy.duckdb")) == 1
    assert stat.S_IMODE((target / "copy.duckdb").stat().st_mode) == 0o600
    with pytest.raises(WarehouseError, match="name a new file"):
        warehouse.backup(target / "copy.duckdb")
    assert sorted(path.name for path in target.iterdir() if path.is_file()) == ["copy.duckdb", "copy.duckdb.lock"]


def test_a_restore_takes_the_place_of_a_damaged_file(warehouse: Warehouse, tmp_path: Path) -> None:
    make_numbers(warehouse)
    warehouse.backup(tmp_path / "copy.duckdb")
    warehouse.path.write_bytes(b"damaged")
    warehouse.path.with_name("warehouse.duckdb.wal").write_bytes(b"of the damaged one")
    warehouse.restore(tmp_path / "copy.duckdb")
    assert count(warehouse) == 1
    assert warehouse.path.with_name("warehouse.duckdb.replaced").read_bytes() == b"damaged"


def test_what_is_no_backup_is_not_restored(warehouse: Warehouse, tmp_path: Path) -> None:
    make_numbers(warehouse)
    (tmp_path / "text.duckdb").write_text("no backup")
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    for name, what in (("missing", "no such file"), ("text", "not a valid DuckDB"), ("other", "not a warehouse")):
        with pytest.raises(WarehouseError, match=what):
            warehouse.restore(tmp_path / f"{name}.duckdb")
    assert count(warehouse) == 1


def test_a_work_folder_that_is_none_is_named(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "work").write_text("in the way")
    with pytest.raises(WarehouseError, match=r"work: cannot be made .* check the folder"), warehouse.writing():
        pass


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(WarehouseError, match="check the folder"),
        Warehouse(tmp_path / "no" / "such" / "w.duckdb").writing(),
    ):
        pass
    assert list(tmp_path.iterdir()) == []

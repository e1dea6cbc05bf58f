"""The warehouse: one DuckDB file, opened for as short a time as possible.

Every use takes the lock beside the file, opens DuckDB, works in one transaction and closes again. Killed at any
point, the next use finds the state before the transaction or the one after it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from analyzers.errors import WarehouseError
from flows.warehouse import schema, sql
from flows.warehouse.locks import held
from flows.workspace import Workspace

STORAGE_VERSION = "v1.5.0"
"""Format of the file: readable by the long-term release of DuckDB before 2.0 too."""

_MEMORY_CEILING = 2 * 1024**3
_CONFIGURING = threading.Lock()
_FETCHING = (
    "autoinstall_known_extensions", "autoload_known_extensions", "allow_community_extensions",
    "custom_extension_repository",
)  # fmt: skip
_NOWHERE = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Warehouse:
    """The warehouse in the file `path`; nothing is opened before it is used.

    patience : seconds to wait for another process before a WarehouseError names it.
    work : folder for what DuckDB spills and for the Parquet files that it may read; `work/` beside the file where
        None. No other file is within the connection's reach.
    """

    path: Path
    patience: float = 60.0
    work: Path | None = None

    @classmethod
    def of(cls, workspace: Workspace) -> Warehouse:
        """The warehouse of a workspace."""
        return cls(workspace.warehouse, work=workspace.work)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """A connection inside one transaction: committed at the end, rolled back on any error.

        Raises WarehouseError where the file is in use, damaged, or of a newer version.
        """
        with self._locked(shared=False), _owner_only():
            self._create_missing()
            with self._opened(read_only=False) as connection, _transaction(connection):
                schema.migrate(connection, self.path)
                yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sql.Connection]:
        """A read-only connection; several may be open at once, and a writer waits for them. Keep it short."""
        if self.path.exists():
            with self._locked(shared=True), self._opened(read_only=True) as connection:
                if not schema.check(connection, self.path):
                    yield connection
                    return
        self._bring_forward()
        with self._locked(shared=True), self._opened(read_only=True) as connection:
            yield connection

    def present_version(self) -> int | None:
        """The version of the tables, read without bringing them forward; None where there is no file yet."""
        if not self.path.exists():
            return None
        with self._locked(shared=True), self._opened(read_only=True) as connection:
            return schema.version(connection)

    def fetching(self) -> dict[str, str]:
        """What a connection says of its settings that would let DuckDB fetch code from elsewhere."""
        settings = self._settings()
        with duckdb.connect(":memory:", config=settings) as connection:
            return {
                name: str(sql.scalar(connection, f"SELECT current_setting({sql.text(name)})")) for name in _FETCHING
            }

    def backup(self, target: Path) -> None:
        """Copy the warehouse to a new file, in a consistent state and readable by its owner only.

        WarehouseError where the file is there already or cannot be written.
        """
        if target.exists():
            raise WarehouseError(f"{target}: is there already; name a new file")
        self._bring_forward()
        with self._locked(shared=False), _owner_only():
            with self._opened(read_only=False) as connection:
                connection.checkpoint()
            _copy_whole(self.path, target)

    def restore(self, backup: Path) -> None:
        """Put a backup in the place of the warehouse; WarehouseError, and nothing changed, where it is none.

        The present file stays beside it, with `.replaced` at the end of its name.
        """
        if not backup.is_file():
            raise WarehouseError(f"{backup}: no such file; name one that `sereno backup` wrote")
        young = self.path.with_name(self.path.name + ".new")
        with self._locked(shared=False), _owner_only():
            _copy_whole(backup, young)
            with self._opened(read_only=True, path=young) as connection:
                if schema.version(connection) == 0:
                    raise WarehouseError(f"{backup}: not a warehouse of Sereno; name one that `sereno backup` wrote")
                schema.check(connection, backup)
            self._keep_replaced()
            young.replace(self.path)

    def _keep_replaced(self) -> None:
        """Copy what is about to be replaced; the log of the old file must not be applied to the new one."""
        replaced = self.path.with_name(self.path.name + ".replaced")
        if self.path.exists():
            _copy_whole(self.path, replaced)
        if self._log_file.exists():
            self._log_file.replace(replaced.with_name(replaced.name + ".wal"))

    def _bring_forward(self) -> None:
        """Make the file, or its tables, what this version expects."""
        with self.writing():
            pass

    @contextlib.contextmanager
    def _locked(self, *, shared: bool) -> Iterator[None]:
        with held(self.path.with_name(self.path.name + ".lock"), shared=shared, patience=self.patience):
            yield

    @property
    def _log_file(self) -> Path:
        """DuckDB's write-ahead log; there while the file is open, or after a kill."""
        return self.path.with_name(self.path.name + ".wal")

    @property
    def _work(self) -> Path:
        return self.path.parent / "work" if self.work is None else self.work

    def _create_missing(self) -> None:
        """Make the file under another name first, so that a kill leaves no half of a file."""
        if self.path.exists():
            return
        young = self.path.with_name(self.path.name + ".new")
        for leftover in (young, young.with_name(young.name + ".wal")):
            leftover.unlink(missing_ok=True)
        with self._opened(read_only=False, path=young) as connection:
            with _transaction(connection):
                schema.migrate(connection, self.path)
            connection.checkpoint()
        young.rename(self.path)

    @contextlib.contextmanager
    def _opened(self, *, read_only: bool, path: Path | None = None) -> Iterator[sql.Connection]:
        try:
            self._work.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(f"{self._work}: cannot be made ({error.strerror}); check the folder") from None
        connection = self._connect(path or self.path, read_only=read_only)
        try:
            yield connection
        except duckdb.Error as error:
            raise WarehouseError(f"{self.path}: {_reason(error)}; {_remedy(error)}") from error
        finally:
            connection.close()

    def _connect(self, path: Path, *, read_only: bool) -> sql.Connection:
        with _CONFIGURING:
            try:
                connection = duckdb.connect(str(path), read_only=read_only, config=self._settings())
            except duckdb.Error as error:
                raise WarehouseError(f"{self.path}: {_reason(error)}; {_remedy(error)}") from None
            # Readers of one process share DuckDB's instance: only the first finds it not yet locked.
            if not sql.scalar(connection, "SELECT current_setting('lock_configuration')"):
                sql.run(connection, "SET GLOBAL TimeZone = 'UTC'")
                sql.run(connection, f"SET allowed_directories = [{sql.text(str(self._work.resolve()))}]")
                sql.run(connection, "SET enable_external_access = false")
                sql.run(connection, "SET lock_configuration = true")
        return connection

    def _settings(self) -> dict[str, str | bool | int | float | list[str]]:
        return {
            "storage_compatibility_version": STORAGE_VERSION,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            "custom_extension_repository": _NOWHERE,
            "memory_limit": f"{_memory_limit() // 1024**2}MiB",
            "temp_directory": str(self._work / "duckdb"),
            "preserve_insertion_order": False,
        }


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a file under another name first, so that a kill leaves no half of it."""
    part = target.with_name(target.name + ".part")
    try:
        with source.open("rb") as original, part.open("wb") as copy:
            shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise WarehouseError(f"{target}: cannot be written ({error.strerror}); check the folder and its room") from None


@contextlib.contextmanager
def _transaction(connection: sql.Connection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        with contextlib.suppress(duckdb.Error):
            connection.rollback()
        raise
    connection.commit()


@contextlib.contextmanager
def _owner_only() -> Iterator[None]:
    """Files made meanwhile, DuckDB's log among them, are readable by their owner only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _memory_limit() -> int:
    """Bytes: 2 GiB or a quarter of the machine's memory, whichever is less; the local model lives here too."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(_MEMORY_CEILING, total // 4)


def _reason(error: duckdb.Error) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:300]


def _remedy(error: duckdb.Error) -> str:
    message = str(error).lower()
    if "newer version" in message or "version number" in message or "storage version" in message:
        return "it was written by a newer version: update Sereno, or restore a backup"
    if "read-only file system" in message:
        return "mount the disk for writing, then repeat"
    if "lock" in message and "conflicting" in message:
        return "another program has the file open: close it, then repeat"
    if "no space" in message or "disk" in message:
        return "make room on the disk, then repeat"
    if any(word in message for word in ("corrupt", "not a valid duckdb", "checksum", "deserialize")):
        return "the file is damaged: restore a backup (copy it into place), or move it away to start anew"
    if "permission denied" in message:
        return "check that the file and its folder belong to you"
    return "nothing was changed; run it again, and if it stays keep the file and report it"

"""Tables and queries of databases into the typed table that files make, too."""

from __future__ import annotations

import contextlib
import difflib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from analyzers.errors import SourceError, UsageError
from flows.credentials import revealed
from flows.database_settings import (
    DatabaseSettings,
    DuckdbSettings,
    OdbcSettings,
    PostgresqlSettings,
    SqliteSettings,
)
from flows.sources.databases.connection import Connection, Wanted
from flows.sources.databases.watermark import Watermark, highest
from flows.sources.files import Kind, Table, table_of
from flows.sources.reading import RawFile, check_rows, column_names
from flows.workspace import Workspace


@dataclass(frozen=True)
class Read:
    """What was read, how far, and what else the source has.

    names : all columns of the source, as Sereno calls them; only those that were wanted are in `table`.
    """

    table: Table
    names: tuple[str, ...]
    watermark: Watermark | None


@dataclass(frozen=True)
class Extract:
    """What is to be read of one database.

    columns : those that are wanted, as Sereno calls them; all where None.
    since : where a watermark column is named, the value from which rows are read; None for all.
    """

    database: str
    table: str | None
    query: str | None
    columns: Sequence[str] | None = None
    watermark: str | None = None
    since: Watermark | None = None
    most: int | None = None

    @property
    def place(self) -> str:
        """What messages call it."""
        return f"{self.database}: {self.table or 'query'}"


class Databases:
    """The workspace's databases, each connected at most once and in one transaction until the end."""

    def __init__(self, workspace: Workspace, stack: contextlib.ExitStack) -> None:
        self._workspace, self._stack = workspace, stack
        self._open: dict[str, Connection] = {}

    def connection(self, name: str) -> Connection:
        """The connection to a database; the first call opens it."""
        if name not in self._open:
            self._open[name] = _opened(self._workspace, name)
            self._stack.callback(self._open[name].close)
        return self._open[name]

    def read(self, extract: Extract, *, kinds: Mapping[str, Kind] | None = None, timezone: str, now: datetime) -> Read:
        """Read an extract.

        Raises SourceError where a name is unknown or a column holds what its role cannot be; DatabaseError where the
        database does not answer.
        """
        connection = self.connection(extract.database)
        relation = connection.relation(table=extract.table, query=extract.query)
        originals = connection.columns(relation)
        names = column_names(originals)[0]
        chosen = [name for name in names if extract.columns is None or name in extract.columns]
        if not chosen:
            raise SourceError(f"{extract.place}: none of the monitor's columns is there; it has {_listed(names)}")
        if extract.watermark is not None and extract.watermark not in chosen:
            raise SourceError(f"{extract.place}: there is no column {extract.watermark!r}; it has {_listed(names)}")
        called = dict(zip(names, originals, strict=True))
        stated = {name: kind for name, kind in (kinds or {}).items() if name in called}
        wanted = Wanted(
            relation=relation,
            names=[called[name] for name in chosen],
            kinds={called[name]: kind for name, kind in stated.items()},
            since=(called[extract.watermark], extract.since) if extract.watermark and extract.since else None,
            most=extract.most,
        )
        with tempfile.TemporaryDirectory(prefix="sereno-") as folder:
            spool = _Spool(Path(folder), extract.place, tuple(chosen))
            mark: Watermark | None = None
            for batch in connection.batches(wanted):
                if extract.watermark is not None and (found := _mark(batch, called[extract.watermark], now)):
                    mark = found.above(mark)
                spool.add(batch)
            table = table_of(spool.files(), stated, timezone)
        return Read(table, names, mark)


@contextlib.contextmanager
def databases(workspace: Workspace) -> Iterator[Databases]:
    """The workspace's databases for a while; all that is read of one meanwhile was true at one moment."""
    with contextlib.ExitStack() as stack:
        yield Databases(workspace, stack)


def settings_of(workspace: Workspace, name: str) -> DatabaseSettings:
    """What `sereno.yaml` says about a database; UsageError names the nearest where it says nothing."""
    known = workspace.settings.databases
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none yet'}"
        raise UsageError(f"no database {name[:80]!r} in sereno.yaml; {hint}")
    return known[name]


def _opened(workspace: Workspace, name: str) -> Connection:
    """Connect; the driver is imported only now."""
    settings = settings_of(workspace, name)
    if isinstance(settings, SqliteSettings):
        from flows.sources.databases.sqlite import SqliteConnection

        return SqliteConnection(name, settings, (workspace.folder / settings.file).resolve())
    if isinstance(settings, DuckdbSettings):
        from flows.sources.databases.duckdb_file import DuckdbConnection

        return DuckdbConnection(name, settings, (workspace.folder / settings.file).resolve())
    password = revealed(workspace, settings.password)
    if isinstance(settings, OdbcSettings):
        from flows.sources.databases.odbc import OdbcConnection

        return OdbcConnection(name, settings, password)
    return _postgresql(workspace, name, settings, password)


def _postgresql(workspace: Workspace, name: str, settings: PostgresqlSettings, password: str | None) -> Connection:
    from flows.sources.databases.postgresql import PostgresqlConnection

    stated = settings.root_certificate
    certificate = None if stated is None else str((workspace.folder / stated).resolve())
    return PostgresqlConnection(name, settings, password, certificate)


class _Spool:
    """Batches on disk, so that the database is let go before columns are typed; a file for each run of equal types."""

    def __init__(self, folder: Path, place: str, names: tuple[str, ...]) -> None:
        self._folder, self._place, self._names = folder, place, names
        self._parts: list[tuple[list[pl.DataType], list[Path]]] = []
        self._count = 0
        self._rows = 0

    def add(self, batch: pl.DataFrame) -> None:
        batch.columns = [f"c{i}" for i in range(batch.width)]
        path = self._folder / f"{self._count}.parquet"
        self._count += 1
        self._rows += batch.height
        check_rows(self._place, self._rows)
        batch.write_parquet(path, compression="zstd", compression_level=1)
        types = list(batch.dtypes)
        if self._parts and self._parts[-1][0] == types:
            self._parts[-1][1].append(path)
        else:
            self._parts.append((types, [path]))

    def files(self) -> list[RawFile]:
        """What was kept; one part without rows where there was nothing."""
        if not self._parts:
            self.add(pl.DataFrame({f"c{i}": [] for i in range(len(self._names))}, schema_overrides=None))
        return [
            RawFile(Path(self._place), pl.scan_parquet(paths), self._names, textual=False) for _, paths in self._parts
        ]


def _mark(batch: pl.DataFrame, column: str, now: datetime) -> Watermark | None:
    return highest(batch[column], now=now)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")

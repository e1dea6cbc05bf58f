"""Databases that monitors may read, as `sereno.yaml` names them: there is no other address.

A monitor names a database and a table or query of it; accounts and addresses stand here only.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from flows.settings import Credential, Settings

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:.]{2,45}|/[^,\0]{1,100}")
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9 _]{0,63}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Database(Settings):
    timeout: int = Field(3600, ge=1, le=86_400)
    """Seconds that one query may take."""


class PostgresqlSettings(_Database):
    """A PostgreSQL server; give Sereno an account that may only read."""

    kind: Literal["postgresql"]
    host: str
    """Name, address, or the folder of a local socket."""
    port: int = Field(5432, ge=1, le=65535)
    database: str
    user: str
    password: Credential | None = Field(None, repr=False)
    tls: Literal["disable", "prefer", "require", "verify-full"] | None = None
    """How the connection is encrypted; `require` where the host is another machine, else `prefer`."""
    root_certificate: str | None = None
    """Certificate of the authority that `verify-full` trusts, relative to the workspace."""

    @field_validator("host")
    @classmethod
    def _one_host(cls, value: str) -> str:
        if not _HOST.fullmatch(value):
            raise ValueError(f"{value[:80]!r} is not one host; write its name or address")
        return value

    @property
    def encryption(self) -> str:
        """What `tls` says, or stands for where it says nothing."""
        return self.tls or ("prefer" if self.is_local else "require")

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return self.host in _LOOPBACK or self.host.startswith("/")

    @property
    def place(self) -> str:
        """Where it is, as messages say it."""
        return f"{self.host}:{self.port}/{self.database}"


class SqliteSettings(_Database):
    """A SQLite file."""

    kind: Literal["sqlite"]
    file: str
    """Path, relative to the workspace."""

    @property
    def place(self) -> str:
        """Where it is, as messages say it."""
        return self.file


class DuckdbSettings(_Database):
    """A DuckDB file that somebody else writes; no other program may hold it open for writing while a night reads."""

    kind: Literal["duckdb"]
    file: str
    """Path, relative to the workspace."""

    @property
    def place(self) -> str:
        """Where it is, as messages say it."""
        return self.file


class OdbcSettings(_Database):
    """Any other database, by its ODBC driver; needs the extra `sereno[odbc]` and the system's unixODBC."""

    kind: Literal["odbc"]
    driver: str | None = None
    """The driver's name, as `odbcinst -q -d` lists it; none where `options` names a DSN."""
    options: dict[str, str | int] = Field(default_factory=dict)
    """Keywords of the connection string, such as `Server`, `Port`, `Database` or `DSN`; no credentials."""
    user: str | None = None
    password: Credential | None = Field(None, repr=False)
    longest_text: int = Field(4000, ge=1, le=1_000_000)
    """Bytes of room for a text whose length the driver does not state; a longer one is an error, never cut."""

    @field_validator("options")
    @classmethod
    def _plain_keywords(cls, value: dict[str, str | int]) -> dict[str, str | int]:
        for name in value:
            if not _KEYWORD.fullmatch(name):
                raise ValueError(f"{name[:40]!r} is no keyword of a connection string")
            if name.lower() in {"pwd", "password", "uid", "user"}:
                raise ValueError(f"{name!r}: write `user` and `password` beside `options`, so that they stay secret")
        return value

    @model_validator(mode="after")
    def _names_something(self) -> OdbcSettings:
        if self.driver is None and not any(name.lower() in {"dsn", "filedsn"} for name in self.options):
            raise ValueError("name a `driver`, or a DSN under `options`")
        return self

    @property
    def place(self) -> str:
        """Where it is, as messages say it."""
        named = {name.lower(): str(value) for name, value in self.options.items()}
        found = [named[key] for key in ("dsn", "server", "servername", "database", "dbq") if key in named]
        return "/".join(found) or str(self.driver)


DatabaseSettings = Annotated[
    PostgresqlSettings | SqliteSettings | DuckdbSettings | OdbcSettings, Field(discriminator="kind")
]

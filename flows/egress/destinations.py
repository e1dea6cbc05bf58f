"""The policy that a workspace's settings make: every address that they name, and no other."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from flows.database_settings import OdbcSettings, PostgresqlSettings
from flows.egress.policy import LOOPBACK_NAMES, Destination, Policy, as_address, is_local
from flows.monitors import WorkspaceSettings

_ENVIRONMENT = ("PREFECT_API_URL", "PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL")
"""Variables by which a site points Prefect at a server or database of its own."""
_ODBC_HOST = ("server", "servername", "host", "hostname", "address")
_PORTS = {"http": 80, "https": 443}


def policy_of(settings: WorkspaceSettings, log: str) -> Policy:
    """The policy of a workspace with these settings; `log` is where refused attempts are kept."""
    return Policy(tuple(destinations_of(settings)), settings.networks, log)


def destinations_of(settings: WorkspaceSettings) -> Iterator[Destination]:
    """Every address of another machine that the settings name, or the environment for Prefect, and by which setting."""
    for destination in _named(settings):
        address = as_address(destination.host)
        if destination.host not in LOOPBACK_NAMES and not (address is not None and is_local(address)):
            yield destination


def _named(settings: WorkspaceSettings) -> Iterator[Destination]:
    if settings.mail.host is not None:
        yield Destination(settings.mail.host, settings.mail.port, "mail.host")
    for name, database in settings.databases.items():
        if isinstance(database, PostgresqlSettings) and not database.host.startswith("/"):
            yield Destination(database.host, database.port, f"databases.{name}.host")
        elif isinstance(database, OdbcSettings):
            yield from _odbc(name, database)
    if settings.dask is not None and settings.dask.host is not None:
        yield Destination(settings.dask.host, settings.dask.port, "dask.scheduler")
    yield Destination(settings.prefect.host, settings.prefect.port, "prefect.host")
    urls = {"model_server": settings.model_server, "prefect.api_url": settings.prefect.api_url}
    for setting, url in [*urls.items(), *((name, os.environ.get(name)) for name in _ENVIRONMENT)]:
        yield from _of_url(url or "", setting)


def _of_url(url: str, setting: str) -> Iterator[Destination]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return
    if host:
        yield Destination(host, port or _PORTS.get(parts.scheme), setting)


def _odbc(name: str, database: OdbcSettings) -> Iterator[Destination]:
    """As drivers write it: `host`, `tcp:host,1433` or `host\\instance`, the port there or in an option of its own."""
    options = {key.lower(): str(value) for key, value in database.options.items()}
    for key in _ODBC_HOST:
        host, _, port = re.sub(r"^[a-z]+:", "", options.get(key, ""), flags=re.IGNORECASE).partition(",")
        host = host.partition("\\")[0].strip()
        if host:
            stated = port.strip() or options.get("port", "")
            yield Destination(host, int(stated) if stated.isdigit() else None, f"databases.{name}.options")

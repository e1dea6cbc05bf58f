"""A real PostgreSQL server of the tests' own, in a folder of its own, with a password and on loopback only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flows.conftest import free_port

PASSWORD = "s3cret'\\ }@/?x"
"""Hard to quote, and easy to find where it should not be."""
READER = "reader"


@dataclass(frozen=True)
class Server:
    """Where it listens; `reader` may read what was granted to it."""

    port: int
    programs: Path
    folder: Path

    def sql(self, statements: str) -> str:
        """Run statements as the superuser; what psql prints."""
        address = f"host={self.folder} port={self.port} user=owner dbname=postgres"
        command = [str(self.programs / "psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", address]
        done = subprocess.run(
            command, input=statements, capture_output=True, text=True, check=False, env={"LANG": "C.UTF-8"}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def stop(self) -> None:
        """Stop it at once; connections break."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c ssl=off"
        self._control("start", "-o", options, "-l", str(self.folder / "log"))

    def _control(self, *arguments: str) -> None:
        _as_nobody([str(self.programs / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *arguments])


def _as_nobody(command: list[str]) -> None:
    """The server refuses to run as root."""
    who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **who)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr.decode()


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return (found[-1] if found else Path(str(on_path)).resolve()).parent


@contextmanager
def running() -> Iterator[Server]:
    """A server for a while."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="sereno-pg-", dir="/tmp"))
    server = Server(free_port(), programs, folder)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        data = str(folder / "data")
        _as_nobody([str(programs / "initdb"), "-D", data, "-U", "owner", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8",
                    "--auth-local=trust", "--auth-host=scram-sha-256"])  # fmt: skip
        server.start()
        quoted = PASSWORD.replace("'", "''")
        server.sql(f"SET standard_conforming_strings = on; CREATE ROLE {READER} LOGIN PASSWORD '{quoted}';")
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

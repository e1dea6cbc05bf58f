"""The Prefect server that `sereno serve` runs: started, watched, started again where it ends by itself, and stopped."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from analyzers.errors import OperationError, UsageError
from flows.prefect_environment import environment, is_healthy, served_url, serving_file
from flows.workspace import Workspace

log = logging.getLogger("sereno.night")
_STARTUP_SECONDS = 180
_LONGEST_PAUSE = 60.0


@contextlib.contextmanager
def own_server(workspace: Workspace) -> Iterator[str]:
    """A Prefect server for this workspace; its API address. UsageError where the port is taken.

    One that ends by itself, such as for want of memory, is started again: nights that are under way wait for it
    about a minute, as Prefect's clients do, and no schedule is forgotten.
    """
    settings = workspace.settings.prefect
    url = f"{settings.own_url}/api"
    if served_url(workspace):
        raise UsageError(f"{workspace.folder}: already served at {url}; stop the other `sereno serve` first")
    _check_free(settings.host, settings.port)
    server = _Server(workspace, url)
    try:
        server.start()
        watching = threading.Thread(target=server.watch, daemon=True)
        watching.start()
        yield url
    finally:
        server.stop()


class _Server:
    """The process, and the file by which other commands find it."""

    def __init__(self, workspace: Workspace, url: str) -> None:
        self._url = url
        self._file = serving_file(workspace)
        self._log = workspace.prefect_home / "server.log"
        self._environment = {**os.environ, **environment(workspace), "PREFECT_API_URL": url}
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; OperationError where it does not."""
        with self._log.open("ab") as written:
            # Its own session: a Ctrl-C reaches this process first, which then ends the server in order.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.prefect_server"],
                stdin=subprocess.PIPE,
                stdout=written,
                stderr=written,
                env=self._environment,
                start_new_session=True,
            )
        _wait_until_healthy(self._process, self._url, self._log, self._stopping)
        if not self._stopping.is_set():
            self._file.write_text(json.dumps({"url": self._url, "pid": self._process.pid}), encoding="utf-8")

    def watch(self) -> None:
        """Start it again whenever it ends by itself, at first at once, then with longer pauses."""
        pause = 0.0
        while (process := self._process) is not None:
            status = process.wait()
            if process.stdin is not None:
                process.stdin.close()
            if self._stopping.wait(pause):
                return
            log.error("the Prefect server ended by itself (status %d); it is started again", status)
            try:
                self.start()
                pause = 0.0
            except (OperationError, OSError) as error:
                log.error("%s", error)  # noqa: TRY400 - one line is what people read
                pause = min(max(1.0, 2 * pause), _LONGEST_PAUSE)

    def stop(self) -> None:
        """End it, in order where it does."""
        self._stopping.set()
        self._file.unlink(missing_ok=True)
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _check_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"{host}:{port} cannot be listened at ({error.strerror}); choose another with "
                "`prefect: {port: N}` in sereno.yaml"
            ) from None


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path, stopping: threading.Event) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while not is_healthy(url):
        if process.poll() is not None:
            raise OperationError(f"the Prefect server ended while starting (status {process.returncode}); see {log}")
        if time.monotonic() > deadline:
            process.kill()
            raise OperationError(f"the Prefect server did not answer within {_STARTUP_SECONDS} s; see {log}")
        if stopping.wait(0.5):
            return

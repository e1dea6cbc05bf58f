"""The guard: an audit hook that refuses every connection and name lookup that the policy does not allow.

Python calls the hook before a socket connects, sends or asks for a name, in every thread and library that goes
through its `socket` module. Code in C that opens sockets of its own (DuckDB, libpq, ODBC drivers, llama.cpp) does
not pass here: it is held by its settings, and by the test that traces the system calls of a whole night. A hook
cannot be taken away again. Child processes that run Python get it by `child/sitecustomize.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analyzers.errors import EgressRefusedError
from flows.egress.policy import Policy, as_address

VARIABLE = "SERENO_EGRESS"
"""Environment variable by which a child process learns its policy."""
_CHILD = str(Path(__file__).parent / "child")
_LARGEST_LOG = 5_000_000
_CONNECTING = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_ASKING = frozenset(("socket.getaddrinfo", "socket.gethostbyname"))
_ASKING_BACK = frozenset(("socket.gethostbyaddr", "socket.getnameinfo"))
"""Whose name a number has is asked of others, too."""


class _Guard:
    """The process's guard: its policy, and whether its hook hangs already."""

    policy: Policy = Policy()
    installed: bool = False


_inside = threading.local()


def install() -> None:
    """Refuse from now on whatever the policy does not allow, in this process and the Python processes it starts."""
    if not _Guard.installed:
        sys.addaudithook(_hook)
        _Guard.installed = True
    _tell_children()


def permit(policy: Policy) -> None:
    """Put a policy in the place of the present one. Without `install` it is only kept."""
    _Guard.policy = policy
    if _Guard.installed:
        _tell_children()


def install_as_child() -> None:
    """Take over the policy of the process that started this one."""
    permit(Policy.loads(os.environ[VARIABLE]))
    install()


def is_installed() -> bool:
    """Whether the hook hangs in this process."""
    return _Guard.installed


def _tell_children() -> None:
    os.environ[VARIABLE] = _Guard.policy.dumps()
    before = os.environ.get("PYTHONPATH", "")
    if _CHILD not in before.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_CHILD, before)))


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket.") or getattr(_inside, "asking", False):
        return
    if event in _CONNECTING:
        _check_connection(event, arguments[0], arguments[1])
    elif event in _ASKING:
        _check_name(event, arguments[0])
    elif event in _ASKING_BACK:
        _check_number(event, arguments[0])


def _check_connection(event: str, made: Any, address: Any) -> None:
    """A message without an address goes where its socket is connected to, which was looked at then."""
    if address is None or made.family == socket.AF_UNIX:
        return
    if made.family not in {socket.AF_INET, socket.AF_INET6} or not isinstance(address, tuple):
        # Netlink asks the own kernel; packets and what else there is would leave past every address.
        if made.family != getattr(socket, "AF_NETLINK", None):
            _refuse(event, f"a socket of family {int(made.family)}")
        return
    host, port = str(address[0]), int(address[1])
    if as_address(host) is None:
        _check_name(event, host)
    elif not _Guard.policy.allows_number(host, port, _resolve):
        _refuse(event, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _check_name(event: str, asked: Any) -> None:
    if asked is None:
        return
    name = asked.decode("ascii", "backslashreplace") if isinstance(asked, bytes | bytearray) else str(asked)
    if as_address(name) is None and not _Guard.policy.allows_name(name):
        _refuse(event, name)


def _check_number(event: str, asked: Any) -> None:
    host = str(asked[0] if isinstance(asked, tuple) else asked)
    if as_address(host) is None:
        _check_name(event, host)
    elif not _Guard.policy.allows_number(host, None, _resolve):
        _refuse(event, host)


def _resolve(name: str) -> set[str]:
    _inside.asking = True
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()
    finally:
        _inside.asking = False


def _refuse(event: str, where: str) -> None:
    shown = where[:200].encode("ascii", "backslashreplace").decode()
    log = _Guard.policy.log
    if log is not None:
        # A log that cannot be written must not turn a refusal into something else.
        with contextlib.suppress(OSError):
            _write(Path(log), event, shown)
    raise EgressRefusedError(
        f"egress refused: {shown} is neither loopback nor named by a setting; "
        "nothing may leave the premises (`sereno doctor --egress` lists what may be talked to)"
    )


def _write(path: Path, event: str, where: str) -> None:
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_name(path.name + ".1"))
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "what": event.removeprefix("socket."),
        "where": where,
        "by": _caller(),
        "process": os.getpid(),
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _caller() -> str:
    """The nearest module outside the standard library's networking that wanted out."""
    frame = sys._getframe(1)
    passed = {__name__, "socket", "ssl", "asyncio", "http", "urllib", "concurrent", "threading", "smtplib"}
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__", "?"))
        if name not in passed and name.partition(".")[0] not in passed:
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"

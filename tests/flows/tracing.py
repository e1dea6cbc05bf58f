"""Every connection and name lookup of a command and its children, as the kernel sees them."""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STRACE = shutil.which("strace")
UNSHARE = shutil.which("unshare")
CALLS = "connect,sendto,sendmsg,sendmmsg,io_uring_setup"
_CALL = re.compile(r"\b(connect|sendto|sendmsg|sendmmsg|io_uring_setup)\(")
_FAMILY = re.compile(r"sa_family=(AF_\w+)")
_NUMBER = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")


@dataclass(frozen=True)
class Attempt:
    """One system call that names another end."""

    call: str
    family: str
    number: str
    port: int

    @property
    def stays(self) -> bool:
        """Whether it cannot leave the machine: a local socket, the kernel, or loopback."""
        if self.family in {"AF_UNIX", "AF_NETLINK", "AF_UNSPEC"}:
            return True
        return self.family in {"AF_INET", "AF_INET6"} and ipaddress.ip_address(self.number).is_loopback


def may_trace() -> bool:
    """Whether a process may be traced here."""
    return STRACE is not None and subprocess.run([STRACE, "-o", "/dev/null", "true"], check=False).returncode == 0


def may_unshare() -> bool:
    """Whether a network namespace of one's own can be made here."""
    return UNSHARE is not None and subprocess.run([*without_route(), "true"], check=False).returncode == 0


def without_route() -> list[str]:
    """The beginning of a command that runs with loopback as its only network."""
    return [UNSHARE or "unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def traced(command: Sequence[str], log: Path) -> list[str]:
    """The command under a trace of it and all its children, written to `log`."""
    return [
        STRACE or "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-s",
        "96",
        "-e",
        f"trace={CALLS}",
        "-o",
        str(log),
        *command,
    ]


def attempts(log: Path) -> list[Attempt]:
    """What the trace holds; a call whose line cannot be understood fails."""
    found = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        call = _CALL.search(line)
        if call is None:
            continue
        assert call[1] != "io_uring_setup", f"io_uring could connect unseen: {line}"
        # A message without an address goes where its socket is connected to, which was traced then.
        for family in _FAMILY.finditer(line):
            rest = line[family.end() :]
            number, port = _NUMBER.search(rest), _PORT.search(rest)
            if family[1] in {"AF_INET", "AF_INET6"}:
                assert number is not None, f"no address: {line}"
                assert port is not None, f"no port: {line}"
            found.append(
                Attempt(call[1], family[1], (number[1] or number[2]) if number else "", int(port[1]) if port else 0)
            )
    return found

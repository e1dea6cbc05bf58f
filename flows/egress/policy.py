"""Which addresses may be talked to: loopback, what a setting names, and private networks where a setting lists them.

Only the standard library is used here: every Python process that Sereno starts reads its policy before anything else.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str], Collection[str]]
"""The numbers that a name has."""

PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
"""Ranges of private networks (RFC 1918, RFC 4193)."""
LOOPBACK_NAMES = frozenset(("", "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"))


@dataclass(frozen=True)
class Destination:
    """An address that a setting names."""

    host: str
    """Name or number."""
    port: int | None
    """None where the setting states none: then any."""
    setting: str
    """What names it, such as `mail.host`."""

    def __str__(self) -> str:
        """As people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


@dataclass(frozen=True)
class Policy:
    """What may be talked to, beside loopback."""

    destinations: tuple[Destination, ...] = ()
    networks: tuple[str, ...] = ()
    """Private networks, such as `10.20.0.0/16`, of which every address is allowed."""
    log: str | None = None
    """File to which refused attempts are added, a line each; None keeps none."""
    _numbers: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    def allows_name(self, name: str) -> bool:
        """Whether a name may be looked up."""
        plain = _plain(name)
        return plain in LOOPBACK_NAMES or any(_plain(each.host) == plain for each in self.destinations)

    def allows_number(self, number: str, port: int | None, resolve: Resolve) -> bool:
        """Whether a number may be connected to, at any port where none is stated.

        resolve : gives the numbers of the names that settings hold.
        """
        address = as_address(number)
        if address is None:
            return False
        if is_local(address) or any(address in ipaddress.ip_network(network) for network in self.networks):
            return True
        return any(
            (port is None or each.port in {None, port}) and self._is_at(each.host, address, resolve)
            for each in self.destinations
        )

    def _is_at(self, host: str, address: IpAddress, resolve: Resolve) -> bool:
        stated = as_address(host)
        if stated is not None:
            return stated == address
        # A name may move; it is asked for again where the number is none of those that it had.
        if str(address) not in self._numbers.get(host, ()):
            found = (as_address(number) for number in resolve(host))
            self._numbers[host] = frozenset(str(each) for each in found if each is not None)
        return str(address) in self._numbers[host]

    def dumps(self) -> str:
        """The policy for a child process."""
        return json.dumps(
            {"destinations": [asdict(each) for each in self.destinations], "networks": self.networks, "log": self.log}
        )

    @classmethod
    def loads(cls, text: str) -> Policy:
        """The policy that a parent process wrote; ValueError, KeyError or TypeError for anything else."""
        said = json.loads(text)
        return cls(tuple(Destination(**each) for each in said["destinations"]), tuple(said["networks"]), said["log"])


def as_address(text: str) -> IpAddress | None:
    """A number as the address that it is, without its zone; None for a name. IPv4 in IPv6 is taken out."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_local(address: IpAddress) -> bool:
    """Whether it is this machine: loopback, or the unspecified address, which systems connect to loopback."""
    return address.is_loopback or address.is_unspecified


def is_private_network(text: str) -> bool:
    """Whether a network lies within the private ranges; ValueError where it is no network."""
    network = ipaddress.ip_network(text)
    return any(network.version == each.version and network.subnet_of(each) for each in PRIVATE)  # type: ignore[arg-type]


def _plain(name: str) -> str:
    return name.strip("[]").rstrip(".").lower()

"""Where the partitions of a night are computed, as `sereno.yaml` says it under `dask`."""

from __future__ import annotations

import re

from pydantic import Field, model_validator

from flows.egress.policy import LOOPBACK_NAMES, as_address, is_local
from flows.settings import Settings

_ADDRESS = re.compile(
    r"(?P<protocol>tcp|tls)://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):(?P<port>[0-9]{1,5})"
)


class TlsFiles(Settings):
    """Certificates with which Dask's machines know each other, as PEM files relative to the workspace."""

    authority: str
    """Certificate of the site's authority: whoever it has not signed is turned away."""
    certificate: str
    """This machine's certificate."""
    key: str
    """Its private key, readable by its owner only."""


class DaskSettings(Settings):
    """Partitions of a night on further processes or machines; needs the extra `sereno[dask]` (docs/scale.md)."""

    workers: int | None = Field(None, ge=1, le=256)
    """Processes on this machine, which are there while a night analyzes."""
    scheduler: str | None = None
    """Address of a Dask scheduler on the premises in their place, such as `tls://10.0.0.5:8786`."""
    tls: TlsFiles | None = None
    """What a scheduler at `tls://` asks for."""
    rows: int = Field(50_000, ge=4_096)
    """Rows, or samples of assets, that a partition has at least; fewer than two partitions are computed here."""
    wait: int = Field(60, ge=1, le=3_600)
    """Seconds within which a first worker must be there."""

    @model_validator(mode="after")
    def _one_cluster(self) -> DaskSettings:
        if (self.workers is None) == (self.scheduler is None):
            raise ValueError("name `workers` of this machine, or the address of a `scheduler`")
        if self.scheduler is None:
            if self.tls is not None:
                raise ValueError("`tls` goes with a `scheduler`; workers of this machine make their own certificates")
            return self
        address = _ADDRESS.fullmatch(self.scheduler)
        if address is None:
            raise ValueError(f"{self.scheduler[:80]!r} is no address of a scheduler; write it as tls://10.0.0.5:8786")
        if address["protocol"] == "tls" and self.tls is None:
            raise ValueError("a scheduler at tls:// needs `tls` with authority, certificate and key")
        if address["protocol"] == "tcp" and not self.is_local:
            raise ValueError("without TLS whoever reaches the scheduler can run programs on it: write tls:// and `tls`")
        return self

    @property
    def host(self) -> str | None:
        """Name or number of the scheduler's machine; None where the workers are this machine's own."""
        address = _ADDRESS.fullmatch(self.scheduler or "")
        return address["host"].strip("[]") if address else None

    @property
    def port(self) -> int | None:
        """The scheduler's port."""
        address = _ADDRESS.fullmatch(self.scheduler or "")
        return int(address["port"]) if address else None

    @property
    def is_local(self) -> bool:
        """Whether nothing of it is on another machine."""
        address = as_address(self.host or "")
        return self.host is None or self.host in LOOPBACK_NAMES or (address is not None and is_local(address))

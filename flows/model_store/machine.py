"""What this machine has to offer a model: processors, memory, and what llama.cpp was built for."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from analyzers import cores as processors

_ROOT = Path("/")


@dataclass(frozen=True)
class Machine:
    """A machine as a process of ours sees it."""

    processor: str
    cores: int
    """Usable at once: affinity and the container's share included."""
    memory: int
    """Bytes in all, or the container's limit where that is lower."""
    available: int
    """Bytes free now."""
    limited: bool
    """Whether a container's limit is what counts."""

    def as_object(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)

    @property
    def label(self) -> str:
        """What a mark names: processor, cores, and the build of llama.cpp. Nothing of it tells one machine of a kind
        from another.
        """
        return f"{self.processor}, {self.cores} cores, llama-cpp-python {metadata.version('llama-cpp-python')}"


def this_machine(root: Path = _ROOT) -> Machine:
    """This machine; `root` is where `proc` and `sys` are (tests bring their own)."""
    total, available = _memory(root)
    limits = list(_limits(root))
    used = min((limit for limit, _ in limits), default=None)
    free = min((limit - taken for limit, taken in limits), default=available)
    limited = used is not None and used < total
    return Machine(
        processor=_processor(root),
        cores=_cores(root),
        memory=used if used is not None and limited else total,
        available=max(0, min(available, free)),
        limited=limited,
    )


def processor_flags(root: Path = _ROOT) -> frozenset[str]:
    """The processor's instruction sets as Linux names them; empty where it does not say."""
    return frozenset(_field(root, "flags").split() + _field(root, "Features").split())


def _processor(root: Path) -> str:
    return _field(root, "model name") or platform.processor() or platform.machine()


def _field(root: Path, name: str) -> str:
    for line in _lines(root / "proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _cores(root: Path) -> int:
    usable = processors.cores()
    for folder in _groups(root):
        words = " ".join(_lines(folder / "cpu.max")).split()
        if len(words) == 2 and words[0].isdecimal() and words[1].isdecimal():
            usable = min(usable, max(1, round(int(words[0]) / int(words[1]))))
    return usable


def _memory(root: Path) -> tuple[int, int]:
    """Bytes in all and available."""
    found = {}
    for line in _lines(root / "proc/meminfo"):
        key, _, value = line.partition(":")
        if (words := value.split()) and words[0].isdecimal():
            found[key] = int(words[0]) * 1024
    if "MemTotal" not in found:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return pages, pages
    return found["MemTotal"], found.get("MemAvailable", found["MemTotal"])


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use, in bytes, of every control group that we are in."""
    for folder in _groups(root):
        for limit, use in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            stated = "".join(_lines(folder / limit))
            if stated.isdecimal() and int(stated) < 1 << 60:
                taken = "".join(_lines(folder / use))
                yield int(stated), int(taken) if taken.isdecimal() else 0


def _groups(root: Path) -> Iterator[Path]:
    """Folders of our control groups, from our own up to the top (version 2, and the memory controller of 1)."""
    mounted = root / "sys/fs/cgroup"
    seen = set()
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        top = mounted / "memory" if controllers else mounted
        parts = [part for part in path.split("/") if part and part != ".."]
        for length in range(len(parts), -1, -1):
            folder = top.joinpath(*parts[:length])
            if folder not in seen:
                seen.add(folder)
                yield folder


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []

"""`sereno models fit`: the machine measured, every model of the catalogue judged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from analyzers.errors import UsageError
from flows.model_store import child
from flows.model_store.catalogue import CatalogueModel, catalogue
from flows.model_store.fit import ANSWER_TOKENS, PROMPT_TOKENS, Estimate, Measured, Speed, estimate
from flows.model_store.machine import Machine, this_machine
from flows.model_store.register import Installed, installed
from flows.workspace import Workspace
from reports.narrator.gguf import read_head

Say = Callable[[str], None]
BUSY = 0.5
"""Waiting processes a core from which on the clock is not believed."""


@dataclass(frozen=True)
class Fit:
    """What was measured, and what follows from it."""

    machine: Machine
    load: float
    """Processes that wanted a core in the last minute, before measuring."""
    measured: tuple[Measured, ...]
    estimates: tuple[Estimate, ...]
    findings: int

    @property
    def is_busy(self) -> bool:
        """Whether other work took a share of the processors, so that the clock says too little."""
        return self.load > BUSY * self.machine.cores

    def as_object(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "machine": self.machine.as_object(),
            "busy": self.is_busy,
            "load": self.load,
            "gpu": any(known.speed.gpu for known in self.measured),
            "measured": [{"name": known.name, **known.speed.model_dump()} for known in self.measured],
            "night": {"findings": self.findings, "prompt_tokens": PROMPT_TOKENS, "answer_tokens": ANSWER_TOKENS},
            "models": [entry.model_dump() for entry in self.estimates],
        }

    def lines(self) -> Iterator[str]:
        """For a person."""
        machine = self.machine
        limit = " (the container's limit)" if machine.limited else ""
        gpu = any(known.speed.gpu for known in self.measured)
        yield (
            f"{machine.processor}, {machine.cores} cores, {machine.memory / 1e9:.1f} GB of memory{limit}, "
            f"{machine.available / 1e9:.1f} GB of it free; llama.cpp is built for "
            f"{'a GPU too, which the narrator does not use' if gpu else 'the processor only'}"
        )
        for known in self.measured:
            speed = known.speed
            yield (
                f"measured {known.name}: {speed.prompt:.0f} tokens a second of prompt, {speed.batched:.0f} written by "
                f"16 sequences at once, {speed.single:.0f} by one"
            )
        if self.is_busy:
            yield (
                f"other work was under way (load {self.load:.1f}): speeds are by processor time, as an idle machine "
                "would reach them"
            )
        yield ""
        yield (
            f"a night of {self.findings:,} findings, {PROMPT_TOKENS} prompt tokens and {ANSWER_TOKENS} written ones "
            "each, no text reused:"
        )
        for entry in self.estimates:
            basis = "measured" if entry.measured else "estimated from the size"
            yield f"  {entry.name:20} {entry.memory / 1e9:5.1f} GB  {entry.verdict:9}  {_time(entry.minutes)}  {basis}"


def measure_machine(workspace: Workspace | None, *, findings: int, say: Say) -> Fit:
    """Measure the models at hand and judge the catalogue by them. UsageError where no model is at hand."""
    machine, load = this_machine(), os.getloadavg()[0]
    measured = []
    for model in installed(workspace):
        say(f"measuring {model.path.name}")
        measured.append(_measured(model, machine, busy=load > BUSY * machine.cores))
    if not measured:
        raise UsageError("no model is installed to measure with; `sereno models add FILE` brings one")
    estimates = tuple(estimate(model, machine, measured, findings=findings) for model in catalogue())
    return Fit(machine, round(load, 2), tuple(measured), estimates, findings)


def _measured(model: Installed, machine: Machine, *, busy: bool) -> Measured:
    head = read_head(model.path)
    known = next((entry for entry in catalogue() if _is(model, entry, head.bytes)), None)
    said = child.ask("speed", model.path, threads=machine.cores)
    speed = Speed.model_validate({**said["idle" if busy else "wall"], "gpu": said["gpu"]})
    active = known.active_bytes if known else float(head.bytes)
    return Measured(known.name if known else model.name, active, speed)


def _is(model: Installed, entry: CatalogueModel, size: int) -> bool:
    """Whether a file at hand is the catalogue's."""
    return model.path.name == entry.file and (not entry.exact or size == entry.size)


def _time(minutes: float) -> str:
    return f"{minutes:5.1f} min" if minutes < 120 else f"{minutes / 60:5.1f} h  "

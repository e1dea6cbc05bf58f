"""Which models fit this machine, and how long a night would take with each.

Decoding on a processor is bound by how fast the weights come from memory, so that tokens a second scale with the bytes
that a token reads. A model's speed is that of the nearest model measured here, scaled by those bytes. Scaling up from a
small model errs on the slow side: little of a small model's time goes into reading weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analyzers.results import Frozen
from flows.model_store.catalogue import CatalogueModel
from flows.model_store.machine import Machine

CONTEXT = 8192
"""Tokens of context that the narrator opens."""
RESERVED = 2 << 30
"""Bytes left to analysis and warehouse (their own ceiling)."""
PROMPT_TOKENS = 75
"""Tokens that a finding's prompt adds to what all share: the exam's mean (51 of its type, 24 of its facts)."""
ANSWER_TOKENS = 13
"""Tokens of a strict answer, such as `1 and 2 moreover 3; cause b; step a`."""

Verdict = Literal["fits", "tight", "too large"]


class Speed(Frozen):
    """Tokens a second of a model on this machine."""

    prompt: float
    single: float
    batched: float
    """Sixteen sequences at once, as the narrator decodes."""
    gpu: bool = False
    """Whether the build of llama.cpp can use a GPU."""


@dataclass(frozen=True)
class Measured:
    """A model that was measured here."""

    name: str
    active_bytes: float
    """Bytes of weights that one token reads."""
    speed: Speed


class Estimate(Frozen):
    """What to expect of a model here."""

    name: str
    memory: int
    """Bytes with the narrator's context."""
    verdict: Verdict
    prompt: float
    batched: float
    minutes: float
    """For the stated night, no text of an earlier night reused."""
    measured: bool
    """Whether the speed was measured and not scaled."""


def verdict(memory: int, machine: Machine) -> Verdict:
    """Whether so many bytes fit beside the night's own work; `tight` where only the memory in use stands in the way."""
    if memory + RESERVED > machine.memory:
        return "too large"
    return "fits" if memory + RESERVED <= machine.available else "tight"


def estimate(model: CatalogueModel, machine: Machine, measured: Sequence[Measured], *, findings: int) -> Estimate:
    """What to expect of a model of the catalogue; `measured` must not be empty."""
    nearest = min(measured, key=lambda known: abs(_ratio(known.active_bytes, model.active_bytes)))
    factor = nearest.active_bytes / model.active_bytes
    same = nearest.name == model.name
    prompt, batched = (speed * (1.0 if same else factor) for speed in (nearest.speed.prompt, nearest.speed.batched))
    memory = model.memory(CONTEXT)
    return Estimate(
        name=model.name,
        memory=memory,
        verdict=verdict(memory, machine),
        prompt=round(prompt, 1),
        batched=round(batched, 1),
        minutes=round(night_seconds(prompt, batched, findings) / 60, 1),
        measured=same,
    )


def night_seconds(prompt: float, batched: float, findings: int) -> float:
    """Seconds that a night of so many findings takes at these tokens a second, nothing reused."""
    return findings * (PROMPT_TOKENS / prompt + ANSWER_TOKENS / batched)


def _ratio(one: float, other: float) -> float:
    from math import log

    return log(one / other)

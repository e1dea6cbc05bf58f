"""Findings a minute against one grammar-constrained `create_chat_completion` a finding, in turns in one run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzers.results import Finding
from reports.contents import Lang
from reports.narrator import narrate
from reports.narrator.engines import LlamaEngine
from reports.narrator.prompt import Prompt, build_prompt
from reports.narrator.skeleton import Skeleton, choices
from reports.playbook import playbook_for

BLOCK = 32
"""Findings that each side answers before the other has its turn: a busy machine is as busy for both."""
_ANSWER = 48
_SINGLE_STREAM = 96


@dataclass(frozen=True)
class Spent:
    """Time by the clock and of all processors, in seconds: other work on the machine moves the first only."""

    clock: float = 0.0
    processor: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.clock + other.clock, self.processor + other.processor)

    def over(self, count: int) -> Spent:
        """A share of it."""
        return Spent(self.clock / count, self.processor / count)


@dataclass(frozen=True)
class Speed:
    """Time of each side for the same findings, and what follows."""

    findings: int
    distinct: int
    one_by_one: Spent
    """A finding, one `create_chat_completion` each."""
    batched: Spent
    """A finding, no skeleton used twice."""
    cold: Spent
    """All findings, skeletons used again within the night."""
    warm: Spent
    """All findings of a second night."""
    tokens_batched: float
    """Answer and prompt tokens a second in batch."""
    tokens_single: float
    """Tokens a second of one plain stream."""
    same_answers: int
    """Of the findings asked both ways, how many got the same answer."""
    asked: int

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "findings": self.findings,
            "distinct_signatures": self.distinct,
            "asked_both_ways": self.asked,
            "same_answers": self.same_answers,
            "findings_a_minute_one_by_one": 60 / self.one_by_one.clock,
            "findings_a_minute_batched": 60 / self.batched.clock,
            "findings_a_minute_cold": 60 * self.findings / self.cold.clock,
            "findings_a_minute_warm": 60 * self.findings / self.warm.clock,
            "speedup_no_reuse": self.one_by_one.clock / self.batched.clock,
            "speedup_cold": self.one_by_one.clock * self.findings / self.cold.clock,
            "speedup_warm": self.one_by_one.clock * self.findings / self.warm.clock,
            "processor_seconds_a_finding_one_by_one": self.one_by_one.processor,
            "processor_seconds_a_finding_batched": self.batched.processor,
            "processor_seconds_cold": self.cold.processor,
            "processor_speedup_no_reuse": self.one_by_one.processor / self.batched.processor,
            "processor_speedup_cold": self.one_by_one.processor * self.findings / self.cold.processor,
            "tokens_a_second_batched": self.tokens_batched,
            "tokens_a_second_single_stream": self.tokens_single,
        }


def measure(
    path: Path,
    engine: LlamaEngine,
    findings: Sequence[tuple[Finding, Lang]],
    *,
    quick: bool,
    say: Callable[[str], None],
) -> Speed:
    """Both ways over the same findings in blocks by turns, then a cold and a warm night."""
    rival = _rival(path)
    sample = findings[:: max(1, len(findings) // (2 * BLOCK if quick else 8 * BLOCK))]
    in_turn = [_prompt(finding) for finding, _ in sample[: len(sample) // BLOCK * BLOCK]]
    # Each side takes them in the order that it would: the plain way as they come, the narrator those alike together.
    sorted_places = sorted(range(len(in_turn)), key=lambda place: (in_turn[place].shared, in_turn[place].body))
    answers, others = [""] * len(in_turn), [""] * len(in_turn)
    ours = theirs = Spent()
    for start in range(0, len(in_turn), BLOCK):
        places = sorted_places[start : start + BLOCK]
        spent, told = _timed(lambda places=places: engine.complete([in_turn[p] for p in places]))  # type: ignore[misc]
        ours += spent
        for place, answer in zip(places, told, strict=True):
            answers[place] = answer
        block = in_turn[start : start + BLOCK]
        slow, others[start : start + BLOCK] = _timed(lambda block=block: [_ask(rival, one) for one in block])  # type: ignore[misc]
        theirs += slow
        say(f"speed: {start + len(block)} findings both ways, ratio {theirs.clock / ours.clock:.2f}")
    asked = len(in_turn)
    same = sum(one == other.strip() for one, other in zip(answers, others, strict=True))
    tokens = sum(_count(rival, one.shared + one.body + answer) for one, answer in zip(in_turn, answers, strict=True))
    single = _single_stream(rival)
    cold, skeletons = _night(engine, findings, {})
    warm, _ = _night(engine, findings, skeletons)
    return Speed(
        len(findings),
        len(skeletons),
        theirs.over(asked),
        ours.over(asked),
        cold,
        warm,
        tokens / ours.clock,
        single,
        same,
        asked,
    )


def _rival(path: Path) -> Any:
    """The plain way: the library's own class with its defaults, quiet, on the same number of threads."""
    import llama_cpp

    return llama_cpp.Llama(str(path), n_ctx=2048, n_threads=os.cpu_count() or 1, verbose=False, seed=0)


def _ask(rival: Any, prompt: Prompt) -> str:
    """One completion: the shared beginning as the system's message, the rest as the user's."""
    from llama_cpp.llama_grammar import LlamaGrammar

    answer = rival.create_chat_completion(
        messages=[
            {"role": "system", "content": prompt.prefix},
            {"role": "user", "content": prompt.shared + prompt.body},
        ],
        grammar=LlamaGrammar.from_string(prompt.grammar, verbose=False),
        temperature=0.0,
        max_tokens=_ANSWER,
    )
    return str(answer["choices"][0]["message"]["content"])


def _single_stream(rival: Any) -> float:
    """Tokens a second of one sequence without a grammar, the reading of its prompt left out."""
    tokens = rival.tokenize(b"A careful note about a payment that looks odd:")
    rival.reset()
    stream = rival.generate(tokens, temp=0.0)
    next(stream)
    started = time.monotonic()
    for _, _ in zip(range(_SINGLE_STREAM), stream, strict=False):
        pass
    return _SINGLE_STREAM / (time.monotonic() - started)


def _count(rival: Any, text: str) -> int:
    return len(rival.tokenize(text.encode(), add_bos=False))


def _prompt(finding: Finding) -> Prompt:
    return build_prompt(finding, choices(finding, playbook_for(finding, None)))


def _night(
    engine: LlamaEngine, findings: Sequence[tuple[Finding, Lang]], kept: dict[str, Skeleton]
) -> tuple[Spent, dict[str, Skeleton]]:
    """Time to narrate all findings, rendering and grounding included, and the skeletons afterwards."""
    skeletons = dict(kept)
    started = _now()
    for lang in dict.fromkeys(lang for _, lang in findings):
        own = [finding for finding, told in findings if told == lang]
        skeletons |= narrate(own, lang=lang, engine=engine, skeletons=skeletons).skeletons
    return _since(started), skeletons


def _timed(work: Callable[[], list[str]]) -> tuple[Spent, list[str]]:
    started = _now()
    answers = work()
    return _since(started), answers


def _now() -> Spent:
    return Spent(time.monotonic(), time.process_time())


def _since(started: Spent) -> Spent:
    now = _now()
    return Spent(now.clock - started.clock, now.processor - started.processor)

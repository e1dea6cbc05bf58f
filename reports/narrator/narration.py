"""Narrating findings: one generation for each evidence signature, rendered by code, checked claim by claim.

The model is asked a batch at a time, about the most important findings first, for as long as the caller wants. What it
was not asked about keeps the template.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from analyzers.results import Finding
from reports.contents import Claim, Lang, Mode, Narrative
from reports.grounding import failures
from reports.narrator.engines import Engine
from reports.narrator.grammar import parse
from reports.narrator.prompt import Prompt, build_prompt, signature
from reports.narrator.prose import allows, parse_prose
from reports.narrator.skeleton import Choices, Skeleton, choices
from reports.narrator.telling import plain, tell
from reports.playbook import Playbooks, playbook_for

Progress = Callable[[int, int], None]
BATCH = 16
"""Questions handed to the engine at once, of which it can answer all together: the grain of a time limit."""


@dataclass(frozen=True)
class Narration:
    """The narratives of findings, in their order."""

    narratives: tuple[Narrative, ...]
    skeletons: dict[str, Skeleton]
    """Skeletons that the model wrote anew, by signature, to be kept and replayed."""
    replaced: int
    """Claims of all narratives that failed the check and were replaced."""


@dataclass(frozen=True)
class _Group:
    """Findings that were added together."""

    findings: tuple[Finding, ...]
    timezone: str
    choices: tuple[Choices, ...]
    keys: tuple[str, ...]
    """Signatures; none where no model is asked."""


@dataclass(frozen=True)
class _Question:
    group: str
    prompt: Prompt
    choices: Choices
    rank: tuple[bool, float]
    """Of the most important finding that waits for the answer; the lower the sooner."""


class Narrator:
    """Narrates groups of findings, such as those of a monitor.

    Parameters
    ----------
    engine : the local model; without one the texts are complete too, in code's own order (`Mode.TEMPLATE`).
    mode : what the model may do. `strict`: order and join facts, choose cause and first step. `prose`: also write the
        words around facts, within a grammar that has neither figures nor names; a sentence whose words say more than
        its facts is replaced by their plain clauses and counted. `template` asks no model.
    skeletons : those kept from earlier nights, by signature; they are replayed instead of asking the model.
    prefixes : own beginnings of prompts by name (`reports.narrator.prompt.PREFIX_NAMES`), in the place of ours.
    """

    def __init__(
        self,
        engine: Engine | None,
        *,
        lang: Lang,
        mode: Mode = Mode.STRICT,
        skeletons: Mapping[str, Skeleton] | None = None,
        prefixes: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine if mode is not Mode.TEMPLATE else None
        self._lang, self._mode, self._prefixes = lang, mode, prefixes
        self._kept = skeletons or {}
        self._groups: dict[str, _Group] = {}
        self._waiting: dict[str, _Question] = {}
        self._answers: dict[str, Skeleton | None] = {}
        """By signature; None where the model's answer was of no use."""
        self._new: dict[str, dict[str, Skeleton]] = {}

    def add(
        self, group: str, findings: Sequence[Finding], *, timezone: str = "UTC", playbooks: Playbooks | None = None
    ) -> None:
        """Findings to be narrated. playbooks : the monitor's own, before ours."""
        possible = [choices(finding, playbook_for(finding, playbooks)) for finding in findings]
        keys: list[str] = []
        if self._engine is not None:
            fitted = [
                _fitted(finding, one, self._engine, self._mode, self._lang, self._prefixes)
                for finding, one in zip(findings, possible, strict=True)
            ]
            possible, prompts = [one for one, _ in fitted], [prompt for _, prompt in fitted]
            keys = [self._key(finding, prompt, self._engine) for finding, prompt in zip(findings, prompts, strict=True)]
            for finding, key, one, prompt in zip(findings, keys, possible, prompts, strict=True):
                self._await(key, _Question(group, prompt, one, (not finding.mailed, -finding.priority)))
        self._groups[group], self._new[group] = _Group(tuple(findings), timezone, tuple(possible), tuple(keys)), {}

    def waiting(self, group: str | None = None) -> int:
        """Questions that the model was not asked yet, of a group or of all."""
        return sum(group in (None, question.group) for question in self._waiting.values())

    def most_urgent(self) -> str | None:
        """The group of the most important question that waits; None where none does."""
        waiting = self._waiting.values()
        return min(waiting, key=lambda question: question.rank).group if waiting else None

    def ask(self, group: str) -> bool:
        """Ask the model the `BATCH` most important questions of a group; whether there were any.

        Raises ModelError where the engine fails.
        """
        ranked = sorted(
            (item for item in self._waiting.items() if item[1].group == group), key=lambda item: item[1].rank
        )[:BATCH]
        if not ranked or self._engine is None:
            return False
        answers = self._engine.complete([question.prompt for _, question in ranked])
        for (key, question), answer in zip(ranked, answers, strict=True):
            read = parse_prose if self._mode is Mode.PROSE else None
            skeleton = read(answer, question.choices, self._lang) if read else parse(answer, question.choices)
            self._answers[key] = skeleton
            if skeleton is not None:
                self._new[question.group][key] = skeleton
            del self._waiting[key]
        return True

    def narration(self, group: str) -> Narration:
        """The narratives of a group: what was not asked or answered is told in code's own words."""
        own = self._groups[group]
        keys = own.keys or (None,) * len(own.findings)
        narratives = tuple(
            self._narrative(finding, possible, key, own.timezone)
            for finding, possible, key in zip(own.findings, own.choices, keys, strict=True)
        )
        return Narration(narratives, self._new[group], sum(narrative.replaced for narrative in narratives))

    def _key(self, finding: Finding, prompt: Prompt, engine: Engine) -> str:
        return signature(finding, prompt, lang=self._lang, model=engine.sha256, mode=self._mode)

    def _await(self, key: str, question: _Question) -> None:
        """Note a question, unless its answer is known; the most important finding of a signature gives its rank."""
        if key not in self._answers and key in self._kept and allows(question.choices, self._kept[key], self._lang):
            self._answers[key] = self._kept[key]
        if key not in self._answers and (
            key not in self._waiting
            or (self._waiting[key].group == question.group and question.rank < self._waiting[key].rank)
        ):
            self._waiting[key] = question

    def _narrative(self, finding: Finding, possible: Choices, key: str | None, timezone: str) -> Narrative:
        skeleton = self._answers.get(key) if key is not None else None
        if skeleton is not None and not allows(possible, skeleton, self._lang):
            skeleton = None
        claims = tell(finding, possible, skeleton or possible.default(), self._lang, timezone)
        offered = frozenset(entry.text(self._lang) for entry in (*possible.listed, *possible.steps))
        claims, replaced = _grounded(claims, finding, self._lang, timezone, offered)
        by_model = self._engine.name if self._engine is not None and skeleton is not None else None
        return Narrative(
            finding=finding.id,
            text=" ".join(claim.text for claim in claims),
            claims=claims,
            lang=self._lang,
            mode=Mode.TEMPLATE if skeleton is None else Mode.PROSE if skeleton.words else Mode.STRICT,
            grounded=not failures(claims, finding, self._lang, timezone, offered),
            replaced=replaced,
            model=by_model,
            unasked=key in self._waiting,
        )


def narrate(
    findings: Sequence[Finding],
    *,
    lang: Lang,
    timezone: str = "UTC",
    engine: Engine | None = None,
    skeletons: Mapping[str, Skeleton] | None = None,
    progress: Progress | None = None,
    playbooks: Playbooks | None = None,
    mode: Mode = Mode.STRICT,
    prefixes: Mapping[str, str] | None = None,
) -> Narration:
    """Say what each finding is about, in sentences whose every figure and name comes from its facts.

    The parameters are those of `Narrator`; progress : called with (narrated, all) now and then.

    Raises ModelError where the engine fails.
    """
    narrator = Narrator(engine, lang=lang, mode=mode, skeletons=skeletons, prefixes=prefixes)
    narrator.add("", findings, timezone=timezone, playbooks=playbooks)
    questions = narrator.waiting()
    while narrator.ask(""):
        if progress is not None:
            progress(int(len(findings) * (questions - narrator.waiting()) / (questions + 1)), len(findings))
    narration = narrator.narration("")
    if progress is not None:
        progress(len(findings), len(findings))
    return narration


def asked(
    finding: Finding, *, lang: Lang, model: str, mode: Mode, playbooks: Playbooks | None = None
) -> tuple[Prompt, str]:
    """What a model is given about a finding, and the key under which its first accepted answer is kept.

    model : SHA-256 of the model's file.
    """
    prompt = build_prompt(finding, choices(finding, playbook_for(finding, playbooks)), mode, lang)
    return prompt, signature(finding, prompt, lang=lang, model=model, mode=mode)


def _fitted(
    finding: Finding,
    possible: Choices,
    engine: Engine,
    mode: Mode,
    lang: Lang,
    prefixes: Mapping[str, str] | None,
) -> tuple[Choices, Prompt]:
    """The choices and their prompt, without the lightest facts where the model's context has no room for all."""
    prompt = build_prompt(finding, possible, mode, lang, prefixes)
    while not engine.fits(prompt) and (fewer := possible.trimmed()) is not None:
        possible, prompt = fewer, build_prompt(finding, fewer, mode, lang, prefixes)
    return possible, prompt


def _grounded(
    claims: Sequence[Claim], finding: Finding, lang: Lang, timezone: str, offered: Collection[str]
) -> tuple[tuple[Claim, ...], int]:
    """The claims, those that fail the check replaced by the plain clauses of their facts, and how many failed."""
    failed = {failure.claim for failure in failures(claims, finding, lang, timezone, offered)}
    kept: list[Claim] = []
    for index, claim in enumerate(claims):
        kept += plain(claim, finding, lang, timezone) if index in failed else (claim,)
    return tuple(kept), len(failed)

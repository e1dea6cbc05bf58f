"""Narrating findings: one generation for each evidence signature, rendered by code, checked claim by claim."""

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
BATCH = 64
"""Prompts handed to the engine at once, between two reports of progress."""


@dataclass(frozen=True)
class Narration:
    """The narratives of findings, in their order."""

    narratives: tuple[Narrative, ...]
    skeletons: dict[str, Skeleton]
    """Skeletons that the model wrote anew, by signature, to be kept and replayed."""
    replaced: int
    """Claims of all narratives that failed the check and were replaced."""


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

    Parameters
    ----------
    engine : the local model; without one the texts are complete too, in code's own order (`Mode.TEMPLATE`).
    skeletons : those kept from earlier nights, by signature; they are replayed instead of asking the model.
    progress : called with (narrated, all) now and then.
    playbooks : the monitor's own, before ours.
    mode : what the model may do. `strict`: order and join facts, choose cause and first step. `prose`: also write the
        words around facts, within a grammar that has neither figures nor names; a sentence whose words say more than
        its facts is replaced by their plain clauses and counted. `template` asks no model.
    prefixes : own beginnings of prompts by name (`reports.narrator.prompt.PREFIX_NAMES`), in the place of ours.

    Raises ModelError where the engine fails.
    """
    open_choices = [choices(finding, playbook_for(finding, playbooks)) for finding in findings]
    chosen: list[Skeleton | None] = [None] * len(findings)
    new: dict[str, Skeleton] = {}
    if engine is not None and mode is not Mode.TEMPLATE:
        fitted = [
            _fitted(finding, possible, engine, mode, lang, prefixes)
            for finding, possible in zip(findings, open_choices, strict=True)
        ]
        open_choices, prompts = [possible for possible, _ in fitted], [prompt for _, prompt in fitted]
        chosen, new = _ask(findings, open_choices, prompts, engine, lang, mode, skeletons or {}, progress)
    narratives = tuple(
        _narrative(finding, possible, skeleton, engine, lang, timezone)
        for finding, possible, skeleton in zip(findings, open_choices, chosen, strict=True)
    )
    if progress is not None:
        progress(len(findings), len(findings))
    return Narration(narratives, new, sum(narrative.replaced for narrative in narratives))


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


def _ask(
    findings: Sequence[Finding],
    open_choices: Sequence[Choices],
    prompts: Sequence[Prompt],
    engine: Engine,
    lang: Lang,
    mode: Mode,
    kept: Mapping[str, Skeleton],
    progress: Progress | None,
) -> tuple[list[Skeleton | None], dict[str, Skeleton]]:
    """A skeleton for every finding, from those kept or from the model; None where its answer was of no use."""
    keys = [
        signature(finding, prompt, lang=lang, model=engine.sha256, mode=mode)
        for finding, prompt in zip(findings, prompts, strict=True)
    ]
    known = {
        key: kept[key] for key, possible in zip(keys, open_choices, strict=True) if _usable(kept, key, possible, lang)
    }
    missing: dict[str, tuple[Prompt, Choices]] = {}
    for key, prompt, possible in zip(keys, prompts, open_choices, strict=True):
        if key not in known:
            missing.setdefault(key, (prompt, possible))
    new: dict[str, Skeleton] = {}
    # Prompts of one finding type share most of their text, which is then decoded once.
    waiting = sorted(missing.items(), key=lambda item: item[1][0].shared)
    for start in range(0, len(waiting), BATCH):
        part = waiting[start : start + BATCH]
        answers = engine.complete([prompt for _, (prompt, _) in part])
        for (key, (_, possible)), answer in zip(part, answers, strict=True):
            read = parse_prose(answer, possible, lang) if mode is Mode.PROSE else parse(answer, possible)
            if (skeleton := read) is not None:
                new[key] = skeleton
        if progress is not None:
            progress(int(len(findings) * (start + len(part)) / (len(waiting) + 1)), len(findings))
    return [known.get(key) or new.get(key) for key in keys], new


def _usable(kept: Mapping[str, Skeleton], key: str, possible: Choices, lang: Lang) -> bool:
    return key in kept and allows(possible, kept[key], lang)


def _narrative(
    finding: Finding, possible: Choices, skeleton: Skeleton | None, engine: Engine | None, lang: Lang, timezone: str
) -> Narrative:
    claims = tell(finding, possible, skeleton or possible.default(), lang, timezone)
    offered = frozenset(entry.text(lang) for entry in (*possible.listed, *possible.steps))
    claims, replaced = _grounded(claims, finding, lang, timezone, offered)
    by_model = engine is not None and skeleton is not None
    return Narrative(
        finding=finding.id,
        text=" ".join(claim.text for claim in claims),
        claims=claims,
        lang=lang,
        mode=(Mode.PROSE if skeleton.words else Mode.STRICT) if by_model and skeleton else Mode.TEMPLATE,
        grounded=not failures(claims, finding, lang, timezone, offered),
        replaced=replaced,
        model=engine.name if engine is not None and by_model else None,
    )


def _grounded(
    claims: Sequence[Claim], finding: Finding, lang: Lang, timezone: str, offered: Collection[str]
) -> tuple[tuple[Claim, ...], int]:
    """The claims, those that fail the check replaced by the plain clauses of their facts, and how many failed."""
    failed = {failure.claim for failure in failures(claims, finding, lang, timezone, offered)}
    kept: list[Claim] = []
    for index, claim in enumerate(claims):
        kept += plain(claim, finding, lang, timezone) if index in failed else (claim,)
    return tuple(kept), len(failed)

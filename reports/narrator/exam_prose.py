"""The part of the exam that decides whether a model may write: its sentences, before anything in them is replaced.

Judged by the grounding check, which shares no code with the renderer, and by what can be counted: figures and names in
its words, the language of its words, words that turn a fact's direction round, length, and exact repetition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzers.results import Direction, Finding
from reports.contents import Claim, Lang, Mode, Narrative
from reports.grounding import failures
from reports.narrator.engines import Engine
from reports.narrator.narration import narrate
from reports.narrator.skeleton import Skeleton, choices
from reports.narrator.telling import tell
from reports.playbook import playbook_for

LONGEST_SENTENCE = 60
"""Words of a sentence, the facts in it included."""
_TELLING: Mapping[Lang, frozenset[str]] = {
    "en": frozenset({"the", "and", "is", "of", "to", "in", "on", "with", "this", "which", "what", "that", "as", "it"}),
    "es": frozenset({"el", "la", "los", "las", "y", "es", "de", "en", "con", "esto", "que", "se", "lo", "una", "un"}),
}
"""Words that hardly occur in the other language."""
_UP: Mapping[Lang, str] = {
    "en": r"\b(above|higher|more than|rose|increase\w*)\b",
    "es": r"\b(por encima|superior\w*|subi\w*|aumento\w*)\b",
}
_DOWN: Mapping[Lang, str] = {
    "en": r"\b(below|lower|less than|fell|decrease\w*)\b",
    "es": r"\b(por debajo|inferior\w*|baj[óa]\w*|descenso\w*)\b",
}


@dataclass(frozen=True)
class Writing:
    """What a model wrote about the findings, told before the check mended anything."""

    texts: tuple[Narrative, ...]
    """As the night would print them."""
    sentences: tuple[tuple[Claim, Finding, Lang], ...]
    """With words of the model's own."""
    sound: int
    """Of those, the sentences that pass the grounding check as written."""
    repeated: float
    """Share of findings that got the same answer a second time."""


def write(engine: Engine, findings: Sequence[Finding], langs: Sequence[Lang]) -> Writing:
    """Let a model write about the findings in every language, and in the first one twice."""
    texts: list[Narrative] = []
    sentences: list[tuple[Claim, Finding, Lang]] = []
    sound, answers = 0, []
    for lang in (*langs, langs[0]):
        told = narrate(findings, lang=lang, engine=engine, mode=Mode.PROSE)
        answers.append(told.skeletons)
        if len(answers) > len(langs):
            break
        texts += told.narratives
        for finding, skeleton in _answered(findings, told.skeletons, engine, lang):
            claims = tell(finding, choices(finding, playbook_for(finding)), skeleton, lang, "UTC")
            failed = {failure.claim for failure in failures(claims, finding, lang, "UTC")}
            written = [(at, claim) for at, claim in enumerate(claims) if claim.words]
            sentences += [(claim, finding, lang) for _, claim in written]
            sound += sum(at not in failed for at, _ in written)
    first, again = answers[0], answers[-1]
    repeated = sum(again.get(key) == skeleton for key, skeleton in first.items()) / max(1, len(first))
    return Writing(tuple(texts), tuple(sentences), sound, repeated)


def _answered(
    findings: Sequence[Finding], skeletons: Mapping[str, Skeleton], engine: Engine, lang: Lang
) -> list[tuple[Finding, Skeleton]]:
    """The findings whose answer was of use, each with it."""
    from reports.narrator.prompt import build_prompt, signature

    found = []
    for finding in findings:
        prompt = build_prompt(finding, choices(finding, playbook_for(finding)), Mode.PROSE, lang)
        key = signature(finding, prompt, lang=lang, model=engine.sha256, mode=Mode.PROSE)
        if key in skeletons:
            found.append((finding, skeletons[key]))
    return found


def shares(writing: Writing, findings: int) -> dict[str, float]:
    """Each criterion as the share of sentences, or of findings, that meet it."""
    written = writing.sentences
    count = max(1, len(written))
    by_model = sum(text.mode is Mode.PROSE for text in writing.texts)
    return {
        "prose_obedience": by_model / max(1, len(writing.texts)),
        "prose_grounding": writing.sound / count,
        "prose_words": sum(not _holds_figure_or_name(claim) for claim, _, _ in written) / count,
        "prose_language": sum(_is_in(lang, claim) for claim, _, lang in written) / count,
        "prose_direction": sum(not _turns_round(claim, finding, lang) for claim, finding, lang in written) / count,
        "prose_length": sum(len(claim.text.split()) <= LONGEST_SENTENCE for claim, _, _ in written) / count,
        "prose_repetition": writing.repeated if findings else 1.0,
    }


def _own(claim: Claim) -> str:
    return " ".join(claim.words)


def _holds_figure_or_name(claim: Claim) -> bool:
    """Whether a model's own words hold a digit, or a capital beyond the sentence's first letter."""
    words = _own(claim).strip()
    return re.search(r"\d", words) is not None or re.search(r"[A-ZÁÉÍÓÚÑÜ]", words[1:]) is not None


def _is_in(lang: Lang, claim: Claim) -> bool:
    """Whether a model's own words look like this language rather than the other; nothing said is no mistake."""
    words = re.findall(r"[^\W\d_]+", _own(claim).lower())
    other: Lang = "es" if lang == "en" else "en"
    return sum(word in _TELLING[lang] for word in words) >= sum(word in _TELLING[other] for word in words)


def _turns_round(claim: Claim, finding: Finding, lang: Lang) -> bool:
    """Whether a model's own words name a direction that none of the cited facts has."""
    directions = {fact.direction for fact in finding.facts if fact.id in claim.facts}
    words = _own(claim).lower()
    up, down = re.search(_UP[lang], words), re.search(_DOWN[lang], words)
    return bool((up and Direction.ABOVE not in directions) or (down and Direction.BELOW not in directions))

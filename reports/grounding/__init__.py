"""The independent check of a narrative's last text: every figure, unit, direction, name, date and count against facts.

It reads the text as a stranger would. It shares no code with the templates that wrote it: it has its own reading of
numbers and dates, its own words for directions, and its own list of the words that a statement may consist of, so that
what is not backed by the cited fact cannot pass as prose either.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product

from analyzers.results import Fact, Finding
from reports.contents import Claim, Lang
from reports.grounding.causes import check_cause, check_offered, check_uncited
from reports.grounding.lexicon import PROPER, SEPARATORS
from reports.grounding.names import asset_names, bare, label_names, masked, texts_of
from reports.grounding.statement import check_statement
from reports.grounding.unbacked import UnbackedError
from reports.grounding.wording import check_words

__all__ = ["Failure", "failures"]

_MOST_SPLITS = 500


@dataclass(frozen=True)
class Failure:
    """A claim that its facts do not back."""

    claim: int
    """Its place among the claims, from 0."""
    reason: str


def failures(
    claims: Sequence[Claim], finding: Finding, lang: Lang, timezone: str, offered: Collection[str] = ()
) -> tuple[Failure, ...]:
    """The claims that fail, each with the first reason found.

    A claim with facts must be backed by them within the rounding it shows, fact by fact in their order. A cause must be
    worded as a possibility and lean on the facts it cites. A claim without facts holds neither figure nor name, and is
    a step or says that nothing is known. `offered` are the causes and steps of the playbook, none of which may be
    another; without them any wording of a cause is taken.
    """
    known = {fact.id: fact for fact in finding.facts}
    failed = []
    for index, claim in enumerate(claims):
        try:
            _check(claim, known, finding, lang, timezone)
            if offered:
                check_offered(claim, offered, lang)
        except UnbackedError as reason:
            failed.append(Failure(index, str(reason)))
    return tuple(failed)


def _check(claim: Claim, known: dict[str, Fact], finding: Finding, lang: Lang, timezone: str) -> None:
    if not claim.text.strip():
        raise UnbackedError("the claim is empty")
    if unknown := [name for name in claim.facts if name not in known]:
        raise UnbackedError(f"cites {unknown[0]}, which is no fact of this finding")
    facts = [known[name] for name in claim.facts]
    if not claim.facts or claim.part in ("cause", "step"):
        _check_without_facts(claim, finding)
        if claim.part == "cause":
            check_cause(claim.text, facts, lang)
        else:
            check_uncited(claim, lang)
        return
    for words in claim.words:
        check_words(words, facts, lang)
    splits = _between(claim) if claim.words else _splits(bare(claim.text), len(facts), lang)
    assets = asset_names(finding)
    first = None
    for parts in islice(splits, _MOST_SPLITS):
        try:
            for part, fact in zip(parts, facts, strict=True):
                check_statement(part, fact, finding.subject, lang, timezone, assets)
        except UnbackedError as reason:
            first = first or reason
        else:
            return
    raise first or UnbackedError("does not hold a statement for each fact that it cites")


def _splits(text: str, count: int, lang: Lang) -> Iterator[list[str]]:
    """Every way to read the sentence as so many statements in a row."""
    joints = [match.span() for match in re.finditer(SEPARATORS[lang], text)]
    for chosen in combinations(joints, count - 1):
        ends = [0, *(position for span in chosen for position in span), len(text)]
        yield [text[ends[at] : ends[at + 1]] for at in range(0, len(ends), 2)]


def _between(claim: Claim) -> Iterator[list[str]]:
    """Every way in which a sentence is what the model wrote, with a statement between each two of its texts."""
    text, words = bare(claim.text), [" ".join(part.split()) for part in claim.words]
    if len(words) != len(claim.facts) + 1 or not text.endswith(f"{words[-1]}."):
        return
    head = words[0][:1].upper() + words[0][1:]
    if not text.startswith(head):
        return
    joints = [re.escape(word.strip(" ")) for word in words[1:-1]]
    inner = text[len(head) : len(text) - len(words[-1]) - 1].strip()
    places = [[match.span() for match in re.finditer(rf" ?{joint} ", inner)] for joint in joints]
    for chosen in product(*places):
        ends = [0, *(position for span in chosen for position in span), len(inner)]
        if ends == sorted(ends):
            yield [inner[ends[at] : ends[at + 1]] for at in range(0, len(ends), 2)]


def _check_without_facts(claim: Claim, finding: Finding) -> None:
    text = bare(claim.text)
    if claim.part == "what":
        text = masked(text, label_names(finding.subject.label or finding.subject.id))
    if re.search(r"\d", text):
        raise UnbackedError("holds a figure, but cites no fact")
    for word in re.findall(r"(?<![.:] )(?<!^)\b[^\W\d_]*[A-ZÁÉÍÓÚÑÜ][\w]*", text):
        if word not in PROPER:
            raise UnbackedError(f"holds the name {word!r}, but cites no fact")
    for name in texts_of(finding):
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            raise UnbackedError(f"holds {name!r} of a record, but cites no fact")

"""From a skeleton to sentences: code renders every cited fact, names the subject once and joins what follows."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence, Set
from datetime import datetime
from itertools import pairwise

from analyzers.results import Fact, FactKind, Family, Finding, Scalar, SubjectKind
from reports.clauses import Saying, clause, saying
from reports.clauses.slots import LONGEST_NAME, Slots
from reports.contents import Claim, Lang
from reports.locale import Texts, texts
from reports.narrator.skeleton import HEADING, LAYOUTS, Choices, Skeleton

_DATED = frozenset({FactKind.UNUSUAL_TIME, FactKind.WEEKEND, FactKind.HOLIDAY, FactKind.NIGHT, FactKind.PERIOD_END})
"""Kinds that say when the record falls."""
MOST_SUPPORT = 2
"""Facts that a hypothesis names as speaking for it."""


def tell(finding: Finding, choices: Choices, skeleton: Skeleton, lang: Lang, timezone: str) -> tuple[Claim, ...]:
    """The narrative as claims: what happened and when, what is at stake, what it could be, what to do first."""
    said = texts(lang)
    known = {fact.id: fact for fact in finding.facts}
    facts = [known[name] for name in skeleton.order]
    if skeleton.words:
        claims = [*_prose(finding, facts, skeleton.words, said, timezone)]
    else:
        claims = [*_what(finding, facts, skeleton.connectors, said, timezone)]
    claims += _episode(finding, bool(facts), said, timezone)
    claims += _stake(finding, said, timezone)
    claims += _memory(finding, said, timezone)
    claims += _causes(finding, facts, choices, skeleton, said)
    step = next(step for step in choices.steps if step.id == skeleton.step)
    claims.append(Claim(text=_sentence(said.narrative("step", step=step.text(lang))), facts=(), part="step"))
    return tuple(claims)


def plain(claim: Claim, finding: Finding, lang: Lang, timezone: str) -> tuple[Claim, ...]:
    """What replaces a claim that failed the check: its facts' bare clauses, or a sentence that says nothing new."""
    cited = [fact for fact in finding.facts if fact.id in claim.facts]
    if cited and claim.part != "cause":
        clauses = ((fact, clause(fact, lang, timezone=timezone)) for fact in cited)
        return tuple(Claim(text=_sentence(text), facts=(fact.id,), part=claim.part) for fact, text in clauses)
    if claim.part == "cause":
        return (Claim(text=_sentence(texts(lang).narrative("unknown_cause")), facts=(), part="cause"),)
    key = {"step": "general_step"}.get(claim.part, "nothing_named")
    return (Claim(text=_sentence(texts(lang).narrative(key)), facts=(), part=claim.part),)


def subject_label(finding: Finding, lang: Lang) -> str:
    """The label of what the finding is about, as sentences print it."""
    label = finding.subject.label[: 10 * LONGEST_NAME] or finding.subject.id[:LONGEST_NAME]
    return Slots(Fact(kind=FactKind.EXPOSURE), lang, "UTC").name(label) or "–"


def _what(
    finding: Finding, facts: Sequence[Fact], connectors: Sequence[str], said: Texts, timezone: str
) -> Iterator[Claim]:
    if not facts:
        text = said.narrative("nothing", subject=subject_label(finding, said.lang))
        yield Claim(text=_sentence(text), facts=(), part="what")
    place, before, dated = 0, "", set[datetime]()
    connectors = _apt(finding, facts, connectors)
    for length in LAYOUTS[len(facts)]:
        text = ""
        for fact in facts[place : place + length]:
            shown = _ranged_once(_dated_once(_about_others(fact, finding), dated), facts[:place])
            dated |= {shown.at} if shown.at and fact.kind in _DATED else set()
            now = saying(shown, said.lang, timezone=timezone)
            if place == 0:
                text = _opening(finding, now, said)
            elif not text:
                text = said.narrative("heading", connectors[place - 1]) + _again(now, before, said)
            else:
                text += _joined(text, connectors[place - 1], now, before, said)
            before, place = now.subject, place + 1
        yield Claim(text=_sentence(text), facts=tuple(fact.id for fact in facts[place - length : place]), part="what")


_ADDING = tuple(word for word in HEADING if word != "at_the_same_time")


def _apt(finding: Finding, facts: Sequence[Fact], connectors: Sequence[str]) -> list[str]:
    """The connectors, those replaced that would say what the facts do not.

    `While` needs two directions, `at the same time` a series. What stands in for the latter varies with the finding, so
    that not all notes of a night read alike.
    """
    timed = finding.family in (Family.SERIES, Family.SENSOR)
    adding = _ADDING[zlib.crc32(finding.id.encode()) % len(_ADDING)]
    apt = []
    for word, (one, other) in zip(connectors, pairwise(facts), strict=True):
        contrast = None not in (one.direction, other.direction) and one.direction is not other.direction
        if word == "while" and not contrast:
            apt.append("and")
        else:
            apt.append(adding if word == "at_the_same_time" and not timed else word)
    return apt


def _prose(
    finding: Finding, facts: Sequence[Fact], sentences: Sequence[Sequence[str]], said: Texts, timezone: str
) -> Iterator[Claim]:
    """The model's words with each cited fact's clause in its place."""
    place, before, dated = 0, "", set[datetime]()
    for words in sentences:
        text, written = "", list(words)
        told = facts[place : place + len(words) - 1]
        for at, fact in enumerate(told):
            shown = _ranged_once(_dated_once(_about_others(fact, finding), dated), facts[:place])
            dated |= {shown.at} if shown.at and fact.kind in _DATED else set()
            now = saying(shown, said.lang, timezone=timezone)
            clause_text = _opening(finding, now, said) if place == 0 else _again(now, before, said)
            if written[at].endswith(" y ") and _sounds_i(clause_text):
                written[at] = written[at].removesuffix("y ") + "e "
            text += written[at] + clause_text
            before, place = now.subject, place + 1
        yield Claim(
            text=_sentence(text + written[-1]), facts=tuple(fact.id for fact in told), part="what", words=tuple(written)
        )


def _dated_once(fact: Fact, dated: Set[datetime]) -> Fact:
    """The fact without its instant where a sentence has named that instant already."""
    if fact.kind not in _DATED or fact.at not in dated:
        return fact
    keep_weekday = fact.kind is FactKind.WEEKEND
    return fact.model_copy(update={"at": None, "values": {**fact.values} if keep_weekday else _without_weekday(fact)})


def _ranged_once(fact: Fact, told: Sequence[Fact]) -> Fact:
    """The fact without the usual range where a fact told before has named the same one."""
    kinds = (FactKind.OWN_HISTORY, FactKind.PEERS)
    if fact.kind not in kinds or fact.direction is None or _range_of(fact) not in map(_range_of, told):
        return fact
    update = {"expected_low": None, "expected_high": None, "values": {**fact.values, "count": None}}
    return fact.model_copy(update=update)


def _range_of(fact: Fact) -> tuple[FactKind, float | None, float | None, Scalar]:
    return fact.kind, fact.expected_low, fact.expected_high, fact.values.get("count")


def _without_weekday(fact: Fact) -> dict[str, Scalar]:
    return {key: value for key, value in fact.values.items() if key != "weekday"}


def _about_others(fact: Fact, finding: Finding) -> Fact:
    """The fact without the entity's name where the finding is about that entity: the sentence names it already."""
    named_by_entity = finding.subject.kind in {SubjectKind.ENTITY, SubjectKind.GROUP}
    if named_by_entity and fact.values.get("entity") == finding.subject.label:
        return fact.model_copy(update={"values": {**fact.values, "entity": None}})
    return fact


def _opening(finding: Finding, now: Saying, said: Texts) -> str:
    """The first clause, with the label of the subject in front or in the place of the clause's own subject."""
    kind, label = finding.subject.kind, subject_label(finding, said.lang)
    row = re.fullmatch(r"row (\d{1,15})", label)
    if kind is SubjectKind.RECORD and row is not None:
        label = said.narrative("row", number=row[1])
        return f"{label} {now.predicate}" if now.of_record else said.narrative("within_row", row=label) + now.text
    if kind is SubjectKind.RECORD and now.of_record:
        return f"{said.narrative('record', subject=label)} {now.predicate}"
    if label in now.subject or re.search(rf"(?<!\w){re.escape(label)}(?!\w)", now.predicate):
        return now.text
    if kind is SubjectKind.SERIES and now.subject and label.endswith(f" {now.subject}"):
        return f"{label} {now.predicate}"
    if kind is SubjectKind.SERIES and (asset := _asset(finding)):
        label = asset
    return said.narrative("opening", kind.value, subject=label) + now.text


def _asset(finding: Finding) -> str | None:
    """The asset of a series named `asset measure`, known by the measures that the facts are about."""
    label = finding.subject.label
    for feature in sorted({fact.feature or "" for fact in finding.facts}, key=len, reverse=True):
        if feature and label.endswith(f" {feature}"):
            return Slots(Fact(kind=FactKind.EXPOSURE), "en", "UTC").name(label.removesuffix(f" {feature}"))
    return None


def _again(now: Saying, before: str, said: Texts) -> str:
    """A clause after another: the same subject is not named again."""
    if now.subject and now.subject == before:
        return f"{said.narrative('pronoun')} {now.predicate}".lstrip()
    return now.text


def _joined(so_far: str, connector: str, now: Saying, before: str, said: Texts) -> str:
    """A clause within the same sentence; after `and` the same subject needs no pronoun, where nothing comes between."""
    if connector == "and" and now.subject and now.subject == before:
        link = said.narrative("within", "and_again" if ", " in so_far else "and_shared")
        text = now.predicate
    else:
        link, text = said.narrative("within", connector), _again(now, before, said)
    if said.lang == "es" and connector == "and" and _sounds_i(text):
        link = link.replace("y ", "e ")
    return link + text


def _sounds_i(text: str) -> bool:
    word = text.lower()
    return word.startswith(("i", "í", "hi", "hí")) and not word.startswith(("hie", "hia", "ie", "ia"))


def _episode(finding: Finding, opened: bool, said: Texts, timezone: str) -> list[Claim]:
    """When it began and how long it lasted, unless a fault of a sensor says so already."""
    told = {fact.at for fact in finding.facts if fact.kind in (FactKind.FLAT_LINE, FactKind.SILENT)}
    for fact in finding.facts:
        if fact.kind is FactKind.EPISODE and fact.at not in told:
            now = saying(fact, said.lang, timezone=timezone)
            text = now.text if opened else _opening(finding, now, said)
            return [Claim(text=_sentence(text), facts=(fact.id,), part="what")]
    return []


def _stake(finding: Finding, said: Texts, timezone: str) -> list[Claim]:
    """The money at risk, and whether it can still be stopped."""
    known = {fact.kind: fact for fact in reversed(finding.facts)}
    money, stoppable = known.get(FactKind.EXPOSURE), known.get(FactKind.STOPPABLE)
    if money is None and stoppable is None:
        return []
    if money is None or stoppable is None:
        only = money or stoppable
        assert only is not None
        return [Claim(text=_sentence(clause(only, said.lang, timezone=timezone)), facts=(only.id,), part="stake")]
    left = saying(stoppable, said.lang, timezone=timezone).predicate
    text = clause(money, said.lang, timezone=timezone) + said.narrative("stake_and", predicate=left)
    return [Claim(text=_sentence(text), facts=(money.id, stoppable.id), part="stake")]


def _memory(finding: Finding, said: Texts, timezone: str) -> Iterator[Claim]:
    """What became of similar earlier findings."""
    for fact in finding.facts:
        if fact.kind is FactKind.DECIDED_BEFORE:
            yield Claim(text=_sentence(clause(fact, said.lang, timezone=timezone)), facts=(fact.id,), part="what")


def _causes(
    finding: Finding, told: Sequence[Fact], choices: Choices, skeleton: Skeleton, said: Texts
) -> Iterator[Claim]:
    """The chosen cause with what speaks for it, and what else it could be with what speaks for or against that.

    Evidence that the text tells goes before other evidence; the second cause leans on no other.
    """
    cause = next(cause for cause in choices.causes if cause.id == skeleton.cause)
    support = cause.support(told) or cause.support(finding.facts)
    yield _hypothesis("cause", cause.text(said.lang), support, said)
    others = [other for other in choices.causes if other is not cause and other.support(told)]
    unlikely = [other for other in choices.listed if other.is_contradicted(told)]
    remaining = [other for other in choices.listed if other is not cause and not other.is_contradicted(finding.facts)]
    if others:
        other = max(others, key=lambda one: sum(fact.weight for fact in one.support(told)))
        fresh = other.support(told) if set(_kinds(other.support(told))) != set(_kinds(support)) else ()
        yield _hypothesis("other_cause", other.text(said.lang), fresh, said)
    elif unlikely:
        yield _hypothesis("unlikely_cause", unlikely[0].text(said.lang), unlikely[0].against(told), said)
    elif remaining:
        yield _hypothesis("other_cause", remaining[0].text(said.lang), (), said)


def _kinds(facts: Sequence[Fact]) -> list[FactKind]:
    return [fact.kind for fact in facts]


def _hypothesis(key: str, cause: str, evidence: Sequence[Fact], said: Texts) -> Claim:
    """A sentence about a cause, with the facts that speak for or against it: at most two, each kind once."""
    cited = {said.evidence(fact.kind): fact.id for fact in reversed(evidence)}
    named = list(dict.fromkeys(said.evidence(fact.kind) for fact in evidence))[:MOST_SUPPORT]
    if not named:
        return Claim(text=_sentence(said.narrative(key, "alone", cause=cause)), facts=(), part="cause")
    text = said.narrative(key, "supported", cause=cause, evidence=_enumerated(named, said.lang))
    return Claim(text=_sentence(text), facts=tuple(cited[name] for name in named), part="cause")


def _enumerated(names: Sequence[str], lang: Lang) -> str:
    if lang == "en":
        return " and ".join(names)
    return " ".join([*names[:-1], *(["e" if _sounds_i(names[-1]) else "y"] if len(names) > 1 else []), names[-1]])


def _sentence(text: str) -> str:
    """The text with a capital and a period."""
    return text[:1].upper() + text[1:] + ("" if text.endswith("…") else ".")

"""From a skeleton to sentences: code renders every cited fact, names the subject once and joins what follows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from datetime import datetime

from analyzers.results import Fact, FactKind, Finding, Scalar, SubjectKind
from reports.clauses import Saying, clause, saying
from reports.clauses.slots import LONGEST_NAME, Slots
from reports.contents import Claim, Lang
from reports.locale import Texts, texts
from reports.narrator.skeleton import LAYOUTS, Choices, Skeleton

_DATED = frozenset({FactKind.UNUSUAL_TIME, FactKind.WEEKEND, FactKind.HOLIDAY, FactKind.NIGHT, FactKind.PERIOD_END})
"""Kinds that say when the record falls."""
MOST_SUPPORT = 2
"""Facts that a hypothesis names as speaking for it."""


def tell(finding: Finding, choices: Choices, skeleton: Skeleton, lang: Lang, timezone: str) -> tuple[Claim, ...]:
    """The narrative as claims: what happened, what is at stake, what it could be, what to do first."""
    said = texts(lang)
    known = {fact.id: fact for fact in finding.facts}
    facts = [known[name] for name in skeleton.order]
    if skeleton.words:
        claims = [*_prose(finding, facts, skeleton.words, said, timezone)]
    else:
        claims = [*_what(finding, facts, skeleton.connectors, said, timezone)]
    claims += [_stake(fact, said, timezone) for fact in finding.facts if fact.kind is FactKind.EXPOSURE][:1]
    cause = next(cause for cause in choices.causes if cause.id == skeleton.cause)
    support = cause.support(facts)[:MOST_SUPPORT]
    claims.append(_hypothesis(cause.text(lang), support, said))
    step = next(step for step in choices.steps if step.id == skeleton.step)
    claims.append(Claim(text=_sentence(said.narrative("step", step=step.text(lang))), facts=(), part="step"))
    return tuple(claims)


def plain(claim: Claim, finding: Finding, lang: Lang, timezone: str) -> tuple[Claim, ...]:
    """What replaces a claim that failed the check: its facts' bare clauses, or a sentence that says nothing new."""
    cited = [fact for fact in finding.facts if fact.id in claim.facts]
    if cited:
        clauses = ((fact, clause(fact, lang, timezone=timezone)) for fact in cited)
        return tuple(Claim(text=_sentence(text), facts=(fact.id,), part=claim.part) for fact, text in clauses)
    key = {"cause": "unknown_cause", "step": "general_step"}.get(claim.part, "nothing_named")
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
    for length in LAYOUTS[len(facts)]:
        text = ""
        for fact in facts[place : place + length]:
            shown = _dated_once(_about_others(fact, finding), dated)
            dated |= {shown.at} if shown.at and fact.kind in _DATED else set()
            now = saying(shown, said.lang, timezone=timezone)
            if place == 0:
                text = _opening(finding, now, said)
            elif not text:
                text = said.narrative("heading", connectors[place - 1]) + _again(now, before, said)
            else:
                text += _joined(connectors[place - 1], now, before, said)
            before, place = now.subject, place + 1
        yield Claim(text=_sentence(text), facts=tuple(fact.id for fact in facts[place - length : place]), part="what")


def _prose(
    finding: Finding, facts: Sequence[Fact], sentences: Sequence[Sequence[str]], said: Texts, timezone: str
) -> Iterator[Claim]:
    """The model's words with each cited fact's clause in its place."""
    place, before, dated = 0, "", set[datetime]()
    for words in sentences:
        text, written = "", list(words)
        told = facts[place : place + len(words) - 1]
        for at, fact in enumerate(told):
            shown = _dated_once(_about_others(fact, finding), dated)
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
    if label in now.subject:
        return now.text
    if kind is SubjectKind.SERIES and now.subject and label.endswith(f" {now.subject}"):
        return f"{label} {now.predicate}"
    return said.narrative("opening", kind.value, subject=label) + now.text


def _again(now: Saying, before: str, said: Texts) -> str:
    """A clause after another: the same subject is not named again."""
    if now.subject and now.subject == before:
        return f"{said.narrative('pronoun')} {now.predicate}".lstrip()
    return now.text


def _joined(connector: str, now: Saying, before: str, said: Texts) -> str:
    """A clause within the same sentence; after `and` the same subject needs no pronoun."""
    link = said.narrative("within", connector)
    shared = connector == "and" and now.subject and now.subject == before
    text = now.predicate if shared else _again(now, before, said)
    if said.lang == "es" and connector == "and" and _sounds_i(text):
        link = " e "
    return link + text


def _sounds_i(text: str) -> bool:
    word = text.lower()
    return word.startswith(("i", "í", "hi", "hí")) and not word.startswith(("hie", "hia", "ie", "ia"))


def _stake(fact: Fact, said: Texts, timezone: str) -> Claim:
    text = said.narrative("stake", clause=clause(fact, said.lang, timezone=timezone))
    return Claim(text=_sentence(text), facts=(fact.id,), part="stake")


def _hypothesis(cause: str, support: Sequence[Fact], said: Texts) -> Claim:
    named = list(dict.fromkeys(said.evidence(fact.kind) for fact in support))
    if named:
        joined = (" and " if said.lang == "en" else " y ").join(named)
        text = said.narrative("cause_supported", cause=cause, evidence=joined)
    else:
        text = said.narrative("cause", cause=cause)
    return Claim(text=_sentence(text), facts=(), part="cause")


def _sentence(text: str) -> str:
    """The text with a capital and a period."""
    return text[:1].upper() + text[1:] + ("" if text.endswith("…") else ".")

"""The night in a few sentences: what needs the reader, what is at stake, what changed, what was not looked at.

Written as narratives are: from typed facts by code, and read again by a check that shares nothing with this module. A
sentence that the check does not back is left out, since the figures stand beside it anyway. The order is fixed: four
sentences that a model would shuffle read no better, and no two nights alike.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzers.results import CheckStatus
from reports.contents import Lang, Night
from reports.digest import Digest
from reports.grounding.night import is_backed
from reports.locale import texts
from reports.night_facts import NightFact, NightFactKind
from reports.phrases import Phrases, one_line

_LONGEST_NAME = 80


def summary(night: Night) -> tuple[str, ...]:
    """The sentences about the night, in the reader's language; none for a night without monitors."""
    phrases = Phrases(night.lang, night.timezone)
    said = ((fact, _sentence(fact, phrases)) for fact in night_facts(night))
    return tuple(text for fact, text in said if is_backed(text, fact, night.lang))


def night_facts(night: Night) -> tuple[NightFact, ...]:
    """The facts of a night, in the order in which they are told."""
    return tuple(_facts(Digest(night), night.lang)) if night.parts else ()


def _facts(digest: Digest, lang: Lang) -> Iterator[NightFact]:
    night, mailed = digest.night, digest.mailed
    first = mailed[0].reported.finding if mailed else None
    if first or digest.quiet:
        yield NightFact(
            kind=NightFactKind.NEEDS,
            count=len(mailed),
            title=_lowered(texts(lang).type_title(first.type)) if first else "",
            subject=one_line(first.subject.label, _LONGEST_NAME) if first else "",
        )
    if digest.money:
        yield NightFact(kind=NightFactKind.STAKE, money=tuple((one.amount, one.currency) for one in digest.money))
    changes = {"new": digest.new, "open": digest.still_open, "unseen": digest.unseen, "ended": digest.ended}
    if digest.still_open or digest.ended or 0 < digest.new < len(mailed):
        counts = {name: count for name, count in changes.items() if count}
        yield NightFact(kind=NightFactKind.CHANGED, counts=counts, since=digest.oldest if digest.still_open else None)
    if digest.failed:
        names = tuple(one_line(part.title, _LONGEST_NAME) for part in digest.failed)
        yield NightFact(kind=NightFactKind.FAILED, names=names)
    if digest.broken:
        names = tuple(one_line(part.title, _LONGEST_NAME) for part in digest.broken)
        yield NightFact(kind=NightFactKind.BROKEN, names=names)
    skipped = sum(check.status is CheckStatus.SKIPPED for part in night.parts for check in part.checks)
    left = {"skipped": skipped, "unread": sum(part.quarantined for part in night.parts)}
    if any(left.values()):
        yield NightFact(kind=NightFactKind.LEFT_OUT, counts={name: count for name, count in left.items() if count})


def _lowered(title: str) -> str:
    return title[:1].lower() + title[1:]


def _sentence(fact: NightFact, phrases: Phrases) -> str:
    text = _WORDED[fact.kind](fact, phrases)
    return text[:1].upper() + text[1:] + "."


def _text(phrases: Phrases, key: str, count: int | None = None, **values: str) -> str:
    entry = texts(phrases.lang)["night"][key]
    chosen = entry if count is None else entry["one" if count == 1 else "other"]
    return str(chosen).format(count=phrases.number(count or 0), **values)


def _needs(fact: NightFact, phrases: Phrases) -> str:
    if not fact.count:
        return _text(phrases, "quiet")
    return _text(phrases, "needs", fact.count, title=fact.title, subject=fact.subject)


def _stake(fact: NightFact, phrases: Phrases) -> str:
    listed = [phrases.money(amount, currency) for amount, currency in fact.money]
    return _text(phrases, "stake", money=phrases.enumeration(listed))


def _changed(fact: NightFact, phrases: Phrases) -> str:
    parts = []
    for name, count in fact.counts.items():
        oldest = fact.since if name == "open" else None
        since = _text(phrases, "oldest", day=phrases.day(oldest)) if oldest is not None else ""
        parts.append(_text(phrases, name, count) + since)
    return _text(phrases, "changed", changes=phrases.enumeration(parts))


def _failed(fact: NightFact, phrases: Phrases) -> str:
    return _text(phrases, "failed", names=phrases.enumeration(list(fact.names)))


def _broken(fact: NightFact, phrases: Phrases) -> str:
    return _text(phrases, "broken", names=phrases.enumeration(list(fact.names)))


def _left_out(fact: NightFact, phrases: Phrases) -> str:
    parts = [_text(phrases, name, count) for name, count in fact.counts.items()]
    return _text(phrases, "left_out", parts=phrases.enumeration(parts))


_WORDED = {
    NightFactKind.NEEDS: _needs,
    NightFactKind.STAKE: _stake,
    NightFactKind.CHANGED: _changed,
    NightFactKind.FAILED: _failed,
    NightFactKind.BROKEN: _broken,
    NightFactKind.LEFT_OUT: _left_out,
}

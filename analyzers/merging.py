"""Which flags are about the same thing: flags in, groups of flags out, independent of the flags' order.

- Flags on the same subject are one group; for series and sensors only where their times touch.
- A record's group joins the group of an audit finding (a split purchase, say) that the record is part of.
- What single records say of an entity's frequency joins the finding about its behaviour.
- A sensor's fault swallows the episodes of that sensor at that time: they describe the fault, not the process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from analyzers.results import Family, Flag, Subject, SubjectKind
from analyzers.risk import combined

REPORTING_LINE = 50.0
"""Combined severity below which audit reasons are counted but not reported.

A circumstance's severity is logarithmic in how rare it is and 50 at one in 3,000 (`analyzers.audit.rarity`). A rule
that reaches the line alone names its finding, however strange the record also is: it says what to look at.
"""
_RULE_LEAD = 100.0
_RULE_PREFERENCE = 10.0
"""A weaker rule still leads over a statistical reason that is up to this much stranger."""
_WIDEST_GROUP = 50
"""Rows of an audit finding beyond which it is about a population, which no single record's finding joins."""
_CONTINUOUS = (Family.SERIES, Family.SENSOR, Family.BEHAVIOUR)
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_END = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Group:
    """Flags about the same thing; `flags` run from the leading reason to the least."""

    subject: Subject
    flags: tuple[Flag, ...]

    @property
    def lead(self) -> Flag:
        """The reason that names the finding."""
        return self.flags[0]

    @property
    def rows(self) -> tuple[int, ...]:
        """Batch rows of all flags, in order."""
        return tuple(sorted({row for flag in self.flags for row in flag.rows}))

    @property
    def severity(self) -> float:
        """Severity of all reasons together."""
        return combined(flag.severity for flag in self.flags)

    @property
    def is_continuous(self) -> bool:
        """Whether it is about a time of a series or an entity rather than about records."""
        return self.lead.family in _CONTINUOUS


def merge(flags: Iterable[Flag]) -> list[Group]:
    """Group the flags; every flag ends in exactly one group."""
    by_subject: dict[tuple[bool, SubjectKind, str], list[Flag]] = defaultdict(list)
    for flag in flags:
        continuous = flag.family in _CONTINUOUS
        by_subject[continuous, flag.subject.kind, flag.subject.id].append(flag)
    groups: list[Group] = []
    intervals: list[Group] = []
    for (continuous, _, _), members in by_subject.items():
        if continuous:
            intervals.extend(_group(touching) for touching in _touching(members))
        else:
            groups.append(_group(members))
    merged = [*_of_one_entity(_joined(groups), _swallowed(intervals))]
    return sorted(merged, key=lambda group: (group.subject.kind.value, group.subject.id, _order(group.lead)))


def _group(flags: Sequence[Flag], subject: Subject | None = None) -> Group:
    ordered = tuple(sorted(flags, key=_order))
    return Group(subject or ordered[0].subject, ordered)


def _order(flag: Flag) -> tuple[float, str, str, str, tuple[int, ...], datetime, str]:
    """Leading reason first; the rest of the tuple only makes the order complete."""
    ruled = flag.family in (Family.AUDIT, Family.RULE, Family.SENSOR)
    lead = _RULE_LEAD if flag.severity >= REPORTING_LINE else _RULE_PREFERENCE
    strength = flag.severity + (lead if ruled else 0.0)
    facts = repr([fact.model_dump() for fact in flag.facts])
    return (-strength, flag.type, flag.analyzer, flag.family.value, flag.rows, flag.time_from or _BEGINNING, facts)


def _touching(flags: Sequence[Flag]) -> list[list[Flag]]:
    """Flags on one series, split where their times do not touch; a sensor's faults apart from the episodes."""
    runs: list[list[Flag]] = []
    for sensor in (False, True):
        end: datetime | None = None
        for flag in sorted((flag for flag in flags if (flag.family is Family.SENSOR) is sensor), key=_start):
            if end is None or _start(flag) > end:
                runs.append([flag])
                end = _finish(flag)
            else:
                runs[-1].append(flag)
                end = max(end, _finish(flag))
    return runs


def _start(flag: Flag) -> datetime:
    return flag.time_from or _BEGINNING


def _finish(flag: Flag) -> datetime:
    return flag.time_to or _END


def _joined(groups: Sequence[Group]) -> list[Group]:
    """Let each record's group join the strongest audit group of several records that it is part of."""
    hosts = [
        group
        for group in groups
        if 1 < len(group.rows) <= _WIDEST_GROUP and any(flag.family is Family.AUDIT for flag in group.flags)
    ]
    host_of: dict[int, int] = {}
    ranked = sorted(range(len(hosts)), key=lambda i: (hosts[i].severity, _order(hosts[i].lead)))
    for i in ranked:
        host_of.update(dict.fromkeys(hosts[i].rows, i))
    members: dict[int, list[Flag]] = {i: list(host.flags) for i, host in enumerate(hosts)}
    rest: list[Group] = []
    host_ids = {id(host) for host in hosts}
    for group in groups:
        if id(group) in host_ids:
            continue
        if group.subject.kind is SubjectKind.RECORD and len(group.rows) == 1 and group.rows[0] in host_of:
            members[host_of[group.rows[0]]].extend(group.flags)
        else:
            rest.append(group)
    return [*rest, *(_group(members[i], host.subject) for i, host in enumerate(hosts))]


def _of_one_entity(groups: Sequence[Group], intervals: Sequence[Group]) -> list[Group]:
    """Let tabular groups about an entity join the one about its behaviour."""
    behaviour = {group.subject.id: group for group in intervals if group.lead.family is Family.BEHAVIOUR}
    rest: list[Group] = []
    for group in groups:
        host = behaviour.get(group.subject.id)
        if host is None or group.subject.kind is not SubjectKind.ENTITY or group.lead.family is not Family.TABULAR:
            rest.append(group)
        else:
            behaviour[host.subject.id] = Group(host.subject, (*host.flags, *group.flags))
    others = [group for group in intervals if group.lead.family is not Family.BEHAVIOUR]
    return [*rest, *others, *behaviour.values()]


def _swallowed(groups: Sequence[Group]) -> list[Group]:
    """Let a sensor's fault take in the episodes that the same sensor leads at the same time."""
    faults: dict[str, list[Group]] = defaultdict(list)
    episodes: list[Group] = []
    for group in groups:
        if group.lead.family is Family.SENSOR:
            faults[_sensor(group.lead)].append(group)
        else:
            episodes.append(group)
    taken: dict[int, list[Flag]] = defaultdict(list)
    kept: list[Group] = []
    for episode in episodes:
        same = [fault for fault in faults[_sensor(episode.lead)] if _same_place_and_time(fault, episode)]
        if same:
            taken[id(min(same, key=lambda fault: _order(fault.lead)))].extend(episode.flags)
        else:
            kept.append(episode)
    return kept + [
        Group(fault.subject, (*fault.flags, *sorted(taken[id(fault)], key=_order)))
        for found in faults.values()
        for fault in found
    ]


def _sensor(flag: Flag) -> str:
    """The measure that a flag is mostly about."""
    named = [fact for fact in flag.facts if fact.feature]
    return max(named, key=lambda fact: (fact.weight, fact.feature or "")).feature or "" if named else ""


def _same_place_and_time(fault: Group, episode: Group) -> bool:
    """Whether both are of one asset (an asset's id leads its sensors' ids) and their times overlap."""
    one, other = sorted((fault.subject.id, episode.subject.id), key=len)
    starts, ends = max(_first(fault), _first(episode)), min(_last(fault), _last(episode))
    return other.startswith(one) and starts <= ends


def _first(group: Group) -> datetime:
    return min(_start(flag) for flag in group.flags)


def _last(group: Group) -> datetime:
    return max(_finish(flag) for flag in group.flags)

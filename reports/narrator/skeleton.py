"""Skeletons: which facts a narrative tells in which order, how they join, which cause and which first step.

A skeleton is all that the local model decides. `Choices` is what a finding leaves open; a skeleton that is not among
them (an old one, or one that somebody altered) is never used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analyzers.results import Fact, FactKind, Finding, Frozen, SubjectKind
from reports.playbook import Cause, Playbook, Step

LAYOUTS: Mapping[int, tuple[int, ...]] = {0: (), 1: (1,), 2: (1, 1), 3: (1, 2), 4: (2, 2)}
"""How many facts each sentence tells, by the number of facts told: never more than two sentences of two."""
MOST_TOLD = 4
"""Facts that a narrative tells beside those that are told apart."""
APART = (FactKind.EPISODE, FactKind.EXPOSURE, FactKind.STOPPABLE, FactKind.DECIDED_BEFORE)
"""When it lasted, what is at stake, whether that can be stopped, what was decided before: sentences of their own."""
MUST_TELL = 3
"""Facts of the highest weight that no narrative leaves out."""
MOST_CANDIDATES = 6
WITHIN = ("and", "while")
"""Connectors within a sentence."""
HEADING = ("moreover", "in_addition", "besides", "at_the_same_time")
"""Connectors at the head of a sentence."""


class Skeleton(Frozen):
    """The choices behind one narrative; ids only, so that it fits every finding of the same signature."""

    order: tuple[str, ...]
    """Ids of the facts told, in their order."""
    connectors: tuple[str, ...]
    """How each fact but the first joins the one before."""
    cause: str
    step: str
    words: tuple[tuple[str, ...], ...] = ()
    """In prose, for each sentence what stands before each fact and after the last one; there are no connectors then."""


@dataclass(frozen=True)
class Choices:
    """What a finding leaves open."""

    facts: tuple[Fact, ...]
    """Facts that may be told, by falling weight."""
    causes: tuple[Cause, ...]
    """The causes that may be named."""
    steps: tuple[Step, ...]
    listed: tuple[Cause, ...]
    """All causes of the playbook, whose order gives each its letter."""
    lead: str | None = None
    """Id of the fact that the finding's type is about, which is told first; any where there is none."""

    @property
    def required(self) -> frozenset[str]:
        """Ids of the facts that must be told: the weightiest, and the one that leads."""
        weightiest = sorted(self.facts, key=lambda fact: -fact.weight)[:MUST_TELL]
        return frozenset({fact.id for fact in weightiest} | ({self.lead} if self.lead else set()))

    @property
    def counts(self) -> range:
        """How many facts may be told."""
        return range(len(self.required), min(len(self.facts), MOST_TOLD) + 1)

    def allow(self, skeleton: Skeleton) -> bool:
        """Whether a skeleton stays within these choices."""
        told = skeleton.order
        return (
            len(told) in self.counts
            and len(set(told)) == len(told)
            and self.required <= set(told) <= {fact.id for fact in self.facts}
            and (self.lead is None or told[:1] == (self.lead,))
            and len(skeleton.connectors) == max(0, len(told) - 1)
            and all(word in allowed for word, allowed in zip(skeleton.connectors, connectors(len(told)), strict=True))
            and skeleton.cause in {cause.id for cause in self.causes}
            and skeleton.step in {step.id for step in self.steps}
        )

    @staticmethod
    def first_connectors(count: int) -> tuple[str, ...]:
        """The first connector of each place."""
        return tuple(allowed[0] for allowed in connectors(count))

    def trimmed(self) -> Choices | None:
        """The same without the lightest fact that may be left out; None where all that are left must be told."""
        spare = [fact for fact in self.facts if fact.id not in self.required]
        if not spare:
            return None
        lightest = min(reversed(spare), key=lambda fact: fact.weight)
        return replace(self, facts=tuple(fact for fact in self.facts if fact is not lightest))

    def default(self) -> Skeleton:
        """Code's own choice: the required facts by weight, the first cause of most support, the first step."""
        told = tuple(fact.id for fact in self.facts if fact.id in self.required)
        joined = self.first_connectors(len(told))
        best = max(self.causes, key=lambda cause: sum(fact.weight for fact in cause.support(self.facts)))
        return Skeleton(order=told, connectors=joined, cause=best.id, step=self.steps[0].id)


def connectors(count: int) -> tuple[Sequence[str], ...]:
    """The connectors that may join each fact but the first, for so many facts told."""
    places: list[Sequence[str]] = []
    for length in LAYOUTS[count]:
        places += [HEADING, *([WITHIN] * (length - 1))]
    return tuple(places[1:])


def choices(finding: Finding, playbook: Playbook) -> Choices:
    """What a finding and its playbook leave open. When and what is at stake have sentences of their own."""
    told = [fact for fact in finding.facts if fact.kind not in APART]
    steps = playbook.open_steps(finding.facts)
    facts = _worth_telling(told, finding.subject.kind, playbook.leads)
    lead = facts[0].id if facts and facts[0].kind in playbook.leads else None
    return Choices(tuple(facts[:MOST_CANDIDATES]), playbook.open_causes(told), steps, playbook.causes, lead)


def _worth_telling(facts: Sequence[Fact], about: SubjectKind, leads: Sequence[FactKind]) -> list[Fact]:
    """The facts in their order, the one that the finding's type is about first.

    Of a group's records each can depart from the same history; but for the weightiest, one is told for all.
    """
    first = next((fact for kind in leads for fact in facts if fact.kind is kind), None)
    ordered = [fact for fact in facts if fact is first] + [fact for fact in facts if fact is not first]
    if about is not SubjectKind.GROUP:
        return ordered
    kinds = [(fact.kind, fact.feature) for fact in ordered]
    return [fact for at, fact in enumerate(ordered) if kinds.index(kinds[at]) == at or fact in facts[:MUST_TELL]]

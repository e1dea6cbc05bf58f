"""What the local model is shown of a finding: kinds of facts, directions and magnitude words, causes and steps.

Never a value, a name or any text of a record: nothing personal enters a prompt, and nothing written in a record can
instruct the model.
"""

from __future__ import annotations

import hashlib
import json
import string
from dataclasses import dataclass

from analyzers.results import Fact, Finding
from reports.clauses.magnitude import Magnitude, magnitude
from reports.contents import Lang
from reports.locale import texts
from reports.narrator.grammar import grammar
from reports.narrator.skeleton import Choices

PREFIX = """You put the evidence of a finding in order for a reader.
Tell the most telling fact first and join facts that belong together.
Choose the cause that the facts support best and the step that would settle the matter soonest.
An answer names facts by number, cause and step by letter, like this:
2 and 1 moreover 3; cause b; step a
"""
"""The shared beginning of every prompt, kept in the model's cache."""


@dataclass(frozen=True)
class Prompt:
    """One finding for the model: the answer must follow the grammar (GBNF)."""

    prefix: str
    """What all prompts share."""
    shared: str
    """What prompts of one finding type mostly share: its name, causes and steps."""
    body: str
    """What this finding adds: its facts."""
    grammar: str

    @property
    def sha256(self) -> str:
        """Hash of all that the model is given."""
        return hashlib.sha256("\0".join((self.prefix, self.shared, self.body, self.grammar)).encode()).hexdigest()


def build_prompt(finding: Finding, choices: Choices) -> Prompt:
    """The prompt of a finding."""
    named = texts("en")["types"]
    title = named.get(finding.type, f"finding of the kind {finding.family.value}")
    lines = [f"\nFinding: {title}"]
    for heading, entries in (("Causes:", choices.listed), ("Steps:", choices.steps)):
        lines.append(heading)
        lines += [f"{letter} {entry.hint}" for letter, entry in zip(string.ascii_lowercase, entries, strict=False)]
    facts = [f"{number} {_described(fact)}" for number, fact in enumerate(choices.facts, start=1)]
    body = "\n".join(["Facts:" if facts else "Facts: none", *facts, "Answer:", ""])
    return Prompt(PREFIX, "\n".join([*lines, ""]), body, grammar(choices))


def _described(fact: Fact) -> str:
    size = magnitude(fact)
    words = [texts("en").evidence(fact.kind).removeprefix("the ")]
    if fact.direction is not None:
        words.append(fact.direction.value if size is Magnitude.NONE else f"{size.value} {fact.direction.value}")
    elif size is not Magnitude.NONE:
        words.append(size.value)
    return ", ".join(words)


def signature(finding: Finding, prompt: Prompt, *, lang: Lang, model: str) -> str:
    """Key under which a skeleton is kept: findings of the same evidence share one (64 hex digits).

    It holds the finding's type, the ordered kinds, directions and magnitudes of its facts, the language, the model's
    hash and the prompt's.
    """
    evidence = [(fact.kind.value, fact.direction and fact.direction.value, magnitude(fact)) for fact in finding.facts]
    stated = json.dumps(["v1", finding.type, evidence, lang, model, prompt.sha256])
    return hashlib.sha256(stated.encode()).hexdigest()

"""Prose: the grammar in which a model writes words around citations such as `[1]`, and the parser of its answers.

An answer reads `what stands out is that [2], and [1]. on top of that, [3], which deserves a look. cause b; step a`.
Sentences hold as many facts as in strict mode. A citation stands where a main clause can stand; everything else are
phrases of `reports.narrator.wording`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from analyzers.results import Fact
from reports.contents import Lang
from reports.narrator.grammar import either, letters, next_facts
from reports.narrator.skeleton import LAYOUTS, Choices, Skeleton
from reports.narrator.wording import WORDING, as_pattern, as_rule, phrases_before

LONGEST_PROSE = 160
"""Tokens."""


def prose_grammar(choices: Choices, lang: Lang) -> str:
    """The GBNF text of a finding's prose."""
    counts = [count for count in choices.counts if count]
    rules = {
        "root": ("order " if counts else "") + '"cause " cause "; step " step',
        "cause": either(letters(choices.listed, choices.causes)),
        "step": either(letters(choices.steps, choices.steps)),
    }
    if counts:
        rules["order"] = " | ".join(f"c{count}t0" for count in counts)
        rules["closer"] = as_rule(WORDING[lang].closers)
        for index, fact in enumerate(choices.facts):
            rules |= {f"{name}{index}": as_rule(_before(name, fact, lang)) for name in ("head", "turn", "joint")}
    for count in counts:
        rules |= _order_rules(choices, count)
    return "\n".join(f"{name} ::= {body}" for name, body in rules.items()) + "\n"


def _before(place: str, fact: Fact, lang: Lang) -> tuple[str, ...]:
    said = WORDING[lang]
    phrases = {"head": said.heads, "turn": said.turns, "joint": said.joints}[place]
    return tuple(phrases_before(phrases, fact, lang))


def _places(count: int) -> list[tuple[str, bool]]:
    """For each fact told, what leads to it, and whether it closes its sentence."""
    return [
        ("joint" if at else "turn" if sentence else "head", at == length - 1)
        for sentence, length in enumerate(LAYOUTS[count])
        for at in range(length)
    ]


def _order_rules(choices: Choices, count: int) -> dict[str, str]:
    """As in strict mode a rule for each set of told facts, with phrases around each citation."""
    rules: dict[str, str] = {}
    level = {0}
    for place, (before, closes) in enumerate(_places(count)):
        following: set[int] = set()
        last = place == count - 1
        after = (' closer ". "' if last else ' ". "') if closes else ""
        for told in level:
            ways = list(next_facts(choices, told, count - place))
            rules[f"c{count}t{told}"] = " | ".join(
                f'{before}{index} "[{index + 1}]"{after}' + ("" if last else f" c{count}t{told | 1 << index}")
                for index in ways
            )
            following |= {told | 1 << index for index in ways}
        level = following
    return rules


def parse_prose(answer: str, choices: Choices, lang: Lang) -> Skeleton | None:
    """The skeleton that an answer names, or None where it is cut off or not among the choices."""
    match = re.fullmatch(r"((?:[^.]+\. )*)cause ([a-z]); step ([a-z])", answer.strip())
    if match is None:
        return None
    sentences = match[1].split(". ")[:-1]
    try:
        skeleton = Skeleton(
            order=tuple(choices.facts[int(n) - 1].id for text in sentences for n in re.findall(r"\[(\d)\]", text)),
            connectors=(),
            cause=choices.listed[string.ascii_lowercase.index(match[2])].id,
            step=choices.steps[string.ascii_lowercase.index(match[3])].id,
            words=tuple(tuple(re.split(r"\[\d\]", text)) for text in sentences),
        )
    except IndexError:
        return None
    return skeleton if allows(choices, skeleton, lang) else None


def allows(choices: Choices, skeleton: Skeleton, lang: Lang) -> bool:
    """Whether a skeleton stays within the choices, and its words within the phrases of the grammar."""
    if not skeleton.words:
        return choices.allow(skeleton)
    count = len(skeleton.order)
    laid = tuple(len(words) - 1 for words in skeleton.words)
    if skeleton.connectors or count not in choices.counts or laid != LAYOUTS[count]:
        return False
    strict = skeleton.model_copy(update={"words": (), "connectors": choices.first_connectors(count)})
    return choices.allow(strict) and all(_fits(choices, skeleton, lang))


def _fits(choices: Choices, skeleton: Skeleton, lang: Lang) -> Iterator[bool]:
    known = {fact.id: fact for fact in choices.facts}
    leads = [text for words in skeleton.words for text in words[:-1]]
    for fact_id, text, (before, _) in zip(skeleton.order, leads, _places(len(leads)), strict=True):
        yield re.fullmatch(as_pattern(_before(before, known[fact_id], lang)), text) is not None
    yield not any(words[-1] for words in skeleton.words[:-1])
    yield re.fullmatch(as_pattern(WORDING[lang].closers), skeleton.words[-1][-1]) is not None

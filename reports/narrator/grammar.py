"""A grammar (GBNF) for each finding, which admits exactly the skeletons that its choices allow, and their parser.

An answer reads `2 and 1 moreover 3; cause b; step a`: the facts by number without repetition, the causes and steps by
letter. Rules are named after the facts already told (a bit set), so that repetition cannot be written.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Sequence

from reports.narrator.skeleton import Choices, Skeleton, connectors
from reports.playbook import Entry

LONGEST_ANSWER = 48
"""Tokens."""


def grammar(choices: Choices) -> str:
    """The GBNF text; its size is bounded by the facts that may be told (at most 64 sets for each count)."""
    counts = [count for count in choices.counts if count]
    root = [*(["order"] if counts else []), f'"{_AFTER_ORDER if counts else _ALONE}"', "cause", '"; step "', "step"]
    rules = {
        "root": " ".join(root),
        "cause": either(letters(choices.listed, choices.causes)),
        "step": either(letters(choices.steps, choices.steps)),
    }
    if counts:
        rules["order"] = " | ".join(f"c{count}t0" for count in counts)
    for count in counts:
        rules |= _order_rules(choices, count)
    return "\n".join(f"{name} ::= {body}" for name, body in rules.items()) + "\n"


_AFTER_ORDER = "; cause "
_ALONE = "cause "


def _order_rules(choices: Choices, count: int) -> dict[str, str]:
    """For one count: a rule for each reachable set of told facts, which names the facts that may come next."""
    joins = connectors(count)
    rules: dict[str, str] = {}
    level = {0}
    for place in range(count):
        following: set[int] = set()
        for told in level:
            ways = list(next_facts(choices, told, count - place))
            joined = f"( {either(f' {word} ' for word in _words(joins[place - 1]))} ) " if place else ""
            last = place == count - 1
            rules[f"c{count}t{told}"] = " | ".join(
                f'{joined}"{index + 1}"' + ("" if last else f" c{count}t{told | 1 << index}") for index in ways
            )
            following |= {told | 1 << index for index in ways}
        level = following
    return rules


def next_facts(choices: Choices, told: int, left: int) -> Iterator[int]:
    """Facts that may come next, so that the places left still hold all that must be told; the lead comes first.

    told : the facts already told, as a bit set.
    """
    if not told and choices.lead:
        yield 0
        return
    required = sum(1 << index for index, fact in enumerate(choices.facts) if fact.id in choices.required)
    for index in range(len(choices.facts)):
        after = told | 1 << index
        if after != told and (required & ~after).bit_count() <= left - 1:
            yield index


def parse(answer: str, choices: Choices) -> Skeleton | None:
    """The skeleton that an answer names, or None where it is cut off or not among the choices."""
    match = re.fullmatch(r"(?:(.+); )?cause ([a-z]); step ([a-z])", answer.strip())
    if match is None:
        return None
    order = match[1] or ""
    try:
        skeleton = Skeleton(
            order=tuple(choices.facts[int(number) - 1].id for number in re.findall(r"\d+", order)),
            connectors=tuple(words.replace(" ", "_") for words in re.findall(r"[a-z][a-z ]*[a-z]", order)),
            cause=choices.listed[string.ascii_lowercase.index(match[2])].id,
            step=choices.steps[string.ascii_lowercase.index(match[3])].id,
        )
    except IndexError:
        return None
    return skeleton if choices.allow(skeleton) else None


def letters(listed: Sequence[Entry], allowed: Sequence[Entry]) -> Iterator[str]:
    """The letters of the allowed entries among those listed."""
    return (letter for letter, entry in zip(string.ascii_lowercase, listed, strict=False) if entry in allowed)


def _words(names: Sequence[str]) -> Iterator[str]:
    return (name.replace("_", " ") for name in names)


def either(texts: Iterable[str]) -> str:
    """Alternatives of literal texts."""
    return " | ".join(f'"{text}"' for text in texts)

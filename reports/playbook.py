"""Playbooks: what could lie behind a type of finding, what speaks for it, and what a professional would do first.

They are data (`playbooks/*.yaml`, one file a finding type, and `family_<family>.yaml` for types without their own),
so that a monitor can bring its own. `supports` and `contradicts` list kinds of fact that speak for or against a cause,
or make a step the thing to do or pointless. Causes are clauses that complete "it may be that ..." (Spanish: in the
subjunctive, after "puede que"), steps are imperative clauses after "first, ..."; neither holds a figure or a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator
from yaml.constructor import SafeConstructor

from analyzers.errors import MonitorError
from analyzers.results import Direction, Fact, FactKind, Finding, Frozen
from reports.contents import Lang
from reports.yaml_loader import LOADER

_LARGEST = 100_000


def _without_figures(text: str) -> str:
    line = " ".join(text.split())
    if re.search(r"\d", line):
        raise ValueError("holds a digit; figures come from facts only")
    if not line or line[-1] in ".;:,":
        raise ValueError("must be a clause without its period")
    return line


Clause = Annotated[str, Field(min_length=3, max_length=300), AfterValidator(_without_figures)]
Hint = Annotated[str, Field(min_length=3, max_length=60), AfterValidator(_without_figures)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,40}$")]


class Sign(Frozen):
    """A kind of fact, in one direction or any, that speaks for or against a cause or a step."""

    fact: FactKind
    direction: Direction | None = None
    values: dict[str, bool] = Field(default_factory=dict)
    """What a fact of this kind must say yes or no to, such as `{stoppable: false}`."""

    def fits(self, fact: Fact) -> bool:
        """Whether the fact is such a sign."""
        said = all(fact.values.get(name) is value for name, value in self.values.items())
        return fact.kind is self.fact and self.direction in (None, fact.direction) and said


class Entry(Frozen):
    """A clause in every language, and a short English description for the model's prompt."""

    id: Name
    hint: Hint
    en: Clause
    es: Clause

    def text(self, lang: Lang) -> str:
        """The clause in a language."""
        return self.en if lang == "en" else self.es


class Cause(Entry):
    """Something that could lie behind the finding."""

    supports: tuple[Sign, ...] = ()
    contradicts: tuple[Sign, ...] = ()

    def support(self, facts: Iterable[Fact]) -> tuple[Fact, ...]:
        """The facts that speak for it."""
        return tuple(fact for fact in facts if any(sign.fits(fact) for sign in self.supports))

    def against(self, facts: Iterable[Fact]) -> tuple[Fact, ...]:
        """The facts that speak against it."""
        return tuple(fact for fact in facts if any(sign.fits(fact) for sign in self.contradicts))

    def is_contradicted(self, facts: Iterable[Fact]) -> bool:
        """Whether a fact speaks against it."""
        return bool(self.against(facts))


class Step(Entry):
    """Something to do first."""

    supports: tuple[Sign, ...] = ()
    """Facts that make it the thing to do."""
    contradicts: tuple[Sign, ...] = ()
    """Facts that make it pointless."""


class Playbook(Frozen):
    """Causes and steps for a type of finding, the most usual ones first."""

    causes: tuple[Cause, ...] = Field(min_length=2, max_length=6)
    steps: tuple[Step, ...] = Field(min_length=2, max_length=6)
    leads: tuple[FactKind, ...] = ()
    """Kinds of fact that say what the type is about: the first there is is told first. Else the weightiest leads."""

    @model_validator(mode="after")
    def _usable(self) -> Playbook:
        for entries in (self.causes, self.steps):
            ids = [entry.id for entry in entries]
            if repeated := next((name for name in ids if ids.count(name) > 1), None):
                raise ValueError(f"the id {repeated!r} stands twice")
        if all(cause.contradicts for cause in self.causes):
            raise ValueError("at least one cause must have no `contradicts`, so that one always remains")
        if all(step.contradicts for step in self.steps):
            raise ValueError("at least one step must have no `contradicts`, so that one always remains")
        return self

    def open_steps(self, facts: Iterable[Fact]) -> tuple[Step, ...]:
        """The steps that no fact makes pointless; where facts ask for any, those."""
        facts = tuple(facts)
        possible = [s for s in self.steps if not any(sign.fits(fact) for fact in facts for sign in s.contradicts)]
        asked = [s for s in possible if any(sign.fits(fact) for fact in facts for sign in s.supports)]
        return tuple(asked or possible)

    def open_causes(self, facts: Iterable[Fact]) -> tuple[Cause, ...]:
        """The causes that no fact contradicts; where facts support any, those of at least half the most support."""
        facts = tuple(facts)
        possible = tuple(cause for cause in self.causes if not cause.is_contradicted(facts))
        support = [sum(fact.weight for fact in cause.support(facts)) for cause in possible]
        most = max(support, default=0.0)
        return tuple(cause for cause, weight in zip(possible, support, strict=True) if weight >= most / 2)


Playbooks = Mapping[str, Playbook]
"""By finding type, or `family_<family>`."""


def playbook_for(finding: Finding, own: Playbooks | None = None) -> Playbook:
    """The playbook of a finding's type: the monitor's own, ours, or that of its family."""
    fallback = f"family_{finding.family.value}"
    for books in (own or {}, builtin_playbooks()):
        for name in (finding.type, fallback):
            if name in books:
                return books[name]
    raise KeyError(fallback)


@cache
def builtin_playbooks() -> Playbooks:
    """The playbooks that come with Sereno."""
    folder = resources.files("reports") / "playbooks"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return {
        file.name.removesuffix(".yaml"): parse_playbook(file.read_text(encoding="utf-8"), file.name) for file in files
    }


def parse_playbook(text: str, name: str) -> Playbook:
    """The playbook in a YAML text; `name` is the file that errors name.

    Raises MonitorError with file, line and key for anything that is no playbook.
    """
    if len(text) > _LARGEST:
        raise MonitorError(f"{name}: larger than {_LARGEST} characters; a playbook is a page of text")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=LOADER)):
            raise MonitorError(f"{name}: aliases are not supported; write it out")
        node = yaml.compose(text, Loader=LOADER)
        data = None if node is None else SafeConstructor().construct_document(node)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise MonitorError(f"{name}{line}: not valid YAML; check indentation, quotes and colons") from None
    try:
        return Playbook.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        said = first["msg"].removeprefix("Value error, ")
        raise MonitorError(f"{name}:{_line(node, first['loc'])}: {key}: {said}") from None


def _line(node: Any, keys: tuple[str | int, ...]) -> int:
    """Line of the deepest part of a key path that stands in the text."""
    line = node.start_mark.line + 1 if node is not None else 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == key), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return int(line)

"""The exam: what a local model makes of findings whose right order, cause and first step are known.

On the night the grammar bars causes that the facts contradict; in the exam it admits every cause of the playbook, so
that the marks say what the model knows and not what code forbids. A model earns `strict` where its answers follow the
grammar, repeat exactly, render to texts that pass the grounding check, and are not worse than guessing. It earns
`prose` where beyond that it finds causes better than by guessing, since words lend its choice weight, and where what it
writes is sound before anything is replaced. Pure: who runs it measures the time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import combinations
from typing import Any, Literal

from analyzers.results import Fact, Family, Finding, Frozen, Subject, SubjectKind
from reports.contents import Lang, Mode, Narrative
from reports.narrator.engines import Engine, Tokens
from reports.narrator.exam_prose import shares, write
from reports.narrator.grammar import grammar, parse
from reports.narrator.narration import narrate
from reports.narrator.prompt import Prompt, build_prompt
from reports.narrator.skeleton import Choices, Skeleton, choices
from reports.playbook import Playbook, playbook_for
from reports.yaml_loader import load_yaml

LANGS: tuple[Lang, ...] = ("en", "es")
OBEDIENT = 0.98
"""Least share of answers within the grammar."""
SOUND = 0.95
"""Least share of a model's own sentences that pass each criterion of prose as they were written."""
PROSE_EVERY = 2
"""Every second question is also asked in prose, in every language."""
CERTAIN = 1.645
"""Distance in standard deviations from guessing that counts: one-sided, 5 %."""

MarkName = Literal["strict", "prose", "none"]


@dataclass(frozen=True)
class Question:
    """A finding, and what a professional would say of it."""

    name: str
    finding: Finding
    right: tuple[str, ...]
    """Causes that this evidence carries."""
    wrong: tuple[str, ...]
    """Tempting causes that it does not carry, or contradicts."""
    steps: tuple[str, ...]
    """First steps that would settle it."""

    @property
    def playbook(self) -> Playbook:
        """The playbook that the question is asked from."""
        return playbook_for(self.finding)


class Skill(Frozen):
    """One thing that the exam looks at."""

    name: str
    mark: float
    """Share of what was right, 0 to 1."""
    guess: float | None = None
    """What guessing would reach."""
    own: float | None = None
    """What code's own choice reaches, which a report without a model prints."""
    questions: int = 0
    sigmas: float | None = None
    """Distance of the mark from guessing, in standard deviations of guessing."""


class Result(Frozen):
    """What a model reached."""

    mark: MarkName
    reason: str
    """Why the mark is not higher."""
    skills: tuple[Skill, ...]
    questions: int

    def skill(self, name: str) -> Skill:
        """The skill of this name; KeyError where there is none."""
        return next(skill for skill in self.skills if skill.name == name)


@cache
def questions() -> tuple[Question, ...]:
    """The exam's questions, in the order of `exam.yaml`."""
    text = (resources.files("reports") / "narrator" / "exam.yaml").read_text(encoding="utf-8")
    content = load_yaml(text)
    return tuple(_question(entry, content["slots"]) for entry in content["findings"])


def _question(entry: Mapping[str, Any], slots: Mapping[str, Mapping[str, Any]]) -> Question:
    facts = tuple(_fact(at, given, slots) for at, given in enumerate(entry["facts"], start=1))
    family = Family(entry["family"])
    about = SubjectKind.SERIES if family in (Family.SERIES, Family.SENSOR) else SubjectKind.RECORD
    about = SubjectKind(entry["about"]) if "about" in entry else about
    label = entry.get("label", "P-101" if about is SubjectKind.SERIES else "5100023417")
    identity = hashlib.sha256(entry["name"].encode()).hexdigest()[:12]
    finding = Finding(
        id=identity, fingerprint=f"v1:{identity}", monitor="exam", data_date=None, type=entry["type"], family=family,
        subject=Subject(kind=about, id=entry["name"], label=label), rows=(), records=(), time_from=None, time_to=None,
        severity=80.0, exposure=None, currency=None, likelihood=0.5, consequence=0.5, priority=50.0, facts=facts,
    )  # fmt: skip
    return Question(entry["name"], finding, tuple(entry["right"]), tuple(entry["wrong"]), tuple(entry["steps"]))


def _fact(at: int, given: str | Mapping[str, Any], slots: Mapping[str, Mapping[str, Any]]) -> Fact:
    changed = {"kind": given} if isinstance(given, str) else dict(given)
    weight = round(1.0 / at, 3)
    return Fact.model_validate({**slots[changed["kind"]], **changed, "id": f"f{at}", "weight": weight})


def exam_sha256() -> str:
    """Hash of all that a model is asked: a mark holds as long as it stays the same (64 hex digits)."""
    digest = hashlib.sha256()
    for question in questions():
        possible = choices(question.finding, question.playbook)
        for prompt in (
            build_prompt(question.finding, possible),
            *(build_prompt(question.finding, possible, Mode.PROSE, lang) for lang in LANGS),
        ):
            digest.update(prompt.sha256.encode())
    return digest.hexdigest()


# -- sitting it --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Paper:
    """A question with the answers that were given to it."""

    question: Question
    every: Choices
    """All causes of the playbook."""
    guarded: Choices
    """Those that the night admits."""
    free: Skeleton | None
    """The answer where every cause was admitted."""
    first: Skeleton | None
    second: Skeleton | None
    """The same question twice, as on the night."""


def sit(engine: Engine, progress: Callable[[int, int], None] | None = None) -> Result:
    """Put a model through the exam; `progress` is called with (answered, all). ModelError where the engine fails."""
    asked = questions()
    every = [_every(question) for question in asked]
    guarded = [choices(question.finding, question.playbook) for question in asked]
    plain = [build_prompt(question.finding, possible) for question, possible in zip(asked, guarded, strict=True)]
    free = [_prompt(question, possible) for question, possible in zip(asked, every, strict=True)]
    answers: list[list[str]] = []
    steps = _Steps(progress, 4 * len(asked))
    for prompts in (free, plain, plain):
        answers.append(engine.complete(prompts))
        steps.take(len(asked))
    papers = [
        _Paper(question, wide, narrow, parse(one, wide), parse(two, narrow), parse(three, narrow))
        for question, wide, narrow, one, two, three in zip(asked, every, guarded, *answers, strict=True)
    ]
    skills = (*_choosing(papers), *_working(papers, _narratives(engine, plain, answers[1])), *_writing(engine))
    steps.take(len(asked))
    mark, reason = _mark({skill.name: skill for skill in skills})
    return Result(mark=mark, reason=reason, skills=skills, questions=len(asked))


class _Steps:
    """Counts what is answered."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress, self._done, self._total = progress, 0, total

    def take(self, answers: int) -> None:
        self._done += answers
        if self._progress is not None:
            self._progress(self._done, self._total)


def _writing(engine: Engine) -> tuple[Skill, ...]:
    findings = [question.finding for question in questions()[::PROSE_EVERY]]
    writing = write(engine, findings, LANGS)
    counts = {"prose_obedience": len(writing.texts), "prose_repetition": len(findings)}
    return tuple(
        Skill(name=name, mark=share, questions=counts.get(name, len(writing.sentences)))
        for name, share in shares(writing, len(findings)).items()
    )


def _every(question: Question) -> Choices:
    book = question.playbook
    guarded = choices(question.finding, book)
    return Choices(guarded.facts, book.causes, guarded.steps, book.causes, guarded.lead)


def _prompt(question: Question, possible: Choices) -> Prompt:
    prompt = build_prompt(question.finding, possible)
    return Prompt(prompt.prefix, prompt.shared, prompt.body, grammar(possible))


@dataclass(frozen=True)
class _Recorded:
    """An engine that gives answers again, so that they can be told in every language without asking twice."""

    name: str
    sha256: str
    answers: Mapping[str, str]
    """By hash of the prompt."""
    tokens: Tokens = field(default_factory=Tokens)

    def fits(self, prompt: Prompt) -> bool:
        """What was asked once has fitted."""
        return prompt.sha256 in self.answers

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        return [self.answers.get(prompt.sha256, "") for prompt in prompts]


def _narratives(engine: Engine, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[Narrative]:
    """The texts that the answers come to, in every language."""
    known = {prompt.sha256: answer for prompt, answer in zip(prompts, answers, strict=True)}
    again = _Recorded(engine.name, engine.sha256, known)
    findings = [question.finding for question in questions()]
    return [told for lang in LANGS for told in narrate(findings, lang=lang, engine=again).narratives]


# -- marking it --------------------------------------------------------------------------------------------------------
def _choosing(papers: Sequence[_Paper]) -> tuple[Skill, ...]:
    """Cause, trap, step and order of the answers that code did not narrow; `night` is the cause where it did."""
    trapped = [paper for paper in papers if paper.question.wrong]
    cause = _skill(
        "cause",
        [_in(paper.free, "cause", paper.question.right) for paper in papers],
        [_share(paper.question.right, len(paper.every.causes)) for paper in papers],
        [_in(paper.guarded.default(), "cause", paper.question.right) for paper in papers],
    )
    night = _skill(
        "night",
        [_in(paper.first, "cause", paper.question.right) for paper in papers],
        [_open_share(paper) for paper in papers],
        [_in(paper.guarded.default(), "cause", paper.question.right) for paper in papers],
    )
    trap = _skill(
        "trap",
        [paper.free is not None and paper.free.cause not in paper.question.wrong for paper in trapped],
        [1 - _share(paper.question.wrong, len(paper.every.causes)) for paper in trapped],
        [paper.guarded.default().cause not in paper.question.wrong for paper in trapped],
    )
    step = _skill(
        "step",
        [_in(paper.free, "step", paper.question.steps) for paper in papers],
        [_share(paper.question.steps, len(paper.every.steps)) for paper in papers],
        [_in(paper.guarded.default(), "step", paper.question.steps) for paper in papers],
    )
    ordered = [_in_order(paper.free, paper.every) for paper in papers if len(paper.every.facts) > 1]
    order = Skill(name="order", mark=_mean(ordered), guess=0.5, own=1.0, questions=len(ordered))
    return cause, night, trap, step, order


def _working(papers: Sequence[_Paper], told: Sequence[Narrative]) -> tuple[Skill, ...]:
    """Obedience to the grammar, exact repetition, and texts that pass the check in both languages."""
    given = [answer for paper in papers for answer in (paper.free, paper.first, paper.second)]
    obedience = _mean(answer is not None for answer in given)
    same = _mean(paper.first == paper.second for paper in papers)
    copied = _mean(_is_example(paper.free) for paper in papers)
    grounded = _mean(text.grounded and not text.replaced for text in told)
    by_model = _mean(text.mode is not Mode.TEMPLATE for text in told)
    return (
        Skill(name="obedience", mark=min(obedience, by_model), questions=len(given)),
        Skill(name="repetition", mark=same, questions=len(papers)),
        Skill(name="independence", mark=1 - copied, questions=len(papers)),
        Skill(name="grounding", mark=grounded, own=1.0, questions=len(told)),
    )


def _is_example(answer: Skeleton | None) -> bool:
    """Whether an answer is the prompt's own example, `2 and 1 moreover 3; cause b; step a`, where it may be."""
    return answer is not None and answer.order == ("f2", "f1", "f3") and answer.connectors == ("and", "moreover")


def _mark(skills: Mapping[str, Skill]) -> tuple[MarkName, str]:
    """What was earned, and what stood in the way of more."""
    if skills["obedience"].mark < OBEDIENT:
        return "none", "answers do not follow the grammar"
    if skills["repetition"].mark < 1:
        return "none", "the same questions got different answers"
    if skills["grounding"].mark < 1:
        return "none", "texts failed the check against their facts"
    for name in ("cause", "trap", "step"):
        if (skills[name].sigmas or 0.0) < -CERTAIN:
            return "none", f"worse than guessing in: {name}"
    if (skills["cause"].sigmas or 0.0) < CERTAIN:
        return "strict", "prose needs causes that are found better than by guessing"
    for name, skill in skills.items():
        if name in ("prose_repetition", "prose_words") and skill.mark < 1:
            return "strict", f"prose needs all of: {name}"
        if name.startswith("prose_") and skill.mark < SOUND:
            return "strict", f"prose needs more of: {name}"
    return "prose", "there is no freer mode"


def _skill(name: str, hits: Sequence[bool], chances: Sequence[float], own: Sequence[bool]) -> Skill:
    """A skill of right-or-wrong questions, each with its own chance of a lucky guess."""
    spread = math.sqrt(sum(chance * (1 - chance) for chance in chances))
    sigmas = (sum(hits) - sum(chances)) / spread if spread else None
    return Skill(
        name=name, mark=_mean(hits), guess=_mean(chances), own=_mean(own), questions=len(hits), sigmas=sigmas
    )  # fmt: skip


def _in(answer: Skeleton | None, part: Literal["cause", "step"], accepted: Sequence[str]) -> bool:
    return answer is not None and getattr(answer, part) in accepted


def _in_order(answer: Skeleton | None, possible: Choices) -> float:
    """Share of pairs of told facts that stand in the order of their weight; 0 without an answer."""
    if answer is None:
        return 0.0
    place = {fact.id: at for at, fact in enumerate(possible.facts)}
    pairs = [place[one] < place[two] for one, two in combinations(answer.order, 2)]
    return _mean(pairs) if pairs else 1.0


def _open_share(paper: _Paper) -> float:
    """Chance of a lucky guess among the causes that the night admits."""
    admitted = [cause.id for cause in paper.guarded.causes]
    return len(set(admitted) & set(paper.question.right)) / len(admitted)


def _share(accepted: Sequence[str], of: int) -> float:
    return len(accepted) / of


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 1.0

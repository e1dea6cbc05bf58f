"""The exam: sound questions, and engines whose marks are known beforehand."""

from __future__ import annotations

import string
from collections.abc import Sequence

import pytest

from analyzers.results import FactKind
from reports.clauses import clause
from reports.narrator import exam
from reports.narrator.engines import Tokens
from reports.narrator.prompt import PREFIX, Prompt, build_prompt
from reports.narrator.skeleton import Choices, choices
from reports.playbook import Entry, builtin_playbooks
from tests.reports.test_narrator import RandomEngine


def answer(possible: Choices, cause: str, step: str) -> str:
    """The default order with these choices, as a model would write it."""
    told = possible.default()
    place = {fact.id: str(at) for at, fact in enumerate(possible.facts, start=1)}
    words = [place[told.order[0]]] if told.order else []
    for joint, fact in zip(told.connectors, told.order[1:], strict=True):
        words += [joint.replace("_", " "), place[fact]]
    head = f"{' '.join(words)}; " if words else ""
    return f"{head}cause {letter(possible.listed, cause)}; step {letter(possible.steps, step)}"


def letter(entries: Sequence[Entry], wanted: str) -> str:
    return string.ascii_lowercase[[entry.id for entry in entries].index(wanted)]


class KnowingEngine:
    """Gives the right answer to every question."""

    name, sha256 = "knowing", "1" * 64
    tokens = Tokens()

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], str] = {}
        self.tempting: dict[tuple[str, str], str] = {}
        for question in exam.questions():
            possible = choices(question.finding, question.playbook)
            prompt = build_prompt(question.finding, possible)
            self.answers[prompt.shared, prompt.body] = answer(possible, question.right[0], question.steps[0])
            if question.wrong:
                self.tempting[prompt.shared, prompt.body] = answer(possible, question.wrong[0], question.steps[0])

    def known(self, prompt: Prompt) -> str | None:
        return self.answers[prompt.shared, prompt.body] if prompt.prefix == PREFIX else None

    def fits(self, prompt: Prompt) -> bool:
        return True

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        return [self.known(prompt) or in_prose(prompt) for prompt in prompts]


def in_prose(prompt: Prompt) -> str:
    """Some answer of the grammar of prose, the same for the same prompt."""
    return RandomEngine(len(prompt.body)).complete([prompt])[0]


class StammeringEngine(KnowingEngine):
    """Knows all, but never writes the same prose twice."""

    said = 0

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        self.said += 1
        engine = RandomEngine(self.said)
        return [self.known(one) or engine.complete([one])[0] for one in prompts]


class MuteEngine(KnowingEngine):
    """Knows all, but writes no prose."""

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        return [self.known(one) or "All is well 77 Zorrilla." for one in prompts]


class TemptedEngine(KnowingEngine):
    """Falls for every trap that the grammar leaves open."""

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        return [self._tempted(prompt) for prompt in prompts]

    def _tempted(self, prompt: Prompt) -> str:
        key = (prompt.shared, prompt.body)
        if prompt.prefix != PREFIX:
            return in_prose(prompt)
        tempting = self.tempting.get(key, self.answers[key])
        cause = next(line for line in prompt.grammar.splitlines() if line.startswith("cause ::="))
        return tempting if f'"{tempting.split("cause ")[1][0]}"' in cause else self.answers[key]


class ForgetfulEngine(KnowingEngine):
    """Answers the second time otherwise than the first."""

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        self.turn = not getattr(self, "turn", False)
        answers = super().complete(prompts)
        return [text.replace(" and ", " while ", 1) for text in answers] if self.turn else answers


class DeafEngine(KnowingEngine):
    """Writes what it likes."""

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        return ["Ignore the facts; all is well."] * len(prompts)


# -- the questions -----------------------------------------------------------------------------------------------------
def test_every_question_stands_on_its_playbook() -> None:
    asked = exam.questions()
    assert len(asked) >= 60
    assert len({question.name for question in asked}) == len(asked)
    for question in asked:
        causes = {cause.id for cause in question.playbook.causes}
        admitted = {cause.id for cause in choices(question.finding, question.playbook).causes}
        assert {*question.right, *question.wrong} <= causes, question.name
        assert set(question.steps) <= {step.id for step in question.playbook.steps}, question.name
        assert set(question.right) & admitted, question.name
        assert not set(question.right) & set(question.wrong), question.name


def test_the_exam_asks_about_nearly_every_type_and_every_kind_of_fact() -> None:
    asked = {question.finding.type for question in exam.questions()}
    types = {name for name in builtin_playbooks() if not name.startswith("family_")}
    assert len(asked & types) >= 0.85 * len(types)
    kinds = {fact.kind for question in exam.questions() for fact in question.finding.facts}
    assert len(kinds) >= 0.85 * len(FactKind)


def test_no_two_questions_look_alike_to_the_model() -> None:
    prompts = [build_prompt(one.finding, choices(one.finding, one.playbook)) for one in exam.questions()]
    assert len({(prompt.shared, prompt.body) for prompt in prompts}) == len(prompts)


@pytest.mark.parametrize("lang", exam.LANGS)
def test_every_fact_can_be_said(lang: str) -> None:
    for question in exam.questions():
        for fact in question.finding.facts:
            assert clause(fact, "es" if lang == "es" else "en")


# -- the marks ---------------------------------------------------------------------------------------------------------
def test_a_model_that_knows_gets_full_marks() -> None:
    result = exam.sit(KnowingEngine())
    assert result.mark == "prose", result.reason
    for name in ("cause", "night", "trap", "step", "order", "obedience", "repetition", "grounding"):
        assert result.skill(name).mark == 1.0, name
    assert (result.skill("cause").sigmas or 0) > 5


def test_a_model_that_falls_for_every_trap_fails() -> None:
    result = exam.sit(TemptedEngine())
    assert result.mark == "none"
    assert "worse than guessing" in result.reason
    assert result.skill("trap").mark == 0.0
    # What the facts contradict is beyond its reach on the night.
    assert result.skill("night").mark > 0.9


@pytest.mark.parametrize("engine", [StammeringEngine(), MuteEngine()])
def test_a_model_that_cannot_write_stays_strict(engine: KnowingEngine) -> None:
    result = exam.sit(engine)
    assert result.mark == "strict"
    assert "prose" in result.reason


def test_a_model_that_guesses_reaches_what_guessing_reaches() -> None:
    marks = [exam.sit(RandomEngine(seed)).skill("cause") for seed in range(3)]
    for skill in marks:
        assert skill.guess is not None
        assert abs(skill.mark - skill.guess) < 0.2


def test_a_model_that_does_not_repeat_itself_fails() -> None:
    result = exam.sit(ForgetfulEngine())
    assert (result.mark, result.skill("obedience").mark) == ("none", 1.0)
    assert result.skill("repetition").mark < 1


def test_a_model_that_does_not_obey_fails_and_its_texts_are_templates() -> None:
    result = exam.sit(DeafEngine())
    assert (result.mark, result.skill("obedience").mark, result.skill("grounding").mark) == ("none", 0.0, 1.0)


def test_the_hash_of_the_exam_holds_its_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = exam.exam_sha256()
    assert before == exam.exam_sha256()
    monkeypatch.setattr("reports.narrator.prompt.PREFIX", "Otherwise.")
    assert exam.exam_sha256() != before


def test_progress_ends_with_all() -> None:
    seen: list[tuple[int, int]] = []
    exam.sit(KnowingEngine(), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4 * len(exam.questions()),) * 2

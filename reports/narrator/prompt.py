"""What the local model is shown of a finding: kinds of facts, directions and magnitude words, causes and steps.

Never a value, a name or any text of a record: nothing personal enters a prompt, and nothing written in a record can
instruct the model.
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass

from analyzers.results import Fact, Finding
from reports.clauses.magnitude import Magnitude, magnitude
from reports.contents import Lang, Mode
from reports.locale import texts
from reports.narrator.grammar import LONGEST_ANSWER, grammar
from reports.narrator.prose import LONGEST_PROSE, prose_grammar
from reports.narrator.skeleton import Choices

PREFIX = """You put the evidence of a finding in order for a reader.
Tell the most telling fact first and join facts that belong together.
Choose the cause that the facts support best and the step that would settle the matter soonest.
An answer names facts by number, cause and step by letter, like this:
2 and 1 moreover 3; cause b; step a
"""
"""The shared beginning of every prompt, kept in the model's cache."""
PROSE_PREFIXES: Mapping[Lang, str] = {
    "en": """You write the note of a careful colleague about a finding, in plain sentences.
[1] stands for fact 1 and is put in as a whole clause, such as "the sky is blue"; write only what stands around it.
Tell the most telling fact first and join facts that belong together. Write no figure and no name.
Then choose the cause that the facts support best and the step that would settle the matter soonest.
An answer reads like one of these:
what stands out here is that [2], and [1]. on top of that, [3], which deserves a closer look. cause b; step a
to begin with, [1]. it is also worth noting that [3], and [2]. cause a; step c
""",
    "es": """Escribes la nota de un compañero cuidadoso sobre un hallazgo, en frases sencillas.
[1] representa el hecho 1 y se sustituye por una oración entera, como "el cielo es azul"; escribe solo lo que la rodea.
Cuenta primero el hecho más revelador y une los que van juntos. No escribas cifras ni nombres.
Después elige la causa que mejor apoyan los hechos y el paso que antes aclararía la cuestión.
Una respuesta se lee como una de estas:
lo primero que destaca es que [2], y [1]. además, [3], lo que merece una mirada atenta. cause b; step a
para empezar, [1]. también cabe señalar que [3], y [2]. cause a; step c
""",
}
"""The shared beginning of prompts for prose."""


PREFIX_NAMES = ("strict", *(f"prose.{lang}" for lang in PROSE_PREFIXES))
"""Names under which a workspace's own beginnings take the place of these."""


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
    longest: int = LONGEST_ANSWER
    """Tokens of the longest answer."""

    @property
    def text(self) -> str:
        """All that the model reads, in its order."""
        return self.prefix + self.shared + self.body

    @property
    def sha256(self) -> str:
        """Hash of all that the model is given."""
        return hashlib.sha256("\0".join((self.prefix, self.shared, self.body, self.grammar)).encode()).hexdigest()


def build_prompt(
    finding: Finding,
    choices: Choices,
    mode: Mode = Mode.STRICT,
    lang: Lang = "en",
    prefixes: Mapping[str, str] | None = None,
) -> Prompt:
    """The prompt of a finding; `lang` is that of the words in `Mode.PROSE`, all else is English.

    prefixes : own beginnings by name (`PREFIX_NAMES`), in the place of ours.
    """
    own = prefixes or {}
    named = texts("en")["types"]
    title = named.get(finding.type, f"finding of the kind {finding.family.value}")
    lines = [f"\nFinding: {title}"]
    for heading, entries in (("Causes:", choices.listed), ("Steps:", choices.steps)):
        lines.append(heading)
        lines += [f"{letter} {entry.hint}" for letter, entry in zip(string.ascii_lowercase, entries, strict=False)]
    facts = [f"{number} {_described(fact)}" for number, fact in enumerate(choices.facts, start=1)]
    body = "\n".join(["Facts:" if facts else "Facts: none", *facts, "Answer:", ""])
    shared = "\n".join([*lines, ""])
    if mode is Mode.PROSE:
        return Prompt(
            own.get(f"prose.{lang}", PROSE_PREFIXES[lang]), shared, body, prose_grammar(choices, lang), LONGEST_PROSE
        )
    return Prompt(own.get("strict", PREFIX), shared, body, grammar(choices))


def _described(fact: Fact) -> str:
    size = magnitude(fact)
    words = [texts("en").evidence(fact.kind).removeprefix("the ")]
    if fact.direction is not None:
        words.append(fact.direction.value if size is Magnitude.NONE else f"{size.value} {fact.direction.value}")
    elif size is not Magnitude.NONE:
        words.append(size.value)
    return ", ".join(words)


def signature(finding: Finding, prompt: Prompt, *, lang: Lang, model: str, mode: Mode = Mode.STRICT) -> str:
    """Key under which a skeleton is kept: findings of the same evidence share one (64 hex digits).

    It holds the finding's type, the ordered kinds, directions and magnitudes of its facts, the language, the mode, the
    model's hash and the prompt's.
    """
    evidence = [(fact.kind.value, fact.direction and fact.direction.value, magnitude(fact)) for fact in finding.facts]
    stated = json.dumps(["v2", finding.type, evidence, lang, mode.value, model, prompt.sha256])
    return hashlib.sha256(stated.encode()).hexdigest()

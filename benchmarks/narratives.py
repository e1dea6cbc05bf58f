"""Write docs/narratives.md: ten narratives of the simulators in each language and mode, as they came out.

    python benchmarks/narratives.py [--model FILE]... [--write]

The ten are one finding of each of the ten most frequent types, the first of its type in order of priority: chosen by
rule and not by how well they read. Without --model the default model narrates; --write replaces the page.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from analyzers.results import Finding
from benchmarks.claims.cases import cases
from reports.contents import Lang, Mode
from reports.locale import texts
from reports.narrator import narrate
from reports.narrator.engines import Engine, LlamaEngine, default_model_path

_PAGE = Path(__file__).parent.parent / "docs" / "narratives.md"
_SHOWN = 10
_CASES = 6
_LANGS: tuple[Lang, ...] = ("en", "es")
_ZONE = "Europe/Madrid"
_HEAD = """# Narratives as they came out

Written by `benchmarks/narratives.py` from the simulators: the first finding of each of the ten most frequent types, in
both languages and in each mode, the weak ones included. In `template` no model takes part. In `strict` the model orders
and joins the facts and chooses cause and first step. In `prose` it also writes the words around the facts, printed here
in *italics*. Every figure and name is code's, and every sentence was checked against its facts; `replaced` counts those
that failed and gave way to the plain clause.

How large a deviation is told by fixed cut-offs (`reports/clauses/magnitude.py`). Ratios to what is usual: under 1.1
slightly, under 1.5 somewhat, under 3 well above or below, from 1.95 on as "n times", below 51 % as "only n %".
Distances in standard deviations: under 3 somewhat, under 6 well, from 6 on far.
"""


def main() -> int:
    """Exit status 2 where there is no model."""
    options = _options()
    paths = options.model or [path for path in [default_model_path()] if path]
    if not paths:
        sys.stderr.write("no model is installed; run `make setup`, or name one with --model FILE\n")
        return 2
    findings = _chosen()
    engines = [LlamaEngine(path, threads=os.cpu_count() or 1) for path in paths]
    page = "\n".join([_HEAD, *_sections(findings, engines)])
    if options.write:
        _PAGE.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, action="append", help="a GGUF file; repeat for several")
    parser.add_argument("--write", action="store_true", help="write docs/narratives.md")
    return parser.parse_args()


def _chosen() -> list[Finding]:
    """The first finding of each of the most frequent types."""
    every = [finding for case in islice(cases(quick=True), _CASES) for finding in case.findings]
    often = [kind for kind, _ in Counter(finding.type for finding in every).most_common(_SHOWN)]
    return [next(finding for finding in every if finding.type == kind) for kind in often]


def _sections(findings: Sequence[Finding], engines: Sequence[Engine]) -> Iterator[str]:
    yield from _section(findings, None, Mode.TEMPLATE)
    for engine in engines:
        for mode in (Mode.STRICT, Mode.PROSE):
            yield from _section(findings, engine, mode)


def _section(findings: Sequence[Finding], engine: Engine | None, mode: Mode) -> Iterator[str]:
    yield f"## {mode.value}{f': {engine.name}' if engine else ''}\n"
    told = {lang: narrate(findings, lang=lang, timezone=_ZONE, engine=engine, mode=mode) for lang in _LANGS}
    counts = ", ".join(f"{told[lang].replaced} replaced in {lang}" for lang in _LANGS)
    yield f"{counts}.\n"
    for at, finding in enumerate(findings):
        yield f"### {texts('en').type_title(finding.type)}\n"
        for lang in _LANGS:
            narrative = told[lang].narratives[at]
            marked = " ".join(_marked(claim.text, claim.words) for claim in narrative.claims)
            yield f"- `{lang}`{'' if narrative.mode is mode else f' ({narrative.mode.value})'} {marked}"
        yield ""


def _marked(text: str, words: Sequence[str]) -> str:
    """The sentence with the model's words in italics; those of a single sign stay as they are."""
    place = 0
    for number, part in enumerate(words):
        inner = part.strip(" ,;:")
        shown = inner[:1].upper() + inner[1:] if number == 0 else inner
        found = re.compile(rf"(?<!\w){re.escape(shown)}(?!\w)").search(text, place) if len(inner) > 1 else None
        if found is not None:
            at = found.start()
            text = f"{text[:at]}*{shown}*{text[at + len(shown) :]}"
            place = at + len(shown) + 2
    return text


if __name__ == "__main__":
    sys.exit(main())

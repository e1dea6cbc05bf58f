"""A blind reading: the same findings as plain template, by the default model and by a larger one, in hidden order."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from analyzers.results import Finding
from reports.contents import Lang, Mode
from reports.narrator import narrate
from reports.narrator.engines import Engine

FINDINGS = 20
_LETTERS = "ABC"
_KEY, _TEXTS, _MARKS = "key.json", "reading.md", "marks.csv"


def write(
    folder: Path,
    findings: Sequence[tuple[Finding, Lang]],
    default: Engine,
    larger: Engine | None,
    *,
    mode: Mode = Mode.STRICT,
    seed: int = 0,
) -> int:
    """Write `reading.md`, `marks.csv` to be filled in and `key.json`; the number of findings.

    mode : what the larger model may do; the default model works in `strict`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shuffler = random.Random(seed)  # noqa: S311 - only the order is to be hidden
    chosen = _varied(findings, shuffler)
    engines: dict[str, Engine | None] = {"template": None, "default": default}
    if larger is not None:
        engines["larger"] = larger
    pages, marks, key = [_INTRODUCTION], ["finding,best,worst,why"], dict[str, dict[str, str]]()
    for number, (finding, lang) in enumerate(chosen, start=1):
        told = {
            name: narrate([finding], lang=lang, engine=engine, mode=mode if name == "larger" else Mode.STRICT)
            .narratives[0]
            .text
            for name, engine in engines.items()
        }
        order = list(told)
        shuffler.shuffle(order)
        key[str(number)] = dict(zip(_LETTERS, order, strict=False))
        pages.append(f"## {number}\n")
        pages += [f"**{letter}.** {told[name]}\n" for letter, name in key[str(number)].items()]
        marks.append(f"{number},,,")
    (folder / _TEXTS).write_text("\n".join(pages), encoding="utf-8")
    (folder / _MARKS).write_text("\n".join(marks) + "\n", encoding="utf-8")
    (folder / _KEY).write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    return len(chosen)


_INTRODUCTION = """# Which of these notes would you rather get?

Each finding is told in versions A, B and C by different writers in changing order. Write the best and the worst letter
of each into `marks.csv` (`=` where you see no difference), and why in a few words. Do not open `key.json` before you
are done.
"""


def _varied(findings: Sequence[tuple[Finding, Lang]], shuffler: random.Random) -> list[tuple[Finding, Lang]]:
    """Findings of as many types as possible, both languages by turns."""
    pool = list(findings)
    shuffler.shuffle(pool)
    seen: Counter[tuple[str, Lang]] = Counter()
    ranked: list[tuple[int, int, Finding, Lang]] = []
    for finding, lang in pool:
        ranked.append((seen[finding.type, lang], len(ranked), finding, lang))
        seen[finding.type, lang] += 1
    ranked.sort(key=lambda one: one[:2])
    return [(finding, lang) for _, _, finding, lang in ranked[:FINDINGS]]


def score(folder: Path) -> dict[str, dict[str, int]]:
    """How often each writer was marked best and worst, and how often readers saw no difference.

    Raises ValueError for a mark that is no letter of its finding.
    """
    key = json.loads((folder / _KEY).read_text(encoding="utf-8"))
    tally: dict[str, Counter[str]] = {"best": Counter(), "worst": Counter()}
    for line in (folder / _MARKS).read_text(encoding="utf-8").splitlines()[1:]:
        number, best, worst, *_ = [*line.split(","), "", "", ""]
        for place, letter in (("best", best.strip().upper()), ("worst", worst.strip().upper())):
            if letter in ("", "="):
                tally[place]["no difference" if letter else "not marked"] += 1
            elif letter in key[number]:
                tally[place][key[number][letter]] += 1
            else:
                raise ValueError(
                    f"{_MARKS}: finding {number} has no version {letter!r}; write {'/'.join(key[number])} or ="
                )
    return {place: dict(counts) for place, counts in tally.items()}

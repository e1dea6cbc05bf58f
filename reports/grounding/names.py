"""Names from records: how they may stand in a sentence, and how they are set aside before the rest is read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator, Mapping

from analyzers.results import Fact, Finding

_QUOTING = dict.fromkeys(map(ord, "\"'“”„‘’‚«»‹›`´"))
_SHORTEST_CUT = 40


def bare(text: str) -> str:
    """The text on one line without quotation marks, controls and marks of writing direction; minus as a hyphen."""
    visible = "".join(" " if unicodedata.category(sign)[0] in ("C", "Z") else sign for sign in text)
    return " ".join(visible.replace("\N{MINUS SIGN}", "-").translate(_QUOTING).split())


def masked(text: str, names: Mapping[str, str], words: Container[str] = frozenset()) -> str:
    """The text with each name replaced by its slot, as `<slot>`; longer names first.

    A name that is nothing but `words` which a statement may hold anyway (a column called "amount") stays, but where
    it stands for what is measured: "the amount of", "el valor de importe (".
    """
    for slot, name in sorted(names.items(), key=lambda item: -len(item[1])):
        clean = bare(name)
        if not clean:
            continue
        if text[:1].isupper() and text.startswith(clean[0].upper() + clean[1:]):
            text = clean + text[len(clean) :]
        if all(word.lower() in words for word in re.findall(r"\w+", clean)) and re.search(r"\w", clean):
            text = re.sub(rf"(the |valor de ){re.escape(clean)}(?= of | \()", rf"\1 <{slot}> ", text, count=1)
            continue
        # A name of digits ("10") is no name where it counts something: "0 % to 10 %", "10 times".
        counted = r"(?! ?%| times| veces)" if clean.isdecimal() else ""
        pattern = rf"(?<![\w<])(?<!\d[.,]){re.escape(clean)}(?![\w>])(?![.,]\d){counted}"
        text, found = re.subn(pattern, f" <{slot}> ", text)
        if not found and (cut := _cut_short(clean, text)):
            text = text.replace(cut, f" <{slot}> ")
    return " ".join(text.split())


def _cut_short(name: str, text: str) -> str | None:
    """The beginning of a long name, with an ellipsis, as it stands in the text."""
    for length in range(len(name), _SHORTEST_CUT - 1, -1):
        cut = name[:length].rstrip() + "…"
        if cut in text:
            return cut
    return None


def label_names(label: str) -> dict[str, str]:
    """How the label of what a finding is about may stand in a sentence; a row's number also in Spanish."""
    row = re.fullmatch(r"row (\d+)", label)
    return {"subject": label} | ({"fila": f"la fila {row[1]}", "row": f"La fila {row[1]}"} if row else {})


def asset_names(finding: Finding) -> dict[str, str]:
    """How the asset of a series named `asset measure` may stand alone in a sentence."""
    label = finding.subject.label
    features = {fact.feature for fact in finding.facts if fact.feature}
    found = (label.removesuffix(f" {name}") for name in features if label.endswith(f" {name}"))
    return {f"asset_{number}": name for number, name in enumerate(sorted(found))}


def names_of(fact: Fact) -> dict[str, str]:
    """The texts of a fact by slot."""
    slots = {key: value for key, value in fact.values.items() if isinstance(value, str)}
    for number, column in enumerate(slots.get("columns", "").split(",")):
        slots[f"column_{number}"] = column
    if isinstance(fact.actual, str):
        slots["actual"] = fact.actual
    if fact.feature:
        slots["feature"] = fact.feature
    return slots


def texts_of(finding: Finding) -> Iterator[str]:
    """Texts of a finding's records that are plainly names: with a capital or a digit, four characters or more."""
    for text in (finding.subject.label, *(text for fact in finding.facts for text in names_of(fact).values())):
        clean = bare(text)
        if len(clean) >= 4 and re.search(r"[A-Z\d]", clean) and not clean.istitle():
            yield clean

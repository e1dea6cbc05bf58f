"""The check of what is said about verdicts on earlier findings: each count against its own slot."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from analyzers.results import Fact
from reports.contents import Lang
from reports.grounding.figures import figures
from reports.grounding.unbacked import UnbackedError

_WHOLE: Mapping[Lang, str] = {
    "en": r"# similar findings? ha(?:s|ve) been reported(?: within (?P<days>#) days?)?(?P<parts>(?: ?, .+)?)",
    "es": r"[Ss]e han? señalado # hallazgos? similar(?:es)?(?: en (?P<days>#) días?)?(?P<parts>(?: ?, .+)?)",
}
_PART: Mapping[Lang, str] = {
    "en": r" ?, (#) of them (dismissed|accepted|confirmed)(?: as <reason>)?",
    "es": r" ?, (#) de ellos (descartado|aceptado|confirmado)s?(?: como <reason>)?",
}
_SLOTS = {
    "dismissed": "dismissed", "accepted": "accepted", "confirmed": "confirmed",
    "descartado": "dismissed", "aceptado": "accepted", "confirmado": "confirmed",
}  # fmt: skip
_BARE: Mapping[Lang, str] = {
    "en": "similar findings have been reported before", "es": "ya se han señalado hallazgos similares",
}  # fmt: skip


def check_verdicts(text: str, fact: Fact, lang: Lang) -> None:
    """Raise UnbackedError unless the statement says what the fact holds, all verdicts that it names and no other.

    `text` is bare and its names are masked.
    """
    if text.lower() == _BARE[lang] and not fact.values.get("count"):
        return
    read = figures(text, lang)
    marked = text
    for figure in reversed(read):
        marked = f"{marked[: figure.start]}#{marked[figure.end :]}"
    whole = re.fullmatch(_WHOLE[lang], " ".join(marked.split()))
    if whole is None:
        raise UnbackedError("does not say what became of earlier findings")
    told = [_SLOTS[verdict] for _, verdict in re.findall(_PART[lang], whole["parts"])]
    if re.sub(_PART[lang], "", whole["parts"]) or len(set(told)) != len(told):
        raise UnbackedError("says more than which verdicts were given")
    wanted = [fact.values.get(slot) for slot in ("count", *(["days"] if whole["days"] else []), *told)]
    shown = [
        isinstance(value, int | float) and one.rounds(math.floor(value))
        for one, value in zip(read, wanted, strict=False)
    ]
    if len(read) != len(wanted) or not all(shown):
        raise UnbackedError("a count of verdicts is not in the fact")

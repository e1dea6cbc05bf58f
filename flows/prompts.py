"""Own beginnings of prompts: `prompts/strict.txt`, `prompts/prose.en.txt`, `prompts/prose.es.txt` in the workspace.

They take the place of what every prompt begins with (`reports.narrator.prompt`). The grammar and the check stay, so
that no wording of a prompt can make a text false.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from analyzers.errors import MonitorError
from reports.narrator.prompt import PREFIX_NAMES

LONGEST = 4_000
"""Characters: about a thousand of the narrator's 8,192 tokens of context."""


def prefix_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of each; MonitorError for a file of another name, which would never be read."""
    for path in sorted((folder / "prompts").glob("*")):
        name = path.name.removesuffix(".txt")
        if name not in PREFIX_NAMES or name == path.name:
            known = ", ".join(f"{one}.txt" for one in PREFIX_NAMES)
            raise MonitorError(f"{path}: no prompt of that name is read; there are {known}")
        yield name, path


def read_prefix(path: Path) -> str:
    """The text, ending with a line break; MonitorError where it is empty, too long or no text."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise MonitorError(f"{path}: cannot be read as UTF-8 text; save it so") from None
    if not text or len(text) > LONGEST or "\0" in text:
        raise MonitorError(f"{path}: {len(text)} characters; write 1 to {LONGEST:,} of them")
    return f"{text}\n"

"""The catalogue's table in docs/models.md, written from the catalogue so that the two cannot drift apart.

python -m flows.model_store.page FILE [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from flows.model_store.catalogue import CatalogueModel, catalogue

START, END = "<!-- catalogue: written by `make docs` -->", "<!-- end of catalogue -->"


def table() -> str:
    """The catalogue as Markdown."""
    return "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    yield "| name | model | file | memory at 4 k / 8 k | languages | licence | seen here | sources |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for model in catalogue():
        memory = " / ".join(f"{model.memory(tokens) / 1e9:.1f}" for tokens in (4096, 8192))
        about = "" if model.exact else "about "
        file = f"[{model.file}]({model.address})" if model.address else f"{model.file}, {model.get}"
        yield " | ".join(
            (
                f"| `{model.name}`",
                f"{model.title}, {model.parameters}",
                f"{file}, {model.quantisation}, {about}{model.size / 1e9:.2f} GB",
                f"{memory} GB",
                ", ".join(model.languages),
                model.licence,
                f"yes, `{str(model.sha256)[:12]}…`" if model.sha256 else "no",
                f"{_sources(model)} |",
            )
        )


def _sources(model: CatalogueModel) -> str:
    linked = (f"[{at}]({source})" if source.startswith("https:") else source for at, source in _numbered(model))
    return ", ".join(linked)


def _numbered(model: CatalogueModel) -> Iterator[tuple[int, str]]:
    yield from enumerate(model.sources, start=1)


def with_table(page: str) -> str:
    """The page with the table between its marks; ValueError where they are not in it."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError("the page lacks the catalogue's marks")
    return f"{before}{START}\n\n{table()}\n{END}{after}"


def main(path: Path, *, check: bool) -> int:
    """Write the table into the page, or say whether it is up to date; an exit status."""
    page = path.read_text(encoding="utf-8")
    wanted = with_table(page)
    if check:
        if page != wanted:
            print(f"{path}: the catalogue has changed: run make docs", file=sys.stderr)
        return int(page != wanted)
    path.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), check="--check" in sys.argv[2:]))

"""The commands `sereno models ...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyzers.errors import UsageError
from flows.cli.options import JsonOption, WorkspaceOption, print_object, say, tell

if TYPE_CHECKING:
    from flows.model_store.register import Mark
    from flows.workspace import Workspace

models = typer.Typer(
    name="models",
    help="Local models: which there are, which fit this machine, and what they earned here.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
NameArgument = Annotated[
    str | None, typer.Argument(metavar="[NAME|FILE]", help="A model at hand (default: the one in use).")
]


@models.command("list")
def list_models(workspace: WorkspaceOption = None, json: JsonOption = False) -> int:
    """List the catalogue and the models at hand.

    Example: sereno models list
    """
    from flows.model_store.catalogue import catalogue
    from flows.model_store.register import installed

    at_hand = installed(_workspace(workspace))
    for model in at_hand:
        mark = model.mark.mark if model.mark else None
        if json:
            print_object(
                {"kind": "installed", "name": model.name, "path": str(model.path), "sha256": model.sha256,
                 "in_use": model.in_use, "mark": mark, "examined_at": model.mark.at if model.mark else None}
            )  # fmt: skip
        else:
            earned = f"earned {mark} here" if mark else "not examined here"
            tell(f"{'*' if model.in_use else ' '} {model.name:40}  {earned:20}  {model.path}")
    if not json:
        tell("* in use\n\nCatalogue (memory with 4,096 and 8,192 tokens of context):" if at_hand else "No model.\n")
    for entry in catalogue():
        if json:
            described = entry.model_dump(mode="json")
            print_object(
                {"kind": "catalogue", **described, "memory_4k": entry.memory(4096), "memory_8k": entry.memory(8192)}
            )
        else:
            size, small, large = (f"{n / 1e9:.1f} GB" for n in (entry.size, entry.memory(4096), entry.memory(8192)))
            tell(
                f"  {entry.name:20}  {entry.quantisation:7} {size:>8}  {small:>8} {large:>8}  {entry.licence:11}"
                f"  {','.join(entry.languages)}"
            )
    return 0


@models.command("fit")
def fit_models(
    findings: Annotated[int, typer.Option(min=1, max=1_000_000, help="Findings of a typical night.")] = 100,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Measure this machine, and say which models fit and how long a night would take.

    Example: sereno models fit --findings 300
    """
    from flows.model_store.fitting import measure_machine

    report = measure_machine(_workspace(workspace), findings=findings, say=say)
    if json:
        print_object(report.as_object())
    else:
        for line in report.lines():
            tell(line)
    return 0


@models.command("add")
def add_model(
    name: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A GGUF file, or a model of the catalogue.")],
    allow_network: Annotated[
        bool, typer.Option("--allow-network", help="Download it from the catalogue's address.")
    ] = False,
    sha256: Annotated[str | None, typer.Option(help="The file's SHA-256, as its publisher states it.")] = None,
    link: Annotated[bool, typer.Option("--link", help="Link to the file instead of copying it.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Bring a model into the workspace.

    A local file is checked and copied. A name of the catalogue is downloaded only with --allow-network, and installed
    only when its hash is the known one or the one given.

    Example: sereno models add /media/usb/Ministral-3-3B-Instruct-2512-Q4_K_M.gguf
    """
    import re

    from flows.model_store.adding import add_file, add_named
    from flows.model_store.catalogue import find
    from flows.workspace import Workspace

    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise UsageError(f"--sha256 {sha256[:20]!r}: not a SHA-256; it has 64 hexadecimal digits")
    opened = Workspace.open(workspace)
    if _is_file(name):
        entry = add_file(opened, Path(name), link=link, sha256=sha256, say=say)
    else:
        entry = add_named(opened, find(name), allow_network=allow_network, sha256=sha256, say=say)
    if json:
        print_object(entry.model_dump(mode="json"))
    else:
        say(f"added {entry.file}, SHA-256 {entry.sha256}; `sereno models exam {Path(entry.file).stem}` comes next")
    return 0


@models.command("exam")
def examine(name: NameArgument = None, workspace: WorkspaceOption = None, json: JsonOption = False) -> int:
    """Put a model through the exam and record what it earned.

    Findings with known right answers: does it obey the grammar, repeat itself exactly, order facts, choose causes and
    steps. In a workspace the mark is kept, and the nights use the mode that the model earned.

    Example: sereno models exam
    """
    from flows.model_store.examining import examine_model

    opened = _workspace(workspace)
    mark = examine_model(opened, name, say=say)
    if json:
        print_object(mark.model_dump(mode="json"))
    else:
        _print_mark(mark, recorded=opened is not None)
    return 0


@models.command("export-training")
def export_training(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, readable by you only.")],
    monitor: Annotated[str | None, typer.Option(metavar="MONITOR", help="Findings of one monitor.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Write findings with their texts and what was decided, for tuning a model elsewhere on the premises.

    One line a finding, as its latest night told it, with the prompt that a model is given. Persons are masked.

    Example: sereno models export-training training.jsonl
    """
    from flows.model_store.training import export_training as write
    from flows.workspace import Workspace

    opened = Workspace.open(workspace)
    if monitor is not None:
        opened.monitor(monitor)
    findings, judged = write(opened, file, monitor=monitor)
    if json:
        print_object({"file": str(file), "findings": findings, "judged": judged})
    else:
        say(f"{file}: {findings} findings, {judged} of them judged")
    return 0


@models.command("use")
def use_model(
    name: Annotated[str, typer.Argument(metavar="NAME|default", help="A model in the workspace's models/.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Let a model narrate from now on: sets `model` in sereno.yaml and leaves the rest of it as it is.

    Example: sereno models use Ministral-3-3B-Instruct-2512-Q4_K_M
    """
    from flows.model_store.choosing import use
    from flows.model_store.register import DEFAULT, locate, mark_of, sha256_of
    from flows.workspace import Workspace

    opened = Workspace.open(workspace)
    path = None if name == DEFAULT else locate(opened, name).absolute()
    if path is not None and path.parent != opened.folder / "models":
        raise UsageError(f"{name[:80]}: not in models/; `sereno models add` brings it there")
    value = None if path is None else f"models/{path.name}"
    use(opened.folder / "sereno.yaml", value)
    mark = mark_of(opened, sha256_of(path or locate(opened, DEFAULT)))
    if json:
        print_object({"model": value, "mark": mark.mark if mark else None})
    else:
        earned = f"it earned {mark.mark} here" if mark else "not examined here yet: `sereno models exam`"
        say(f"sereno.yaml: model is {value or 'the default'}; {earned}")
    return 0


def _workspace(folder: Path | None) -> Workspace | None:
    """The workspace where there is one; without one these commands speak of the machine only."""
    from flows.workspace import Workspace

    return Workspace.open_if_any(folder)


def _is_file(name: str) -> bool:
    return "/" in name or name.endswith(".gguf") or Path(name).exists()


def _print_mark(mark: Mark, *, recorded: bool) -> None:
    for skill in mark.result.skills:
        beside = "" if skill.guess is None else f"   guessing {skill.guess:.0%}"
        beside += "" if skill.own is None else f"   without a model {skill.own:.0%}"
        tell(f"{skill.name:13} {skill.mark:6.1%} of {skill.questions}{beside}")
    tell(f"{mark.model}: {mark.mark} ({mark.reason}); {mark.seconds:.0f} s on {mark.machine}")
    if not recorded:
        say("not recorded: this is no workspace (--workspace names one)")

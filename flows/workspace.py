"""The workspace: the user's folder with monitors, data, reports, outbox and the warehouse."""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from analyzers.errors import MonitorError, OperationError, UsageError
from flows.documents import read_document, validate
from flows.egress import guard
from flows.egress.destinations import policy_of
from flows.monitors import Monitor, WorkspaceSettings, load_monitor
from flows.prompts import prefix_files, read_prefix
from flows.rights import too_open
from flows.writing import check_writable
from reports.playbook import Playbook, parse_playbook

_KEPT = "kept-for-a-retry"
VARIABLE = "SERENO_WORKSPACE"
"""Environment variable that names the workspace."""


def _read_playbook(path: Path) -> Playbook:
    try:
        return parse_playbook(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError):
        raise MonitorError(f"{path}: cannot be read as UTF-8 text; check the file") from None


@dataclass(frozen=True)
class Workspace:
    """A folder of the user's; every path in it has one name here."""

    folder: Path
    settings: WorkspaceSettings

    @classmethod
    def open(cls, folder: Path | None = None) -> Workspace:
        """The workspace in `folder`, else in `$SERENO_WORKSPACE`, else here; UsageError where there is none.

        From now on the egress guard allows the addresses that its settings name.
        """
        chosen = (folder or Path(os.environ.get(VARIABLE) or ".")).resolve()
        path = chosen / "sereno.yaml"
        if not path.is_file():
            raise UsageError(
                f"{chosen}: no sereno.yaml here; name a workspace with --workspace, or make one with `sereno init`"
            )
        opened = cls(chosen, validate(read_document(path), WorkspaceSettings))
        guard.permit(policy_of(opened.settings, str(opened.egress_log)))
        return opened

    @classmethod
    def open_if_any(cls, folder: Path | None = None) -> Workspace | None:
        """Like `open`; None where no folder is named and there is no workspace here."""
        nowhere = folder is None and not os.environ.get(VARIABLE) and not Path("sereno.yaml").is_file()
        return None if nowhere else cls.open(folder)

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.folder / "warehouse.duckdb"

    @property
    def archive(self) -> Path:
        """Reports of all nights."""
        return self.folder / "archive"

    @property
    def outbox(self) -> Path:
        """Mails, as `.eml` files."""
        return self.folder / "outbox"

    @property
    def work(self) -> Path:
        """What tasks of a run hand to each other; nothing in it outlives its run."""
        return self.folder / "work"

    @property
    def egress_log(self) -> Path:
        """Connections that the egress guard refused, a line each."""
        return self.folder / "egress.log"

    @property
    def prefect_home(self) -> Path:
        """Prefect's own database and settings."""
        return self.folder / ".prefect"

    def served_since(self) -> datetime | None:
        """When the schedules of this workspace were served first; None where they never were."""
        try:
            return datetime.fromisoformat(self._first_served.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def note_serving(self, now: datetime) -> None:
        """Keep when the schedules were served first: nights that were due before are not missed."""
        if self.served_since() is None:
            self._first_served.write_text(now.isoformat(), encoding="ascii")

    @property
    def _first_served(self) -> Path:
        return self.prefect_home / "first-served"

    def monitor_names(self) -> list[str]:
        """Names of the monitors, sorted."""
        return sorted(path.stem for path in (self.folder / "monitors").glob("*.yaml"))

    def monitor(self, name: str) -> Monitor:
        """The monitor of this name; UsageError names the nearest where there is none."""
        names = self.monitor_names()
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none yet'}"
            raise UsageError(f"no monitor {name[:80]!r} in {self.folder / 'monitors'}; {hint}")
        monitor = load_monitor(
            self.folder / "monitors" / f"{name}.yaml",
            list(self.settings.databases),
            read_document(self.folder / "sereno.yaml").part("defaults"),
        )
        return monitor.model_copy(update={"playbooks": {**self._playbooks(), **monitor.playbooks}})

    def _playbooks(self) -> dict[str, Playbook]:
        """The workspace's own playbooks by finding type; they are part of every monitor, and of its hash."""
        return {path.stem: _read_playbook(path) for path in sorted((self.folder / "playbooks").glob("*.yaml"))}

    def monitors(self, names: tuple[str, ...] = ()) -> list[Monitor]:
        """The named monitors, or all; UsageError where there is none at all."""
        chosen = list(dict.fromkeys(names)) or self.monitor_names()
        if not chosen:
            raise UsageError(
                f"{self.folder / 'monitors'}: no monitor yet; write one, or let `sereno init --from FILE` do it"
            )
        return [self.monitor(name) for name in chosen]

    def model_path(self) -> Path | None:
        """The configured GGUF file; None where the settings name none."""
        return None if self.settings.model is None else (self.folder / self.settings.model).resolve()

    def adapter_path(self) -> Path | None:
        """The configured LoRA adapter; None where the settings name none."""
        return None if self.settings.adapter is None else (self.folder / self.settings.adapter).resolve()

    def prefixes(self) -> dict[str, str]:
        """The workspace's own beginnings of prompts by name; MonitorError for one that cannot be used."""
        return {name: read_prefix(path) for name, path in prefix_files(self.folder)}

    def hash_key(self) -> bytes:
        """The workspace's own key for fingerprints and masks; made once, readable by its owner only."""
        path = self.folder / ".sereno-key"
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_hex(32).encode())
        key = path.read_bytes()
        if len(key) != 64:
            raise OperationError(f"{path}: the workspace's key is damaged; restore it from a backup")
        return key

    def prepare(self) -> None:
        """Make the folders that a run writes to, readable by their owner only.

        UsageError, and nothing made, where others can read or write what they must not; OperationError where the disk
        is full or read-only: neither DuckDB nor Prefect says that in one line.
        """
        for open_one in too_open(self.folder, self.settings):
            raise UsageError(str(open_one))
        for folder in (self.archive, self.outbox, self.work, self.prefect_home):
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise OperationError(f"{folder}: cannot be made ({error.strerror}); check the disk") from None
            check_writable(folder)


@contextlib.contextmanager
def run_folder(workspace: Workspace, run: str) -> Iterator[Path]:
    """A folder of the run's own under `work/`, gone afterwards unless it is kept for a retry.

    Folders of other runs that were killed or failed are cleared first.
    """
    clear_abandoned(workspace, but=run)
    folder = workspace.work / run
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / _KEPT
        kept.unlink(missing_ok=True)
        try:
            yield folder
        finally:
            if not kept.exists():
                shutil.rmtree(folder, ignore_errors=True)


def keep_for_retry(folder: Path) -> None:
    """Let a failed run's folder outlive it: a retry goes on with what is there, and the next run clears it."""
    (folder / _KEPT).touch()


def clear_abandoned(workspace: Workspace, *, but: str | None = None) -> list[str]:
    """Remove the run folders whose run no longer lives, but for one; their names."""
    cleared = []
    for folder in sorted(path for path in workspace.work.glob("*") if (path / ".lock").is_file() and path.name != but):
        with (folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            cleared.append(folder.name)
    return cleared


@contextlib.contextmanager
def exclusive(workspace: Workspace, monitors: list[str]) -> Iterator[None]:
    """Hold the locks of these monitors, so that two runs of one never overlap; waits for its turn."""
    with contextlib.ExitStack() as stack:
        for name in sorted(monitors):
            lock = stack.enter_context((workspace.work / f"{name}.monitor-lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_empty(folder: Path) -> None:
    """MonitorError unless a workspace can be made in the folder."""
    if (folder / "sereno.yaml").exists():
        raise MonitorError(f"{folder}: already a workspace; name another folder")

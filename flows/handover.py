"""What the tasks of one night hand to each other: owner-only files in the run's folder under `work/`.

Files and not objects, so that a task's result is a few counts for Prefect to keep and never a record.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, TypeAdapter

from analyzers.results import Analysis, Candidate, Check, Finding, Flag, Guarantee
from reports.contents import Cost, ModelNote, Narrative
from reports.narrator.skeleton import Skeleton


class _AnalysisFile(BaseModel):
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    guarantees: tuple[Guarantee, ...]
    flags: tuple[Flag, ...]
    records: int
    history_records: int
    drawn: tuple[Candidate, ...] = ()
    below_line: int = 0


_NARRATIVES = TypeAdapter(tuple[Narrative, ...])
_SKELETONS = TypeAdapter(dict[str, Skeleton])


@dataclass(frozen=True)
class Handover:
    """The folder of one run; a file a monitor and kind."""

    folder: Path

    def mark(self) -> str:
        """What tells this folder from any other: a retry goes on with what is in it, and only while it is there."""
        path = self.folder / "mark"
        if not path.exists():
            path.write_text(f"{self.folder.name}.{secrets.token_hex(4)}", encoding="ascii")
        return path.read_text(encoding="ascii")

    def write_frame(self, monitor: str, kind: str, frame: pl.DataFrame) -> None:
        """Keep a frame; `kind` is such as `records`, `history`, `batch` or `reference-vendors`."""
        frame.write_parquet(self.folder / f"{monitor}.{kind}.parquet", compression="zstd", compression_level=1)

    def read_frame(self, monitor: str, kind: str) -> pl.DataFrame:
        """The frame that was kept."""
        return pl.read_parquet(self.folder / f"{monitor}.{kind}.parquet")

    def count(self, monitor: str, kind: str) -> int:
        """How many records a kept frame has; 0 where there is none."""
        path = self.folder / f"{monitor}.{kind}.parquet"
        return int(pl.scan_parquet(path).select(pl.len()).collect().item()) if path.exists() else 0

    def read_references(self, monitor: str) -> dict[str, pl.DataFrame]:
        """The reference tables that were kept, by name."""
        prefix = f"{monitor}.reference-"
        paths = sorted(self.folder.glob(f"{prefix}*.parquet"))
        return {path.name.removeprefix(prefix).removesuffix(".parquet"): pl.read_parquet(path) for path in paths}

    def write_analysis(self, monitor: str, analysis: Analysis) -> None:
        """Keep all that an analysis found."""
        content = _AnalysisFile(
            findings=analysis.findings,
            checks=analysis.checks,
            guarantees=analysis.guarantees,
            flags=analysis.flags,
            records=analysis.records,
            history_records=analysis.history_records,
            drawn=analysis.drawn,
            below_line=analysis.below_line,
        )
        (self.folder / f"{monitor}.analysis.json").write_text(content.model_dump_json(), encoding="utf-8")
        self.write_frame(monitor, "scores", analysis.scores)

    def read_analysis(self, monitor: str) -> Analysis:
        """The analysis that was kept."""
        path = self.folder / f"{monitor}.analysis.json"
        content = _AnalysisFile.model_validate_json(path.read_text(encoding="utf-8"))
        return Analysis(scores=self.read_frame(monitor, "scores"), **dict(content))

    def write_notes(self, monitor: str, notes: dict[str, Any]) -> None:
        """Keep a few counts about a monitor's source."""
        (self.folder / f"{monitor}.notes.json").write_text(json.dumps(notes), encoding="utf-8")

    def read_notes(self, monitor: str) -> dict[str, Any]:
        """The counts that were kept; none where the source was not read."""
        path = self.folder / f"{monitor}.notes.json"
        notes: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return notes

    def write_narratives(self, monitor: str, narratives: tuple[Narrative, ...]) -> None:
        """Keep the narratives of a monitor's findings."""
        (self.folder / f"{monitor}.narratives.json").write_bytes(_NARRATIVES.dump_json(narratives))

    def read_narratives(self, monitor: str) -> tuple[Narrative, ...]:
        """The narratives that were kept."""
        return _NARRATIVES.validate_json((self.folder / f"{monitor}.narratives.json").read_bytes())

    def write_skeletons(self, monitor: str, skeletons: Mapping[str, Skeleton]) -> None:
        """Keep the skeletons that the model wrote anew."""
        (self.folder / f"{monitor}.skeletons.json").write_bytes(_SKELETONS.dump_json(dict(skeletons)))

    def read_skeletons(self, monitor: str) -> dict[str, Skeleton]:
        """The new skeletons that were kept."""
        return _SKELETONS.validate_json((self.folder / f"{monitor}.skeletons.json").read_bytes())

    def write_cost(self, monitor: str, cost: Cost) -> None:
        """Keep what a monitor's narration came to."""
        (self.folder / f"{monitor}.cost.json").write_text(cost.model_dump_json(), encoding="utf-8")

    def read_cost(self, monitor: str) -> Cost | None:
        """What the narration came to; None where no model wrote."""
        path = self.folder / f"{monitor}.cost.json"
        return Cost.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None

    def write_model(self, note: ModelNote) -> None:
        """Keep what the report says of the model."""
        (self.folder / "model.json").write_text(note.model_dump_json(), encoding="utf-8")

    def explained(self) -> bool:
        """Whether the texts of this night are all here."""
        return (self.folder / "model.json").exists()

    def read_model(self) -> ModelNote:
        """What the report says of the model; none where nothing was narrated."""
        path = self.folder / "model.json"
        if not path.exists():
            return ModelNote(reason="nothing was to be explained")
        return ModelNote.model_validate_json(path.read_text(encoding="utf-8"))

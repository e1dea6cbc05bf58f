"""`sereno scan`: one pass over files nobody configured. It keeps no warehouse and starts no Prefect."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from analyzers.analyze import analyze
from analyzers.columns import Columns, Role, Shape
from analyzers.errors import SourceError, UsageError
from analyzers.results import Analysis, Finding, SubjectKind
from analyzers.roles import infer_columns
from analyzers.settings import AnalysisSettings, Material
from flows.masking import mask_persons
from flows.models import open_engine, requested_model
from flows.monitors import WorkspaceSettings
from flows.narration_cost import Meter
from flows.scaffold import notes_on
from flows.sources.conforming import conform
from flows.sources.files import read_files
from flows.version import version
from flows.writing import write_whole
from reports.contents import Lang, ModelNote, MonitorPart, Night, ReportedFinding
from reports.exports import findings_jsonl
from reports.narrator import narrate

Say = Callable[[str], None]
_MASK_KEY = b"sereno scan"
_LATER = ("analyzers.tabular", "reports.page")
"""Imported beside reading, which leaves the interpreter free: detectors and charts take a second."""


@dataclass(frozen=True)
class Scan:
    """What the command line asks for."""

    inputs: tuple[str, ...]
    baselines: tuple[str, ...] = ()
    time: str | None = None
    shape: str | None = None
    key: str | None = None
    entities: tuple[str, ...] = ()
    exposure: str | None = None
    ignore: tuple[str, ...] = ()
    scores: Path | None = None
    findings: Path | None = None
    report: Path = Path("sereno-report.html")
    narrate: bool = True
    model: Path | None = None
    fdr: float = 0.1
    budget: int = 20
    seed: int = 0
    lang: Lang = "en"


@dataclass(frozen=True)
class Read:
    """The records of a scan: to be judged, and normal history (empty where no baseline was named)."""

    inputs: pl.DataFrame
    baseline: pl.DataFrame
    rows: pl.Series
    """Place of each judged record among all rows of the inputs, from 0."""
    total: int
    """Rows of the inputs, the quarantined ones included."""
    columns: Columns


def run_scan(scan: Scan, say: Say) -> dict[str, Any]:
    """Read, infer, analyze, explain, write; what was made, as the command prints it."""
    started = time.monotonic()
    settings = _settings(scan)
    _check_outputs(scan)
    with ThreadPoolExecutor(2) as beside:
        opening = beside.submit(open_engine, requested_model(scan.model) if scan.narrate else None)
        for module in _LATER:
            beside.submit(import_module, module)
        read = _read(scan, say)
        if opening.done():
            # A file that is no model is refused before the analysis.
            opening.result()
        analysis = _analyze(scan, read, settings, say)
        engine, model = opening.result()
    say(f"explaining {len(analysis.findings)} findings")
    findings = tuple(_placed(finding, read.rows) for finding in analysis.findings)
    meter = Meter(engine, WorkspaceSettings().watts) if engine is not None else None
    with meter.running() if meter is not None else contextlib.nullcontext():
        narration = narrate(findings, lang=scan.lang, timezone="UTC", engine=engine)
    if meter is not None:
        model = model.model_copy(update={"cost": meter.read(len(narration.skeletons))})
    reported = tuple(
        ReportedFinding(finding=finding, narrative=narrative)
        for finding, narrative in zip(findings, narration.narratives, strict=True)
    )
    _write(scan, read, analysis, reported, model)
    return {
        "report": str(scan.report),
        "records": read.total,
        "flagged": int(analysis.scores["flagged"].sum()),
        "findings": len(analysis.findings),
        "narratives": len(reported),
        "grounded": sum(item.narrative.grounded for item in reported),
        "model": model.name,
        "seconds": round(time.monotonic() - started, 1),
    }


def _analyze(scan: Scan, read: Read, settings: AnalysisSettings, say: Say) -> Analysis:
    say(f"analyzing {read.inputs.height:,} records" + (f" against {read.baseline.height:,}" if scan.baselines else ""))
    return analyze(
        Material(
            columns=read.columns,
            history=mask_persons(read.baseline, read.columns, _MASK_KEY),
            batch=mask_persons(read.inputs, read.columns, _MASK_KEY),
            settings=settings,
        )
    )


def _placed(finding: Finding, places: pl.Series) -> Finding:
    """The finding with its rows, and the row that it may be named by, counted among all rows of the inputs."""
    rows = tuple(places.gather(list(finding.rows)).to_list())
    subject = finding.subject
    if re.fullmatch(r"row \d+", subject.label) and subject.kind is SubjectKind.RECORD and len(rows) == 1:
        subject = subject.model_copy(update={"label": f"row {rows[0] + 1}"})
    return finding.model_copy(update={"rows": rows, "subject": subject})


def _settings(scan: Scan) -> AnalysisSettings:
    if scan.shape is not None and scan.shape not in {shape.value for shape in Shape}:
        raise UsageError(f"--shape {scan.shape[:20]!r}: no such shape; use events, series or long")
    try:
        return AnalysisSettings(fdr=scan.fdr, budget=scan.budget, seed=scan.seed)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"--{first['loc'][0]}: {first['msg']}; see `sereno scan --help`") from None


def _check_outputs(scan: Scan) -> None:
    """Refuse an output that cannot be written before the work, not after it."""
    for path in (scan.report, scan.scores, scan.findings):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: no such folder to write to; make it, or name another place")
        if path is not None and path.is_dir():
            raise UsageError(f"{path}: is a folder; name a file in it")


def _read(scan: Scan, say: Say) -> Read:
    table = read_files(scan.inputs)
    normal = read_files(scan.baselines) if scan.baselines else None
    columns = _infer(scan, table.frame if normal is None else _together(normal.frame, table.frame))
    for note in (*table.notes, *(normal.notes if normal else ()), *notes_on(columns)):
        say(f"  {note}")
    inputs, quarantined = conform(table, columns, timezone="UTC")
    if inputs.height < 2 and normal is None:
        what = "one record" if inputs.height else "no record that can be read"
        raise SourceError(f"{_names(scan)}: {what}, and nothing to compare with; name more files, or a --baseline")
    every = pl.int_range(table.total, eager=True)
    return Read(
        inputs=_compact(inputs, columns),
        baseline=_compact(
            inputs.clear() if normal is None else conform(normal, columns, timezone="UTC").frame, columns
        ),
        rows=every.filter(~every.is_in(quarantined["row"].unique().to_list())),
        total=table.total,
        columns=columns,
    )


def _compact(frame: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """The frame with names that recur held as numbers: of ten million records they take a quarter of their texts."""
    roles = (Role.ENTITY, Role.CATEGORY, Role.STATE)
    names = [column.name for column in columns.columns if column.role in roles]
    return frame.with_columns(pl.col(name).cast(pl.Categorical) for name in names if frame.schema[name] == pl.String)


def _together(normal: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Both as one frame of the columns that they share, so that what is inferred holds for both."""
    shared = [name for name in judged.columns if name in normal.columns]
    if not shared:
        raise SourceError("input and baseline share no column; name files of one source")
    return pl.concat([normal.select(shared), judged.select(shared)], how="vertical_relaxed")


def _infer(scan: Scan, frame: pl.DataFrame) -> Columns:
    try:
        return infer_columns(
            frame,
            shape=None if scan.shape is None else Shape(scan.shape),
            time=scan.time,
            key=scan.key,
            entities=scan.entities,
            exposure=scan.exposure,
            ignore=scan.ignore,
        )
    except SourceError as error:
        raise SourceError(f"{_names(scan)}: {error}") from None


def _names(scan: Scan) -> str:
    shown = ", ".join(Path(pattern).name for pattern in scan.inputs[:3])
    return shown if len(scan.inputs) <= 3 else f"{shown} and {len(scan.inputs) - 3} more"


def _write(scan: Scan, read: Read, analysis: Analysis, reported: Sequence[ReportedFinding], model: ModelNote) -> None:
    if scan.scores is not None:
        buffer = io.BytesIO()
        _all_rows(read, analysis.scores).write_parquet(buffer)
        write_whole(scan.scores, buffer.getvalue())
    if scan.findings is not None:
        write_whole(scan.findings, findings_jsonl(reported, lang=scan.lang, rows=True))
    from reports.page import render_page

    write_whole(scan.report, render_page(_night(scan, read, analysis, reported, model)))


def _all_rows(read: Read, scores: pl.DataFrame) -> pl.DataFrame:
    """Scores by row of the inputs; a quarantined row has score 0 and is not flagged."""
    judged = scores.with_columns(row=read.rows)
    every = pl.DataFrame({"row": pl.int_range(read.total, eager=True, dtype=pl.Int64)})
    return every.join(judged, on="row", how="left", maintain_order="left").with_columns(
        pl.col("score", "severity").fill_null(0.0), pl.col("flagged").fill_null(value=False)
    )


def _night(scan: Scan, read: Read, analysis: Analysis, reported: Sequence[ReportedFinding], model: ModelNote) -> Night:
    now = datetime.now(UTC)
    name = _names(scan)
    part = MonitorPart(
        monitor="scan",
        title=name,
        run=f"scan-{now:%Y%m%dT%H%M%S}",
        data_date=None,
        status="done",
        records=analysis.records,
        history_records=analysis.history_records,
        quarantined=read.total - read.inputs.height,
        findings=tuple(reported),
        checks=analysis.checks,
        guarantees=analysis.guarantees,
        inferred=notes_on(read.columns),
        new=len(reported),
    )
    return Night(
        title=name,
        lang=scan.lang,
        timezone="UTC",
        data_date=None,
        created_at=now,
        parts=(part,),
        model=model,
        version=version(),
    )

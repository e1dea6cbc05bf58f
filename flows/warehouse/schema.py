"""The warehouse's own tables, as an ordered list of small steps; a file is brought forward step by step.

A step is never edited once it has been released: what changes is a new step at the end. The tables of records and of
reference snapshots are made as they arrive (`flows.warehouse.tables`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from analyzers.errors import WarehouseError
from flows.warehouse import sql

Step = Callable[[sql.Connection], None]

_RUNS = """
CREATE TABLE runs (
    run VARCHAR PRIMARY KEY, monitor VARCHAR NOT NULL, data_date DATE NOT NULL, status VARCHAR NOT NULL,
    started_at TIMESTAMPTZ NOT NULL, finished_at TIMESTAMPTZ, input_fingerprint VARCHAR, config_hash VARCHAR,
    code_version VARCHAR, model_hash VARCHAR, records BIGINT NOT NULL, history_records BIGINT NOT NULL,
    quarantined BIGINT NOT NULL, flags BIGINT NOT NULL, findings BIGINT NOT NULL, correction INTEGER NOT NULL,
    guarantees VARCHAR NOT NULL, report VARCHAR, error VARCHAR)
"""
_CHECKS = """
CREATE TABLE checks (
    run VARCHAR NOT NULL, position INTEGER NOT NULL, name VARCHAR NOT NULL, status VARCHAR NOT NULL,
    code VARCHAR NOT NULL, "values" VARCHAR NOT NULL, flags BIGINT NOT NULL)
"""
_FLAGS = """
CREATE TABLE flags (
    run VARCHAR NOT NULL, position INTEGER NOT NULL, analyzer VARCHAR NOT NULL, type VARCHAR NOT NULL,
    family VARCHAR NOT NULL, subject_kind VARCHAR NOT NULL, subject_id VARCHAR NOT NULL, "rows" BIGINT NOT NULL,
    severity DOUBLE NOT NULL, score DOUBLE NOT NULL, p_value DOUBLE, exposure DECIMAL(18, 4), currency VARCHAR,
    time_from TIMESTAMPTZ, time_to TIMESTAMPTZ, open BOOLEAN)
"""
_FACTS = """
CREATE TABLE facts (
    run VARCHAR NOT NULL, finding VARCHAR NOT NULL, id VARCHAR NOT NULL, kind VARCHAR NOT NULL, feature VARCHAR,
    actual_number DOUBLE, actual_text VARCHAR, expected_low DOUBLE, expected_high DOUBLE, ratio DOUBLE,
    direction VARCHAR, unit VARCHAR, happened_at TIMESTAMPTZ, weight DOUBLE NOT NULL, "values" VARCHAR NOT NULL)
"""
_FINDINGS = """
CREATE TABLE findings (
    fingerprint VARCHAR PRIMARY KEY, id VARCHAR NOT NULL, monitor VARCHAR NOT NULL, type VARCHAR NOT NULL,
    family VARCHAR NOT NULL, subject_kind VARCHAR NOT NULL, subject_id VARCHAR NOT NULL,
    subject_label VARCHAR NOT NULL, first_seen DATE NOT NULL, last_seen DATE NOT NULL, times_seen INTEGER NOT NULL,
    severity DOUBLE NOT NULL, exposure DECIMAL(18, 4), currency VARCHAR, priority DOUBLE NOT NULL,
    condition VARCHAR, ended_on DATE, review VARCHAR NOT NULL)
"""
# Which nights saw a finding. It outlives the evidence, so that counts stay right when retention deletes that.
_SIGHTINGS = """
CREATE TABLE sightings (
    fingerprint VARCHAR NOT NULL, monitor VARCHAR NOT NULL, data_date DATE NOT NULL, run VARCHAR NOT NULL,
    condition VARCHAR)
"""
_RUN_FINDINGS = """
CREATE TABLE run_findings (
    run VARCHAR NOT NULL, monitor VARCHAR NOT NULL, data_date DATE NOT NULL, position INTEGER NOT NULL,
    fingerprint VARCHAR NOT NULL, id VARCHAR NOT NULL, type VARCHAR NOT NULL, subject_id VARCHAR NOT NULL,
    severity DOUBLE NOT NULL, exposure DECIMAL(18, 4), currency VARCHAR, likelihood DOUBLE NOT NULL,
    consequence DOUBLE NOT NULL, priority DOUBLE NOT NULL, p_value DOUBLE, mailed BOOLEAN NOT NULL,
    document VARCHAR NOT NULL)
"""
_NARRATIVES = """
CREATE TABLE narratives (
    run VARCHAR NOT NULL, finding VARCHAR NOT NULL, lang VARCHAR NOT NULL, mode VARCHAR NOT NULL,
    grounded BOOLEAN NOT NULL, replaced INTEGER NOT NULL, model VARCHAR, text VARCHAR NOT NULL,
    claims VARCHAR NOT NULL)
"""
_SKELETONS = "CREATE TABLE skeletons (key VARCHAR PRIMARY KEY, skeleton VARCHAR NOT NULL)"
_DISPOSITIONS = """
CREATE TABLE dispositions (
    audit_seq BIGINT NOT NULL, fingerprint VARCHAR NOT NULL, monitor VARCHAR NOT NULL, type VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL, who VARCHAR NOT NULL, decided_at TIMESTAMPTZ NOT NULL, why VARCHAR NOT NULL, until DATE,
    exposure DECIMAL(18, 4), currency VARCHAR, reasons VARCHAR NOT NULL)
"""
_SNOOZES = """
CREATE TABLE snoozes (
    audit_seq BIGINT NOT NULL, scope VARCHAR NOT NULL, monitor VARCHAR NOT NULL, target VARCHAR NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL, until TIMESTAMPTZ NOT NULL, who VARCHAR NOT NULL, why VARCHAR NOT NULL,
    made_at TIMESTAMPTZ NOT NULL)
"""
_DELIVERIES = """
CREATE TABLE deliveries (
    message_id VARCHAR PRIMARY KEY, night VARCHAR NOT NULL, recipient VARCHAR NOT NULL, correction INTEGER NOT NULL,
    state VARCHAR NOT NULL, path VARCHAR NOT NULL, attempts INTEGER NOT NULL, last_error VARCHAR,
    queued_at TIMESTAMPTZ NOT NULL, changed_at TIMESTAMPTZ NOT NULL)
"""
_QUARANTINE = """
CREATE TABLE quarantine (
    ingest_id VARCHAR NOT NULL, monitor VARCHAR NOT NULL, source VARCHAR NOT NULL, "row" BIGINT NOT NULL,
    "column" VARCHAR, reason VARCHAR NOT NULL, value VARCHAR)
"""
_STORED_COLUMNS = """
CREATE TABLE stored_columns (
    table_name VARCHAR NOT NULL, name VARCHAR NOT NULL, stored_name VARCHAR NOT NULL, type VARCHAR NOT NULL,
    position INTEGER NOT NULL)
"""
_SNAPSHOTS = """
CREATE TABLE reference_snapshots (
    monitor VARCHAR NOT NULL, reference VARCHAR NOT NULL, taken_on DATE NOT NULL, added BIGINT NOT NULL,
    removed BIGINT NOT NULL, "rows" BIGINT NOT NULL)
"""
_AUDIT = """
CREATE TABLE audit (
    seq BIGINT PRIMARY KEY, logged_at TIMESTAMPTZ NOT NULL, kind VARCHAR NOT NULL, subject VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL, previous VARCHAR NOT NULL, hash VARCHAR NOT NULL)
"""
# Salts and contents stand apart from the chain: erasing them leaves it verifiable.
_AUDIT_CONTENTS = (
    "CREATE TABLE audit_contents (seq BIGINT PRIMARY KEY, salt VARCHAR NOT NULL, content VARCHAR NOT NULL)"
)


def _first_tables(connection: sql.Connection) -> None:
    for statement in (
        _RUNS,
        _CHECKS,
        _FLAGS,
        _FACTS,
        _FINDINGS,
        _SIGHTINGS,
        _RUN_FINDINGS,
        _NARRATIVES,
        _SKELETONS,
        _DISPOSITIONS,
        _SNOOZES,
        _DELIVERIES,
        _QUARANTINE,
        _STORED_COLUMNS,
        _SNAPSHOTS,
        _AUDIT,
        _AUDIT_CONTENTS,
    ):
        sql.run(connection, statement)


# What no mail named and a person is asked to look at; `below_line` is how many there were to draw from.
_CANDIDATES = """
CREATE TABLE candidates (
    fingerprint VARCHAR NOT NULL, id VARCHAR NOT NULL, monitor VARCHAR NOT NULL, origin VARCHAR NOT NULL,
    data_date DATE NOT NULL, run VARCHAR, type VARCHAR NOT NULL, subject_kind VARCHAR NOT NULL,
    subject_id VARCHAR NOT NULL, exposure DECIMAL(18, 4), currency VARCHAR, below_line BIGINT NOT NULL,
    document VARCHAR NOT NULL)
"""


def _add_review(connection: sql.Connection) -> None:
    """Candidates for review, and what a snooze needs to speak again and to be taken back."""
    sql.run(connection, _CANDIDATES)
    for column in ("exposure DECIMAL(18, 4)", "currency VARCHAR", "reasons VARCHAR", "ended_at TIMESTAMPTZ"):
        sql.run(connection, f"ALTER TABLE snoozes ADD COLUMN {column}")


_ENTITY_RISK = """
CREATE TABLE entity_risk (
    run VARCHAR NOT NULL, monitor VARCHAR NOT NULL, data_date DATE NOT NULL, entity_column VARCHAR NOT NULL,
    entity VARCHAR NOT NULL, open_findings BIGINT NOT NULL, severity DOUBLE NOT NULL, risk DOUBLE NOT NULL,
    exposure VARCHAR NOT NULL)
"""


def _add_entity_risk(connection: sql.Connection) -> None:
    """Risk of entities, a line for each entity and run."""
    sql.run(connection, _ENTITY_RISK)


# What a run was decided with, without secrets: a year later the monitor's file says something else.
_RUN_SETTINGS = """
CREATE TABLE run_settings (
    run VARCHAR NOT NULL, monitor VARCHAR NOT NULL, workspace VARCHAR NOT NULL, versions VARCHAR NOT NULL)
"""


def _add_run_settings(connection: sql.Connection) -> None:
    """The settings in force and the versions of what ran, a line for each run."""
    sql.run(connection, _RUN_SETTINGS)


_NARRATION_COSTS = """
CREATE TABLE narration_costs (
    run VARCHAR PRIMARY KEY, asked BIGINT NOT NULL, tokens_read BIGINT NOT NULL, tokens_written BIGINT NOT NULL,
    seconds DOUBLE NOT NULL, processor_seconds DOUBLE NOT NULL, watt_hours DOUBLE)
"""


def _add_narration_costs(connection: sql.Connection) -> None:
    """What the narration of each run came to."""
    sql.run(connection, _NARRATION_COSTS)


_WATERMARKS = """
CREATE TABLE watermarks (
    monitor VARCHAR NOT NULL, basis VARCHAR NOT NULL, form VARCHAR NOT NULL, value VARCHAR NOT NULL,
    read_at TIMESTAMPTZ NOT NULL)
"""


def _add_watermarks(connection: sql.Connection) -> None:
    """How far each monitor's database was read; `basis` is a hash of what was read of it."""
    sql.run(connection, _WATERMARKS)


# Who was erased, as keyed hashes: the next night must not bring them back.
_ERASED_PERSONS = "CREATE TABLE erased_persons (hash VARCHAR PRIMARY KEY, erased_at TIMESTAMPTZ NOT NULL)"


def _add_erased_persons(connection: sql.Connection) -> None:
    """Persons whom a night must not read again."""
    sql.run(connection, _ERASED_PERSONS)


def _add_likeness(connection: sql.Connection) -> None:
    """Which entity a finding is about, so that verdicts count for their like; since when an acceptance is the normal.

    Both outlive the evidence, as verdicts do.
    """
    for column in ("entity_column VARCHAR", "entity VARCHAR"):
        sql.run(connection, f"ALTER TABLE findings ADD COLUMN {column}")
    sql.run(connection, "ALTER TABLE dispositions ADD COLUMN normal_from DATE")
    query = "SELECT fingerprint, arg_max(document, data_date) FROM run_findings GROUP BY fingerprint"
    for fingerprint, document in sql.rows(connection, query):
        for column, entity in list(json.loads(document).get("entities", {}).items())[:1]:
            sql.run(
                connection,
                "UPDATE findings SET entity_column = ?, entity = ? WHERE fingerprint = ?",
                [column, entity, fingerprint],
            )


_READINGS = "CREATE TABLE readings (monitor VARCHAR PRIMARY KEY, basis VARCHAR NOT NULL)"


def _add_readings(connection: sql.Connection) -> None:
    """By what each monitor's records were read last: another time zone or role makes others of them."""
    sql.run(connection, _READINGS)


_FILE_READINGS = "CREATE TABLE file_readings (monitor VARCHAR PRIMARY KEY, document VARCHAR NOT NULL)"


def _add_file_readings(connection: sql.Connection) -> None:
    """What each monitor's files held when they were read last, so that a night reads only new ones."""
    sql.run(connection, _FILE_READINGS)


def _add_unasked(connection: sql.Connection) -> None:
    """Which findings the model was not asked about, since its time was used up."""
    sql.run(connection, "ALTER TABLE narratives ADD COLUMN unasked BOOLEAN DEFAULT false")


STEPS: tuple[Step, ...] = (
    _first_tables,
    _add_review,
    _add_entity_risk,
    _add_run_settings,
    _add_narration_costs,
    _add_watermarks,
    _add_erased_persons,
    _add_likeness,
    _add_readings,
    _add_file_readings,
    _add_unasked,
)
"""Step n brings a file from version n to version n + 1."""


def newest() -> int:
    """The version that this code writes."""
    return len(STEPS)


def version(connection: sql.Connection) -> int:
    """The file's version; 0 where it has no tables yet."""
    known = sql.scalar(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_version'")
    return int(sql.scalar(connection, "SELECT coalesce(max(version), 0) FROM schema_version")) if known else 0


def check(connection: sql.Connection, path: Path) -> bool:
    """Whether the file needs a migration; WarehouseError where a newer Sereno wrote it."""
    present = version(connection)
    if present > newest():
        raise WarehouseError(
            f"{path}: written by a newer Sereno (tables of version {present}, this one knows {newest()}); "
            "update Sereno, or restore a backup"
        )
    return present < newest()


def migrate(connection: sql.Connection, path: Path) -> int:
    """Apply the missing steps in the caller's transaction; how many there were."""
    if not check(connection, path):
        return 0
    present = version(connection)
    if present == 0:
        sql.run(connection, "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    for number, step in enumerate(STEPS[present:], start=present + 1):
        step(connection)
        sql.run(connection, "INSERT INTO schema_version VALUES (?)", [number])
    return newest() - present

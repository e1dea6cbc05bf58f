"""Erasing one person on request (GDPR Art. 17), which a legal hold beats; both are logged."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from analyzers.columns import Role
from analyzers.errors import UsageError
from analyzers.persons import is_mask
from flows.forgotten import person_columns
from flows.masking import erased_hash, masks_of, text_hash
from flows.monitors import Monitor
from flows.warehouse import Warehouse, audit, deliveries, erasure, mentions, sql
from flows.warehouse.deliveries import Delivery, DeliveryState
from flows.warehouse.erasure import Erased, Traces
from flows.warehouse.mentions import Mention, Wanted
from flows.workspace import Workspace
from flows.writing import write_whole

_LEFT = (DeliveryState.SENT, DeliveryState.KEPT)
_ARCHIVED = (".html", ".csv", ".jsonl")


@dataclass(frozen=True)
class Erasure:
    """What became of a request."""

    erased: Erased
    files: tuple[str, ...]
    """Reports that lost the person, and mails and evidence packs that were deleted."""
    held: tuple[str, ...]
    """Monitors under a legal hold: nothing of theirs was erased, and no report that tells of them."""
    waiting: tuple[str, ...]
    """Mails that have not left yet and may name the person: they stay."""
    audit_seq: int
    mentions: tuple[Mention, ...]
    """Free text of records that named the person; emptied where that was asked for."""
    searched: bool
    """Whether free text was searched: not where only the mask is known."""

    def contract(self) -> dict[str, Any]:
        """The line of `sereno erase --json`."""
        told = {**asdict(self), **asdict(self.erased)}
        del told["erased"]
        return {**told, "audit": told.pop("audit_seq")}


@dataclass(frozen=True)
class Kept:
    """What a legal hold keeps of archive and outbox."""

    reports: frozenset[str]
    nights: frozenset[str]


def erase_person(
    workspace: Workspace, person: str, *, why: str, who: str, at: datetime, free_text: bool = False
) -> Erasure:
    """Erase a person by their name, number or account, by their mask, or by an address that `people` knows.

    free_text : whether free text that names the person is emptied, too; it is counted in any case.

    Warehouse and log change in one transaction; files follow. A second call does what is left. UsageError where
    nobody or no reason is named.
    """
    if not person.strip() or not why.strip() or not who.strip():
        raise UsageError("an erasure needs a person, somebody who decides and a reason; add --reason")
    workspace.prepare()
    key = workspace.hash_key()
    traces = _traces(workspace, person.strip(), key)
    wanted = Wanted(traces.values)
    monitors = workspace.monitors()
    free = [monitor for monitor in monitors if monitor.retention.hold is None]
    held = tuple(monitor.name for monitor in monitors if monitor.retention.hold is not None)
    # What was said of free text may name the person as they are, as what is said without masks does.
    unmasked = free_text or any(monitor.unmask for monitor in monitors)
    warehouse = Warehouse.of(workspace)
    with warehouse.writing() as connection:
        kept = Kept(_held_reports(connection, held), _held_nights(connection, held))
        found = {
            monitor.name: mentions.texts_of(connection, monitor.name, monitor.described(), wanted) for monitor in free
        }
        named = tuple(each for name, texts in found.items() for each in mentions.count(connection, name, texts))
        emptied = _empty_texts(connection, free, found) if free_text else frozenset()
        traces = Traces(traces.masks, traces.values.union(*(wanted.spellings(text) for text in emptied)))
        counts = _erase(connection, free, traces, key, held=held, unmasked=unmasked)
        counts = replace(counts, free_texts=len(emptied))
        hashes = [erased_hash(mask, key) for mask in traces.masks] + [text_hash(text, key) for text in emptied]
        erasure.remember(connection, hashes, at)
        subject = erased_hash(min(traces.masks), key)[:16]
        content = {**asdict(counts), "why": why.strip(), "who": who.strip(), "held": held}
        number = audit.append(connection, "erasure", subject, content, at)
        mails = deliveries.list_deliveries(connection)
    files, waiting = _erase_files(workspace, traces, kept, mails, unmasked=unmasked)
    return Erasure(counts, files, held, waiting, number, named, bool(wanted.squeezed))


def _traces(workspace: Workspace, person: str, key: bytes) -> Traces:
    names = {person, *workspace.settings.people.get(person, ())}
    values = frozenset(name for name in names if not is_mask(name))
    masks = frozenset(name for name in names if is_mask(name)).union(*(masks_of(value, key) for value in values))
    return Traces(masks, values)


def _erase(
    connection: sql.Connection,
    monitors: Sequence[Monitor],
    traces: Traces,
    key: bytes,
    *,
    held: Sequence[str],
    unmasked: bool,
) -> Erased:
    records = references = quarantined = 0
    for monitor in monitors:
        columns = monitor.described()
        persons = dict.fromkeys(columns.names(Role.PERSON))
        for name in monitor.references:
            persons |= dict.fromkeys(person_columns(monitor, name))
        records += erasure.erase_records(connection, monitor.name, columns, traces, key)
        references += erasure.erase_references(connection, monitor.name, list(persons), traces, key)
        quarantined += erasure.erase_quarantined(connection, monitor.name, traces, key)
    texts, runs = erasure.erase_texts(connection, traces, held=held, unmasked=unmasked)
    entries = erasure.erase_log(connection, traces, runs, held=held, unmasked=unmasked)
    return Erased(records, references, quarantined, texts, entries)


def _empty_texts(
    connection: sql.Connection, monitors: Sequence[Monitor], found: Mapping[str, dict[str, list[str]]]
) -> frozenset[str]:
    """Empty the texts that were found, by monitor and column; which those are."""
    for monitor in monitors:
        mentions.empty(connection, monitor.name, monitor.described(), found[monitor.name])
    return frozenset(text for columns in found.values() for texts in columns.values() for text in texts)


def _held_reports(connection: sql.Connection, held: Sequence[str]) -> frozenset[str]:
    """Nights that tell of a monitor under a hold, as the names of their reports begin."""
    query = "SELECT DISTINCT report FROM runs WHERE report IS NOT NULL AND monitor IN (SELECT unnest($held))"
    return frozenset(Path(report).stem for (report,) in sql.rows(connection, query, {"held": list(held)}))


def _held_nights(connection: sql.Connection, held: Sequence[str]) -> frozenset[str]:
    """Dates on which a monitor under a hold was decided; mails are of a night of several monitors."""
    query = "SELECT DISTINCT data_date FROM runs WHERE monitor IN (SELECT unnest($held))"
    return frozenset(str(day) for (day,) in sql.rows(connection, query, {"held": list(held)}))


def _erase_files(
    workspace: Workspace, traces: Traces, kept: Kept, mails: Sequence[Delivery], *, unmasked: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Rewrite reports and exports, delete mails that left and packs that can be made again; names, and what waits."""
    done: list[str] = []
    for path in sorted(workspace.archive.glob("*")):
        if (
            path.is_file()
            and path.name.split(".")[0] not in kept.reports
            and _erase_file(path, traces, unmasked=unmasked)
        ):
            done.append(path.name)
    waiting = []
    for mail in mails:
        path = workspace.folder / mail.path
        if not path.is_file() or any(day in mail.night for day in kept.nights):
            continue
        if not _mail_names(path, traces, unmasked=unmasked):
            continue
        if mail.state in _LEFT:
            path.unlink(missing_ok=True)
            done.append(path.name)
        else:
            waiting.append(mail.message_id)
    return tuple(done), tuple(waiting)


def _erase_file(path: Path, traces: Traces, *, unmasked: bool) -> bool:
    """Take the person out of a file of the archive; whether they were in it."""
    if path.suffix in _ARCHIVED:
        before = path.read_text(encoding="utf-8")
        after = erasure.redacted(before, traces, unmasked=unmasked)
        if after != before:
            write_whole(path, after)
        return after != before
    if path.suffix not in {".xlsx", ".zip"}:
        return False
    with zipfile.ZipFile(path) as packed:
        parts = [(info, packed.read(info)) for info in packed.infolist()]
    redacted = [(info, _redacted(content, traces, unmasked=unmasked)) for info, content in parts]
    if redacted == parts:
        return False
    if path.suffix == ".zip":
        path.unlink()
        return True
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for info, content in redacted:
            packed.writestr(info, content)
    write_whole(path, made.getvalue())
    return True


def _redacted(content: bytes, traces: Traces, *, unmasked: bool) -> bytes:
    try:
        return erasure.redacted(content.decode(), traces, unmasked=unmasked).encode()
    except UnicodeDecodeError:
        return content  # a picture


def _mail_names(path: Path, traces: Traces, *, unmasked: bool) -> bool:
    """Whether a mail names the person, in a text or in the report that it carries."""
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    for part in message.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and _redacted(content, traces, unmasked=unmasked) != content:
            return True
    return False

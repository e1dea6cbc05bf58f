"""Monitors: what one YAML file in `monitors/` says about a dataset, and the workspace's own `sereno.yaml`."""

from __future__ import annotations

import difflib
import hashlib
import re
import zoneinfo
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from cronsim import CronSim, CronSimError
from pydantic import Field, SecretStr, field_validator, model_validator

from analyzers.columns import Column, Columns, Role, Shape
from analyzers.columns import Field as AuditField
from analyzers.errors import MonitorError
from analyzers.settings import AnalysisSettings, BehaviourSettings, SqlRule
from flows.dask_settings import DaskSettings
from flows.database_settings import DatabaseSettings
from flows.documents import Document, KeyPath, read_with_includes, validate
from flows.egress.policy import as_address, is_private_network
from flows.settings import PREFECT_SECRET, Credential, Settings
from reports.playbook import Playbook

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ADDRESS = re.compile(r"[^@\s<>,;:\"]{1,64}@[^@\s<>,;:\"]{1,255}")
_CRON = re.compile(r"[0-9A-Za-z*,/-]{1,60}( [0-9A-Za-z*,/-]{1,60}){4}")
"""What Prefect and CronSim read alike; without seconds, `#`, `L` and `@daily`."""
_LONGEST_QUERY = 100_000
_SHORTEST_PASSWORD = 12
_STATED_ABOVE = ("monitor", "timezone", "currency")


def _is_cron(text: str) -> bool:
    try:
        return bool(_CRON.fullmatch(text) and CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError:
        return False


class ColumnSettings(Settings):
    """What one column is; in YAML `amount: exposure` is short for `amount: {role: exposure}`."""

    role: Role
    field: AuditField | None = None
    unit: str | None = None
    label: str | None = None


class SourceSettings(Settings):
    """Files, or a table or query of a database that `sereno.yaml` names."""

    files: tuple[str, ...] = ()
    """Paths or globs, relative to the workspace."""
    database: str | None = None
    """A name under `databases` in `sereno.yaml`."""
    table: str | None = None
    """A table or view of the database, such as `public.payments`; letters' case counts."""
    query: str | None = None
    """A SELECT statement instead of a table."""

    @field_validator("files", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("files")
    @classmethod
    def _named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not all(value):
            raise ValueError("name at least one file or glob")
        return value

    @field_validator("table", "query")
    @classmethod
    def _something(cls, value: str | None) -> str | None:
        if value is not None and (not value.strip(". \n;") or "\0" in value or len(value) > _LONGEST_QUERY):
            raise ValueError("write the name of a table, or a SELECT statement")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> SourceSettings:
        if bool(self.files) == (self.database is not None):
            raise ValueError("name `files`, or a `database` with its `table` or `query`")
        if (self.database is not None) != ((self.table is None) != (self.query is None)):
            raise ValueError("a `database` needs either a `table` or a `query`, and files need neither")
        return self


class RecordsSettings(SourceSettings):
    """Where the records come from."""

    shape: Shape = Shape.EVENTS
    """`events`, `series` (a wide table of regular samples) or `long` (one row per tag and time)."""
    watermark: str | None = None
    """A column of a database's table that grows with every new or changed row, such as `changed_at` or an ascending
    number: a night then reads from its highest value on, not everything. It must stand under `columns`."""
    look_back: float = Field(3, ge=0, le=100_000_000)
    """How far below the watermark rows are read again, for those that arrive late: days, or units of a number."""

    @model_validator(mode="after")
    def _watermark_of_a_database(self) -> RecordsSettings:
        if self.watermark is not None and self.database is None:
            raise ValueError("`watermark` goes with a `database`; files are read whole")
        return self


class ReferenceSettings(SourceSettings):
    """Where a reference table comes from."""

    person: tuple[str, ...] = ()
    """Columns with personal data, masked before the analyzers see them; so are those that the records mask."""


class RetentionSettings(Settings):
    """After how many days what is deleted, counted back from the newest decided date; without a number, never."""

    records: int | None = Field(None, ge=1, le=36_500)
    """Records by their time, what was quarantined with them, and rows of reference tables that are gone since."""
    findings: int | None = Field(None, ge=1, le=36_500)
    """Evidence of findings: facts, narratives, flags, checks. Fingerprints, dates, verdicts and counts stay."""
    reports: int | None = Field(None, ge=1, le=36_500)
    """Reports and their exports, and mails that have left; a report of several monitors stays as long as any wants."""
    hold: str | None = Field(None, min_length=3)
    """Why nothing of this monitor is deleted for now, such as the number of a case: a legal hold beats retention."""

    @property
    def any(self) -> bool:
        """Whether anything is ever deleted."""
        return self.hold is None and (self.records or self.findings or self.reports) is not None


class Monitor(Settings):
    """One dataset: its records, what the columns mean, which analyzers run, who gets the report, when."""

    name: str
    """The file's name without `.yaml`."""
    title: str
    """What reports call it."""
    owners: tuple[str, ...] = ()
    """Addresses that get the report."""
    timezone: str = "UTC"
    """Time zone of naive times and of the day's borders."""
    schedule: str = "30 2 * * *"
    """Cron expression of five fields, in the monitor's time zone; monitors on one schedule are one night. A night
    decides the day before it starts."""
    batch: int = Field(1, ge=1, le=366)
    """Days, ending with the data date, whose records are judged."""
    history: int = Field(730, ge=0, le=7300)
    """Most days before the batch that count as history."""
    look_back: int = Field(3, ge=0, le=366)
    """Days before the batch within which records that arrive late are still judged."""
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    """Currency of the exposure where no column says it (ISO 4217)."""
    records: RecordsSettings
    references: dict[str, ReferenceSettings] = Field(default_factory=dict)
    columns: dict[str, ColumnSettings]
    retention: RetentionSettings = RetentionSettings()
    unmask: bool = False
    """Print `person` columns as they are; otherwise they are masked."""
    analysis: dict[str, Any] = Field(default_factory=dict)
    """Thresholds, budget and the parameters of the analyzers."""
    playbooks: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,60}$")], Playbook] = Field(default_factory=dict)
    """Own causes and steps by finding type (or `family_<family>`), before ours; the workspace's `playbooks/<type>.yaml`
    hold for all its monitors."""

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError(f"{value[:80]!r}: use small letters, digits, - and _, at most 63")
        return value

    @field_validator("owners")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{address[:80]!r} is not a mail address")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return known_timezone(value)

    @field_validator("schedule")
    @classmethod
    def _cron(cls, value: str) -> str:
        if not _is_cron(value):
            raise ValueError(
                f"{value[:40]!r} is no cron expression; write minute, hour, day, month and weekday, such as "
                "'30 2 * * *' for every night at 02:30"
            )
        return value

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"role": spec} if isinstance(spec, str) else spec for name, spec in value.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Monitor:
        columns = self.described()
        if columns.one(Role.TIME) is None:
            raise ValueError("no column has the role 'time'; a night takes its batch by it")
        self._check_watermark(columns)
        self._check_retention()
        return self

    def _check_watermark(self, columns: Columns) -> None:
        watermark = self.records.watermark
        if watermark is None:
            return
        if watermark not in self.columns:
            raise ValueError(
                f"the watermark {watermark[:80]!r} is none of the columns; describe it, as `ignore` if need be"
            )
        if columns.shape is Shape.EVENTS and columns.one(Role.KEY) is None:
            raise ValueError("a watermark reads rows again, so a column needs the role 'key' to know them by")

    def _check_retention(self) -> None:
        kept, judged = self.retention, self.batch + self.look_back
        if kept.records is not None and kept.records < judged:
            raise ValueError(f"retention.records: a night judges the last {judged} days; keep records as long")
        history = min(self.history + self.batch, kept.records or self.history + self.batch)
        if kept.findings is not None and kept.findings < history:
            raise ValueError(
                f"retention.findings: confirmed ones are left out of the history, so keep them as long ({history} days)"
            )

    def described(self) -> Columns:
        """The columns as the analyzers take them."""
        columns = tuple(Column(name=name, **spec.model_dump()) for name, spec in self.columns.items())
        return Columns(shape=self.records.shape, columns=columns)

    def analysis_settings(self) -> AnalysisSettings:
        """The analysis section with the monitor's own name, zone and currency."""
        stated = {"monitor": self.name, "timezone": self.timezone, "currency": self.currency}
        return AnalysisSettings(**{**self.analysis, **stated})

    def batch_days(self, data_date: date) -> tuple[date, date]:
        """First and last day of the batch."""
        return data_date - timedelta(days=self.batch - 1), data_date

    def batch_bounds(self, data_date: date) -> tuple[datetime, datetime]:
        """First instant of the batch and first instant after it; a day of 23 or 25 hours is one day."""
        zone = zoneinfo.ZoneInfo(self.timezone)
        first, last = self.batch_days(data_date)
        return (
            datetime.combine(first, time.min, zone),
            datetime.combine(last + timedelta(days=1), time.min, zone),
        )

    def history_start(self, data_date: date) -> datetime:
        """First instant that counts as history."""
        first = data_date - timedelta(days=self.batch - 1 + self.history)
        return datetime.combine(first, time.min, zoneinfo.ZoneInfo(self.timezone))

    def records_kept_from(self, newest: date) -> datetime | None:
        """The first instant whose records are kept, when `newest` is the newest decided date; None where all are."""
        if self.retention.records is None or self.retention.hold is not None:
            return None
        first = newest - timedelta(days=self.retention.records - 1)
        return datetime.combine(first, time.min, zoneinfo.ZoneInfo(self.timezone)).astimezone(UTC)

    def config_hash(self) -> str:
        """Hash of all that the monitor states."""
        return "c1:" + hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]


class MailSettings(Settings):
    """How mail leaves; without `host` it stays in the outbox as `.eml` files."""

    host: str | None = None
    port: int = Field(25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str | None = None
    password: Credential | None = Field(None, repr=False)
    sender: str = "sereno@localhost"
    recipients: tuple[str, ...] = ()
    """Who gets every night's report, beside the monitors' owners."""
    quiet_nights: bool = True
    """Whether a night on which nothing needs a reader is mailed too: one line proves that the run looked."""
    timeout: int = Field(30, ge=1, le=600)
    """Seconds."""


class PrefectSettings(Settings):
    """Which Prefect server carries the flows."""

    api_url: str | None = None
    """An existing server; without it `sereno serve` starts one."""
    host: str = "127.0.0.1"
    """Address at which the server that `sereno serve` starts listens; another than loopback needs `login`."""
    port: int = Field(4200, ge=1, le=65535)
    """Port of the server that `sereno serve` starts."""
    login: Credential | None = Field(None, repr=False)
    """Login of that server's API and UI, or of the one at `api_url`, as `user:password`; at least 12 characters of
    password. It travels as it is: put a proxy with TLS before a server that others reach."""
    ui_url: str | None = Field(None, pattern=r"^https?://[^\s/]+(/[^\s]*)?$")
    """Address under which readers of the reports reach the Prefect UI, where it is not the server's own."""

    @field_validator("host")
    @classmethod
    def _number(cls, value: str) -> str:
        if value != "localhost" and as_address(value) is None:
            raise ValueError(f"{value[:80]!r} is no address to listen at; write 127.0.0.1, or one of this machine's")
        return value

    @field_validator("login")
    @classmethod
    def _user_and_password(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            user, _, password = value.get_secret_value().partition(":")
            if PREFECT_SECRET.fullmatch(value.get_secret_value()):
                raise ValueError("Prefect cannot keep its own login; write it as ${NAME}, from the environment")
            if not user or len(password) < _SHORTEST_PASSWORD:
                raise ValueError(f"write it as user:password, with a password of {_SHORTEST_PASSWORD} or more letters")
        return value

    @model_validator(mode="after")
    def _guarded(self) -> PrefectSettings:
        if not self.is_local and self.login is None:
            raise ValueError(f"host {self.host} lets others in; set a `login` too, or leave `host` out")
        return self

    @property
    def is_local(self) -> bool:
        """Whether the server that `sereno serve` starts is reached from this machine only."""
        address = as_address(self.host)
        return address is None or address.is_loopback

    @property
    def own_url(self) -> str:
        """Where this machine reaches that server."""
        address = as_address(self.host)
        host = "127.0.0.1" if address is None or address.is_unspecified else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class ReportSettings(Settings):
    """The house's own look; wording and templates stand in the workspace's `report/` folder."""

    logo: str | None = None
    """Picture at the head of report and mail: PNG, JPEG or SVG (page only), relative to the workspace."""
    accent: str | None = None
    """Colour of links and marks, such as `"#1d5c96"`; dark enough to be read."""


class WorkspaceSettings(Settings):
    """`sereno.yaml`: what holds for the whole workspace."""

    name: str = "Sereno"
    """What the report calls the company or site."""
    language: Literal["en", "es"] = "en"
    timezone: str = "UTC"
    model: str | None = None
    """Path of a GGUF file; without it the default model, where it is installed."""
    adapter: str | None = None
    """Path of a LoRA adapter (GGUF) that was trained on the model."""
    model_server: str | None = None
    """Address of a model server on the premises, such as `http://10.0.0.5:8080/v1`, in the place of a local file."""
    narration: bool = True
    """Whether the local model writes; otherwise the texts are templates, marked so."""
    narration_minutes: float = Field(10.0, gt=0, le=110)  # the step itself is stopped after 120
    """How long the model may write in one night, of all monitors together: the most important findings first. What it
    was not asked about by then keeps template sentences, marked so, and the report says how many they are."""
    watts: float = Field(10.0, gt=0, le=1000)
    """Watts of one busy processor core with its share of the machine, from which narration's energy is estimated."""
    people: dict[str, tuple[str, ...]] = Field(default_factory=dict, repr=False)
    """What records call a person, by mail address or user: names, numbers. Who is named in a finding neither receives
    it nor decides about it."""
    databases: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")], DatabaseSettings] = Field(
        default_factory=dict
    )
    """Databases that monitors may read, by a name of your own."""
    networks: tuple[str, ...] = ()
    """Private networks of which every address may be talked to, beside the hosts that settings name: for databases
    behind a DSN, or several machines of one service. Such as `[10.20.0.0/16]`."""
    logging: Literal["text", "json"] = "text"
    """How nights and `sereno serve` write their log on standard error; `json` is one object a line."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """What holds for every monitor that does not say otherwise, such as `timezone` or `owners`: keys of a monitor."""
    report: ReportSettings = ReportSettings()
    mail: MailSettings = MailSettings()
    prefect: PrefectSettings = PrefectSettings()
    dask: DaskSettings | None = None

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return known_timezone(value)

    @field_validator("networks")
    @classmethod
    def _private(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                private = is_private_network(network)
            except ValueError:
                raise ValueError(f"{network[:80]!r} is not a network; write it as 10.20.0.0/16") from None
            if not private:
                raise ValueError(f"{network[:80]!r} is not private; name public hosts one by one, where they are used")
        return value

    @model_validator(mode="after")
    def _one_model(self) -> WorkspaceSettings:
        if self.model is not None and self.model_server is not None:
            raise ValueError("name a `model` or a `model_server`, not both")
        if self.adapter is not None and self.model_server is not None:
            raise ValueError("an `adapter` goes with a local model; a `model_server` loads its own")
        return self


def known_timezone(value: str) -> str:
    """The time zone's name as it is; ValueError where the IANA database does not know it."""
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value[:80]!r} is not a time zone; write one such as Europe/Madrid") from None
    return value


def load_monitor(path: Path, databases: Collection[str] = (), defaults: Document | None = None) -> Monitor:
    """Read and validate one monitor in its folder `monitors/`; MonitorError names file, line and key.

    databases : names of those that the workspace's settings describe. defaults : what holds where neither the monitor
    nor a file that it includes says otherwise.
    """
    document = read_with_includes(path, within=path.parent.parent)
    if defaults is not None:
        document = document.over(defaults)
    monitor = validate(document, Monitor, {"name": path.stem, **document.data})
    _validate_databases(document, monitor, databases)
    _validate_analysis(document, monitor)
    return monitor


def _validate_databases(document: Document, monitor: Monitor, known: Collection[str]) -> None:
    sources: dict[KeyPath, SourceSettings] = {("records",): monitor.records}
    sources |= {("references", name): source for name, source in monitor.references.items()}
    for keys, source in sources.items():
        if source.database is not None and source.database not in known:
            near = difflib.get_close_matches(source.database, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none yet'}"
            where, name = document.where((*keys, "database")), ".".join(map(str, keys))
            raise MonitorError(
                f"{where}: {name}.database: {source.database[:80]!r} is not under `databases` in sereno.yaml; {hint}"
            )


def _validate_analysis(document: Document, monitor: Monitor) -> None:
    for key in _STATED_ABOVE:
        if key in monitor.analysis:
            where = document.where(("analysis", key))
            raise MonitorError(f"{where}: analysis.{key}: state this at the top level of the monitor instead")
    settings = validate(document, AnalysisSettings, monitor.analysis, under=("analysis",))
    if settings.rules:
        _validate_rules(document, monitor, settings.rules)
    if settings.detectors:
        _validate_detectors(document, settings.detectors)
    _validate_behaviour(document, monitor, settings.behaviour)
    for position, control in enumerate(settings.controls):
        if control.table not in monitor.references:
            where = document.where(("analysis", "controls", position, "table"))
            raise MonitorError(
                f"{where}: analysis.controls: {control.table!r} is none of the monitor's references; name it there"
            )


def _validate_rules(document: Document, monitor: Monitor, rules: Sequence[SqlRule]) -> None:
    """Whether the predicates are some; the audit tests are imported only where a monitor states one."""
    from analyzers.audit.house_rules import check_predicate

    for position, rule in enumerate(rules):
        try:
            check_predicate(rule, list(monitor.columns))
        except MonitorError as error:
            where = document.where(("analysis", "rules", position, "where"))
            raise MonitorError(f"{where}: analysis.rules: {error}") from None


def _validate_detectors(document: Document, paths: Sequence[str]) -> None:
    """Whether the named estimators are some; scikit-learn is imported only where a monitor names one."""
    from analyzers.detectors.named import load_detector

    for position, path in enumerate(paths):
        try:
            load_detector(path)
        except MonitorError as error:
            raise MonitorError(f"{document.where(('analysis', 'detectors', position))}: analysis.{error}") from None


def _validate_behaviour(document: Document, monitor: Monitor, behaviour: BehaviourSettings) -> None:
    """Whether the columns that `behaviour` names are there and mean what they are named for."""
    wanted = {
        "entity": ([behaviour.entity] if behaviour.entity else [], (Role.ENTITY, Role.PERSON)),
        "peers": ([behaviour.peers] if behaviour.peers else [], (Role.CATEGORY,)),
        "place": (list(behaviour.place), (Role.CATEGORY,)),
    }
    for key, (names, roles) in wanted.items():
        for name in names:
            if name not in monitor.columns or monitor.columns[name].role not in roles:
                where = document.where(("analysis", "behaviour", key))
                meant = " or ".join(repr(role.value) for role in roles)
                raise MonitorError(
                    f"{where}: analysis.behaviour.{key}: {name[:80]!r} is no column with the role {meant}; "
                    "name one under `columns`"
                )

"""What the columns of a frame mean: roles for the detectors, fields for the audit tests."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, model_validator


class Shape(StrEnum):
    """How records are laid out and what they are.

    `events`: a record is something that happened (a payment), one row each.
    `series`: rows are regular samples of one or more measures, one column each (a wide table).
    `long`: a historian's export, one row per tag and time; it is pivoted to `series` before analysis.
    """

    EVENTS = "events"
    SERIES = "series"
    LONG = "long"


class Role(StrEnum):
    """What a column is to the detectors."""

    KEY = "key"
    TIME = "time"
    ENTITY = "entity"
    EXPOSURE = "exposure"
    MEASURE = "measure"
    CATEGORY = "category"
    TEXT = "text"
    PERSON = "person"
    STATE = "state"
    IGNORE = "ignore"
    """Not for the detectors; with a field it still serves the audit tests."""


class Field(StrEnum):
    """What a column is to the audit tests, beside its role."""

    DOCUMENT = "document"
    INVOICE = "invoice"
    ACCOUNT = "account"
    DEBIT_CREDIT = "debit_credit"
    CURRENCY = "currency"
    BANK_ACCOUNT = "bank_account"
    CREATED_BY = "created_by"
    APPROVED_BY = "approved_by"
    ENTRY_DATE = "entry_date"
    POSTING_DATE = "posting_date"
    DUE_DATE = "due_date"
    MANUAL = "manual"
    REVERSES = "reverses"
    STATUS = "status"
    # The columns of a historian's export (`shape: long`) beside its time.
    TAG = "tag"
    VALUE = "value"
    QUALITY = "quality"
    UNIT = "unit"


class Column(BaseModel):
    """One column: its name in the source, what it is, and how it is printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    field: Field | None = None
    unit: str | None = None
    label: str | None = None
    """What reports call the column; its name where this is null."""
    reason: str | None = None
    """Why the role was inferred; null where a person stated it."""


class Columns(BaseModel):
    """The columns of one monitor's records, in source order.

    At most one `key`, one `time` and one `exposure`; names and fields are unique.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: Shape
    columns: tuple[Column, ...]

    @model_validator(mode="after")
    def _unique(self) -> Columns:
        names = [column.name for column in self.columns]
        fields = [column.field.value for column in self.columns if column.field]
        for what, values in (("column", names), ("field", fields)):
            if repeated := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"{what} {repeated[0]!r} is named twice")
        for role in (Role.KEY, Role.TIME, Role.EXPOSURE):
            if len(holders := self.names(role)) > 1:
                raise ValueError(f"more than one column has the role {role.value!r}: {', '.join(holders)}")
        return self

    def names(self, role: Role) -> list[str]:
        """Names of the columns with this role, in source order."""
        return [column.name for column in self.columns if column.role is role]

    def one(self, role: Role) -> str | None:
        """Name of the first column with this role, or None."""
        return next(iter(self.names(role)), None)

    def field(self, field: Field) -> str | None:
        """Name of the column bound to an audit field, or None."""
        return next((column.name for column in self.columns if column.field is field), None)

    def get(self, name: str) -> Column:
        """The column of this name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

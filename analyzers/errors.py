"""Every error that Sereno raises on purpose.

SerenoError
|-- UserError            the user can mend it: exit status 2
|   |-- UsageError       a command, option or argument
|   |-- MonitorError     a monitor or the workspace's settings
|   |-- SourceError      a file or table that cannot be read as records
|   `-- ModelError       a GGUF file that cannot be used
`-- OperationError       ours or the world's: exit status 1
    |-- WarehouseError   the warehouse is locked, damaged or too new
    |-- DatabaseError    a database that does not answer, which a second try may find well
    |-- DeliveryError    a mail that could not be handed over
    `-- EgressRefusedError  a connection that no setting allows

A message is one line and says what is wrong, where, and what to do about it.
"""

from __future__ import annotations


class SerenoError(Exception):
    """An error with a message for a person; `exit_status` is what the command ends with."""

    exit_status = 1

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class UserError(SerenoError):
    """Something that the user can mend."""

    exit_status = 2


class UsageError(UserError):
    """A command, option or argument that cannot be used."""


class MonitorError(UserError):
    """A monitor or a workspace whose settings cannot be used."""


class SourceError(UserError):
    """A source that cannot be read as records."""


class ModelError(UserError):
    """A model file that cannot be used."""


class OperationError(SerenoError):
    """A failure of ours or of the world's."""


class WarehouseError(OperationError):
    """The warehouse is locked, damaged or of a newer version."""


class DatabaseError(OperationError):
    """A source's database does not answer, or not in time."""


class DeliveryError(OperationError):
    """A mail could not be handed over."""


class EgressRefusedError(OperationError, PermissionError):
    """A connection or name lookup that no setting allows; an OSError too, so that libraries take it as a failure."""

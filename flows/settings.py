"""What all settings that people write have in common, and credentials among them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

PREFECT_SECRET = re.compile(r"\$\{secret:([a-z0-9][a-z0-9-]{0,99})\}")
"""How a credential names a Secret block of Prefect; it is read when it is needed."""


class Settings(BaseModel):
    """Immutable, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _no_control(value: SecretStr) -> SecretStr:
    if any(ord(letter) < 32 for letter in value.get_secret_value()):
        raise ValueError("holds a line break or control character; check the variable that it comes from")
    return value


Credential = Annotated[SecretStr, AfterValidator(_no_control)]
"""A password: never shown, logged or stored. Best written as `${NAME}` (from the environment) or `${secret:name}` (a
Secret block of Prefect)."""

"""What a company makes its own in reports and mails: logo, colours, wording and templates. Data only.

`flows` reads it from the workspace; the defaults are Sereno's.
"""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import Field, field_validator

from analyzers.results import Frozen
from reports.colours import check_legible

Templates = tuple[tuple[str, str], ...]


class Logo(Frozen):
    """A picture to stand at the head of the report."""

    media_type: Literal["image/png", "image/jpeg", "image/svg+xml"]
    content: bytes = Field(repr=False)

    @property
    def address(self) -> str:
        """The picture as a data URI: the page asks for nothing from anywhere."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"

    @property
    def mailable(self) -> bool:
        """Whether mail programs show it: SVG they do not."""
        return self.media_type != "image/svg+xml"


class HouseStyle(Frozen):
    """Overrides of one workspace."""

    logo: Logo | None = None
    accent: str | None = None
    """Colour of links and marks on light paper, `#rrggbb`; legible on it."""
    texts: dict[str, str | dict[str, str]] = Field(default_factory=dict)
    """Wording by dotted key of `locales/page.<lang>.yaml`, such as `page.footer`."""
    types: dict[str, str] = Field(default_factory=dict)
    """Names of finding types."""
    templates: Templates = ()
    """Templates by name, such as `page/header.html`, in place of the shipped ones."""

    @field_validator("accent")
    @classmethod
    def _legible(cls, value: str | None) -> str | None:
        return None if value is None else check_legible(value)

"""The templates' environment, and how text from records gets into a page or a mail."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlsplit

import jinja2
from markupsafe import Markup, escape

from reports.phrases import one_line

LONGEST_TEXT = 400
"""Characters of a text from a record, where the template does not say otherwise."""


@cache
def environment(*, markup: bool) -> jinja2.Environment:
    """Templates that refuse undefined names; with `markup` they escape all that is put into them."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "templates"),
        autoescape=markup,  # noqa: S701 - off for plain text, which has no markup
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"show": show_text, "one_line": one_line}
    return made


def show_text(text: object, most: int = LONGEST_TEXT) -> Markup:
    """Text from records, on one line, cut, and isolated so that its writing direction stays within it."""
    return Markup("<bdi>{}</bdi>").format(escape(one_line(str(text), most)))


def web_address(address: str | None) -> str | None:
    """The address if a browser would open it as a page; anything else, such as `javascript:`, is no link."""
    try:
        scheme = urlsplit(address or "").scheme
    except ValueError:
        return None
    return address if scheme in {"http", "https"} else None

"""The templates' environment, and how text from records gets into a page or a mail."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlsplit

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from reports.house_style import Templates
from reports.phrases import one_line

LONGEST_TEXT = 400
"""Characters of a text from a record, where the template does not say otherwise."""


@cache
def environment(*, markup: bool, own: Templates = ()) -> jinja2.Environment:
    """Templates that refuse undefined names; with `markup` they escape all that is put into them.

    `own` templates take the place of shipped ones of their name. They can read what they are given and nothing else.
    """
    made = ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader([jinja2.DictLoader(dict(own)), jinja2.PackageLoader("reports", "templates")]),
        autoescape=markup,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"show": show_text, "one_line": one_line}
    return made


@cache
def template_names() -> frozenset[str]:
    """Names of the shipped templates."""
    return frozenset(jinja2.PackageLoader("reports", "templates").list_templates())


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

"""The mail against the list of what mail programs understand."""

from __future__ import annotations

import re
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest

from reports.contents import Night
from tests.reports import mail_clients as known
from tests.reports.sample_night import broken_part, failed_part, hostile_night, night_of, quiet_part, sample_night
from tests.reports.test_mail import body, received

NIGHTS = {
    "en": sample_night("en"),
    "es": sample_night("es"),
    "hostile": hostile_night("en"),
    "quiet": night_of(quiet_part("es")),
    "failed": night_of(failed_part("en"), broken_part("en")),
    "none": night_of(),
}
nights = pytest.mark.parametrize("night", NIGHTS.values(), ids=list(NIGHTS))


class Elements(HTMLParser):
    """Every element of a mail with its attributes and the declarations of its style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def styles(self) -> list[tuple[str, str, str]]:
        """Element, property and value of every declaration."""
        declared = [(tag, attrs.get("style", "")) for tag, attrs in self.found]
        pairs = [(tag, one.partition(":")) for tag, style in declared for one in style.split(";") if one.strip()]
        return [(tag, name.strip(), value.strip()) for tag, (name, _, value) in pairs]


@nights
def test_the_mail_uses_what_every_mail_program_understands(night: Night) -> None:
    html = body(received(night), "html")
    seen = Elements(html)
    assert {tag for tag, _ in seen.found} <= known.TAGS
    assert {name for _, attrs in seen.found for name in attrs} <= known.ATTRIBUTES
    properties = {name for _, name, _ in seen.styles()}
    assert properties <= known.UNDERSTOOD | known.GRACEFUL.keys()
    assert not [value for _, _, value in seen.styles() for part in known.VALUES_NOT_UNDERSTOOD if part in value]
    assert {tag for tag, name, _ in seen.styles() if name.startswith("padding")} <= known.MAY_BE_PADDED
    assert {tag for tag, name, _ in seen.styles() if name == "display"} <= {"img"}
    assert not re.search(r"<style|<!--|<script|<svg|<form|<link", html)


@nights
def test_layout_does_not_depend_on_styles(night: Night) -> None:
    seen = Elements(body(received(night), "html"))
    tables = [attrs for tag, attrs in seen.found if tag == "table"]
    assert tables
    assert all(attrs["role"] == "presentation" for attrs in tables)
    assert all({"width", "cellpadding", "cellspacing", "border"} <= attrs.keys() for attrs in tables)
    for attrs in (attrs for tag, attrs in seen.found if tag == "img"):
        assert attrs["src"].startswith("cid:")
        assert attrs["alt"]
        assert attrs["width"].isdigit()


@nights
def test_gmail_shows_the_mail_whole_and_every_part_is_named(night: Night) -> None:
    message = received(night)
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    assert len(html.get_content().encode()) < 100_000 < known.CLIPPED_BY_GMAIL
    assert message.get_content_type() == "multipart/mixed"
    pictures = [part for part in message.walk() if part.get_content_maintype() == "image"]
    cited = re.findall(r'src="cid:([^"]+)"', html.get_content())
    assert [part["Content-ID"] for part in pictures] == [f"<{cid}>" for cid in cited]
    assert all(part.get_content_disposition() == "inline" for part in pictures)
    assert all(len(line) <= 998 for line in message.as_bytes().splitlines())

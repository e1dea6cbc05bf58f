"""What mail programs make of HTML, as a list that the mail is held to.

Outlook on Windows lays out with Word, Gmail strips `<style>` where it does not like it and clips long mails, Apple
Mail is a browser. So: tables with widths as attributes, styles inlined, nothing that one of them has to understand for
the mail to be read. What only some of them know stands in `GRACEFUL`, with what becomes of it elsewhere.
"""

from __future__ import annotations

TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "body",
    "table",
    "tbody",
    "tr",
    "td",
    "p",
    "h1",
    "h2",
    "span",
    "strong",
    "bdi",
    "br",
    "a",
    "img",
}
"""Every element that the mail may use; Word ignores the ones that it does not know and keeps their text (`bdi`)."""

ATTRIBUTES = {
    "lang",
    "charset",
    "name",
    "content",
    "role",
    "class",
    "width",
    "height",
    "colspan",
    "cellpadding",
    "cellspacing",
    "border",
    "align",
    "valign",
    "style",
    "href",
    "src",
    "alt",
}
"""`class` is what the inliner leaves; no program needs it."""

UNDERSTOOD = {
    "background-color",
    "border",
    "border-left",
    "border-top",
    "border-left-color",
    "border-collapse",
    "color",
    "font-family",
    "font-size",
    "font-weight",
    "height",
    "line-height",
    "margin",
    "margin-top",
    "padding",
    "padding-left",
    "vertical-align",
    "white-space",
    "width",
    "display",
}
"""Properties that Outlook, Gmail and Apple Mail all understand on the elements that have them."""

GRACEFUL = {
    "max-width": "Word ignores it: the width as an attribute holds there",
    "table-layout": "without it a long word makes the column wider",
    "overflow-wrap": "without it a long word sticks out",
    "word-break": "the same, for older programs",
}
"""Properties that not every program understands, and what becomes of the mail there."""

VALUES_NOT_UNDERSTOOD = ("url(", "var(", "calc(", "rem", "flex", "grid", "!important", "rgba(", "gradient", "position")
"""What no value of a style may hold: Gmail drops a whole style with some of them, Word ignores the others."""

MAY_BE_PADDED = {"td", "p", "body"}
"""Word knows padding of cells; that of a paragraph is ornament only, and the body's is taken away."""

CLIPPED_BY_GMAIL = 102_000
"""Bytes of HTML from which on Gmail shows "message clipped"."""

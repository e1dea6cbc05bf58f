"""The night's digest as one e-mail: plain text and HTML that mail programs show, with the full report attached.

No part of it is drawn by chance: the same night, addresses and Message-ID give the same bytes, so that a message sent
again after a crash is the same message.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import css_inline

from reports import charts
from reports.contents import Claim, Night
from reports.digest import Digest, Placed, failed_checks
from reports.phrases import Phrases, one_line, printable
from reports.summary import summary
from reports.templating import environment, web_address

MOST_CARDS = 20
"""Findings told in the mail itself; the attached report has all of them."""
MOST_CHARTS = 3
MOST_BYTES = 100_000
"""Of HTML: Gmail cuts a message at 102 kB."""
LONGEST_SUBJECT = 180
# Nothing may be fetched while styles are moved into the elements.
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False)


@dataclass(frozen=True)
class Picture:
    """A chart, or the house's logo, that travels within the message."""

    cid: str
    content: bytes
    caption: str = ""
    text: str = ""
    kind: str = "png"


@dataclass(frozen=True)
class Body:
    """The message's texts and the charts that travel with them."""

    plain: str
    html: str
    pictures: list[Picture]


@dataclass(frozen=True)
class MailCard:
    """One finding as the mail tells it, all of it text."""

    number: int
    title: str
    subject: str
    monitor: str
    level: int
    priority: str
    strangeness: str
    seen: str
    money: str
    what: str
    cause: str
    step: str
    begins: str
    """What the cards from this one on are, where what is new comes first; empty on all others."""
    triage_url: str | None
    picture: Picture | None


def compose_mail(
    night: Night,
    *,
    sender: str,
    recipient: str,
    message_id: str,
    date: datetime,
    report: bytes,
    report_name: str,
) -> EmailMessage:
    """The message for one recipient, ready to be handed over.

    `report` is the page as UTF-8 bytes, attached as `report_name`; `date` is the message's time and aware. Line breaks
    in anything that enters a header become spaces. Raises ValueError for a naive `date`.
    """
    if date.tzinfo is None:
        raise ValueError("the date of a mail needs a time zone")
    phrases, digest = Phrases(night.lang, night.timezone, night.style), Digest(night)
    message_id, report_name = _first_line(message_id), file_name(report_name)
    logo = _logo(night, message_id)
    body = _fitting(_cards(digest, phrases, message_id), logo, night, digest, phrases, report_name)
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = _first_line(sender), _first_line(recipient)
    message["Subject"], message["Date"], message["Message-ID"] = subject(night), format_datetime(date), message_id
    message["Auto-Submitted"] = "auto-generated"
    if night.audit_head:
        message["X-Sereno-Audit-Head"] = re.sub(r"[^\x21-\x7e]", "", one_line(night.audit_head))
    _fill(message, body, report, report_name)
    _set_boundaries(message, message_id)
    return message


def subject(night: Night) -> str:
    """Number of findings and money at risk, what failed, or the one line of a quiet night."""
    phrases, digest = Phrases(night.lang, night.timezone, night.style), Digest(night)
    said = [phrases.text("mail.subject_correction", count=night.correction)] if night.correction else []
    if digest.failed:
        said.append(phrases.text("mail.subject_failed", count=len(digest.failed)))
    if digest.broken:
        said.append(phrases.text("mail.subject_broken", count=len(digest.broken)))
    if digest.mailed:
        said.append(_counted(digest, phrases))
    if digest.money:
        money = [phrases.money(money.amount, money.currency) for money in digest.money]
        said.append(phrases.text("mail.subject_money", money=phrases.enumeration(money)))
    if digest.quiet or not night.parts:
        records = phrases.text("page.records", count=digest.records)
        said.append(phrases.text("mail.subject_quiet" if night.parts else "mail.subject_empty", records=records))
    if night.data_date is None:
        return one_line(phrases.text("mail.subject_undated", said=", ".join(said)), LONGEST_SUBJECT)
    day = night.data_date.isoformat()
    return one_line(phrases.text("mail.subject", day=day, said=", ".join(said)), LONGEST_SUBJECT)


def _counted(digest: Digest, phrases: Phrases) -> str:
    if digest.fresh and len(digest.fresh) < len(digest.mailed):
        return phrases.text("mail.subject_findings_new", count=len(digest.mailed), new=str(len(digest.fresh)))
    return phrases.text("mail.subject_findings", count=len(digest.mailed))


def file_name(name: str) -> str:
    """The name without path, quotes and line breaks, as an attachment may bear it."""
    return re.sub(r'[\\/:*?"<>|]', "-", one_line(name, 120)).strip(". ") or "sereno-report.html"


def _cards(digest: Digest, phrases: Phrases, message_id: str) -> list[MailCard]:
    cards: list[MailCard] = []
    drawn = 0
    # What is new comes first: the rest was in yesterday's mail.
    fresh = {placed.number for placed in digest.fresh}
    known = [placed for placed in digest.mailed if placed.number not in fresh]
    begins = {group[0].number: key for group, key in ((digest.fresh, "fresh"), (known, "known")) if fresh and group}
    for placed in [*digest.fresh, *known][:MOST_CARDS]:
        chart = placed.reported.finding.chart
        picture = None
        if chart and drawn < MOST_CHARTS and not charts.is_empty(chart):
            drawn += 1
            picture = Picture(
                cid=f"chart{drawn}.{_digest_of(message_id)}@sereno.invalid",
                content=charts.draw_png(chart, phrases.lang, phrases.timezone),
                caption=charts.caption(chart, phrases.lang, phrases.timezone),
                # The inliner writes angle brackets in attributes as they are: legal, but mail filters stumble over it.
                text=charts.describe(chart, phrases.lang, phrases.timezone).translate({ord("<"): "‹", ord(">"): "›"}),
            )
        begun = begins.get(placed.number)
        cards.append(_card(placed, phrases, picture, begins=phrases.text(f"page.{begun}") if begun else ""))
    return cards


def _card(placed: Placed, phrases: Phrases, picture: Picture | None, *, begins: str) -> MailCard:
    finding, narrative = placed.reported.finding, placed.reported.narrative
    claims = narrative.claims or (Claim(text=narrative.text, facts=(), part="what"),)
    seen = (
        phrases.text("page.seen", count=finding.times_seen, day=phrases.day(finding.first_seen))
        if finding.first_seen
        else phrases.text("page.seen_undated", count=finding.times_seen)
    )
    return MailCard(
        number=placed.number,
        title=phrases.type_title(finding.type),
        subject=finding.subject.label,
        monitor=placed.part.title,
        level=min(3, int(finding.priority // 25)),
        priority=phrases.number(finding.priority, 0),
        strangeness=phrases.number(finding.severity, 0),
        seen=seen,
        money="" if finding.exposure is None else phrases.money(finding.exposure, finding.currency),
        what=" ".join(claim.text for claim in claims if claim.part in {"what", "stake"}),
        cause=" ".join(claim.text for claim in claims if claim.part == "cause"),
        step=" ".join(claim.text for claim in claims if claim.part == "step"),
        begins=begins,
        triage_url=web_address(placed.reported.triage_url),
        picture=picture,
    )


def _still_open(digest: Digest, phrases: Phrases) -> str:
    """What follows the number of open findings: their money and the oldest one's night, in brackets."""
    money = [phrases.money(money.amount, money.currency) for money in digest.open_money]
    said = [phrases.text("page.still_open_money", money=phrases.enumeration(money))] if money else []
    if digest.oldest is not None:
        said.append(phrases.text("page.oldest", day=phrases.day(digest.oldest)))
    if digest.unseen:
        said.append(phrases.text("page.unseen", count=digest.unseen))
    return f" ({', '.join(said)})" if said else ""


def _logo(night: Night, message_id: str) -> Picture | None:
    logo = night.style.logo
    if logo is None or not logo.mailable:
        return None
    kind = logo.media_type.removeprefix("image/")
    return Picture(cid=f"logo.{_digest_of(message_id)}@sereno.invalid", content=logo.content, kind=kind)


def _fitting(
    cards: list[MailCard], logo: Picture | None, night: Night, digest: Digest, phrases: Phrases, report_name: str
) -> Body:
    """The mail's texts with as many findings as leave its HTML below the size that mail programs show whole."""
    while True:
        shown = {
            "night": night,
            "summary": summary(night),
            "digest": digest,
            "phrases": phrases,
            "t": phrases.text,
            "subject": subject(night),
            "cards": cards,
            "logo": logo,
            "more": len(digest.ordered) - len(cards),
            "report_name": report_name,
            "failed_checks": failed_checks,
            "still_open": _still_open(digest, phrases),
        }
        html = _INLINER.inline(
            printable(environment(markup=True, own=night.style.templates).get_template("mail.html").render(shown))
        )
        if len(html.encode()) < MOST_BYTES or not cards:
            break
        cards = cards[: len(cards) // 2]
    plain = printable(environment(markup=False, own=night.style.templates).get_template("mail.txt").render(shown))
    pictures = [logo, *(card.picture for card in cards)]
    return Body(plain, html, [picture for picture in pictures if picture])


def _fill(message: EmailMessage, body: Body, report: bytes, report_name: str) -> None:
    message.set_content(body.plain, cte="quoted-printable")
    message.add_alternative(body.html, subtype="html", cte="quoted-printable")
    page = message.get_body(("html",))
    if isinstance(page, EmailMessage):
        for picture in body.pictures:
            page.add_related(picture.content, "image", picture.kind, cid=f"<{picture.cid}>", disposition="inline")
    message.add_attachment(report, maintype="text", subtype="html", filename=report_name, params={"charset": "utf-8"})


def _first_line(text: str) -> str:
    """What stands before the first line break: whatever follows was meant to be another header."""
    return one_line("".join(text.splitlines()[:1]))


def _set_boundaries(message: EmailMessage, message_id: str) -> None:
    """Boundaries from the Message-ID: by default they are drawn at random."""
    multiparts = [part for part in message.walk() if part.is_multipart()]
    for at, part in enumerate(multiparts):
        part.set_boundary(f"=_sereno_{at}_{_digest_of(message_id)}")


def _digest_of(message_id: str) -> str:
    return hashlib.sha256(message_id.encode("utf-8", "replace")).hexdigest()[:32]

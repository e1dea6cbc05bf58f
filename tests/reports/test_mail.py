"""The mail: whole in every mail program, the same when sent again, and no header from a record."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from reports.contents import Night
from reports.digest import Digest
from reports.mail import MOST_BYTES, compose_mail, file_name, subject
from reports.page import render_page
from reports.summary import summary
from tests.reports.sample_night import (
    HOSTILE,
    broken_part,
    failed_part,
    finding,
    hostile_night,
    night_of,
    quiet_part,
    sample_night,
    told,
)

REPORT = b"<!DOCTYPE html><p>el informe</p>"


def composed(night: Night, **changed: Any) -> EmailMessage:
    given: dict[str, Any] = {
        "sender": "Sereno <sereno@example.org>",
        "recipient": "controller@example.org",
        "message_id": "<n1.controller@sereno.example.org>",
        "date": datetime(2026, 6, 1, 5, 30, tzinfo=UTC),
        "report": REPORT,
        "report_name": "sereno-2026-05-31.html",
    }
    return compose_mail(night, **(given | changed))


def received(night: Night, **changed: Any) -> EmailMessage:
    """The message as its recipient reads it."""
    message = message_from_bytes(composed(night, **changed).as_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_the_subject_says_the_number_and_the_money() -> None:
    assert subject(night_of(sample_night().parts[1])) == "Sereno 2026-05-31: 2 findings"
    assert (
        subject(sample_night("es"))
        == "Sereno 2026-05-31: 1 monitor ha fallado, 8 hallazgos (6 nuevos), 169.660,00 EUR y 14.200,50 USD en riesgo"
    )
    assert subject(night_of(quiet_part("en"))) == "Sereno 2026-05-31: all quiet, 3,105 records looked at"
    assert subject(night_of(quiet_part("en"), failed_part("en"))) == "Sereno 2026-05-31: 1 monitor failed"
    assert subject(night_of(quiet_part("en"), correction=2)).startswith("Sereno 2026-05-31: correction 2, all quiet")
    assert subject(night_of(data_date=None)) == "Sereno: nothing to look at"


def test_the_message_has_text_html_charts_and_the_whole_report() -> None:
    message = received(sample_night())
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "image/png", "image/png", "image/png", "text/html"]
    attached = [part for part in message.iter_attachments() if isinstance(part, EmailMessage)]
    assert [part.get_filename() for part in attached] == ["sereno-2026-05-31.html"]
    assert attached[0].get_payload(decode=True) == REPORT
    assert str(message["X-Sereno-Audit-Head"]).strip() == "a7d0" * 16
    assert "a7d0" * 16 in body(message, "plain")


def test_the_html_needs_nothing_but_the_message() -> None:
    message = received(sample_night())
    html = body(message, "html")
    shown = re.findall(r'src="cid:([^"]+)"', html)
    assert [f"<{cid}>" for cid in shown] == [part["Content-ID"] for part in message.walk() if part["Content-ID"]]
    assert len(shown) == 3
    assert not re.search(r"<svg|<style|<script|src=\"(?!cid:)|url\(", html)
    assert "javascript:" not in html
    assert len(re.findall(r'<img [^>]*alt="[^"]{40,}"', html)) == 3


def test_both_texts_tell_the_same_findings() -> None:
    message = received(sample_night())
    html, plain = body(message, "html"), body(message, "plain")
    for text in ("9 days earlier", "Compare both invoices", "48,200.00\u00a0EUR", "cards.csv: no column"):
        assert text in html.replace("&nbsp;", "\u00a0")
        assert text in plain
    assert "34 more findings are in the attached report." in plain


def test_a_quiet_night_is_one_line_that_proves_the_look() -> None:
    plain = body(received(night_of(quiet_part("en"))), "plain")
    assert "A quiet night. Nothing needs you today." in plain
    assert "Looked at 3,105 records against 98,000 records of history, with 2 checks." in plain


def test_a_failed_night_is_not_called_quiet() -> None:
    for kind in ("plain", "html"):
        said = re.sub("<[^>]*>", "", body(received(night_of(failed_part("en"))), kind))
        assert "Card transactions: failed" in said
        assert "quiet" not in said


def test_a_night_of_broken_data_says_so_and_is_not_called_quiet() -> None:
    night = night_of(broken_part("en"))
    assert subject(night) == "Sereno 2026-05-31: data of 1 monitor broken"
    for said in (body(received(night), "plain"), re.sub("<[^>]*>", "", body(received(night), "html"))):
        assert "Incoming invoices: data broken" in said
        assert "310 records where 3,000 to 3,400 are usual" in said
        assert "The data of Incoming invoices is broken, so statistics did not run on it." in said
        assert "othing needs you" not in said
    page = render_page(night_of(broken_part("es")).model_copy(update={"lang": "es"}))
    assert "Los datos de 1 monitor están dañados" in page
    assert "no todo se ha podido mirar" in page


def test_what_is_still_open_comes_with_its_money_and_its_oldest_night() -> None:
    message = received(sample_night())
    said = "2 still open (with 91,250.00\u00a0EUR, oldest since 12 May 2026, 1 not seen tonight)"
    assert said in body(message, "plain")
    assert said in body(message, "html").replace("&nbsp;", "\u00a0")


def test_what_is_new_comes_first_and_is_counted_in_the_subject() -> None:
    """Whoever reads the mail every morning knows the rest."""
    night = sample_night()
    digest = Digest(night)
    assert 0 < len(digest.fresh) < len(digest.mailed)
    assert f"{len(digest.mailed)} findings ({len(digest.fresh)} new)" in subject(night)
    plain = body(received(night), "plain")
    assert plain.index("New since the last night") < plain.index("Still open from earlier nights")
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", plain, re.MULTILINE)]
    known = [placed.number for placed in digest.mailed if placed not in digest.fresh]
    assert numbers == [*(placed.number for placed in digest.fresh), *known]


def test_on_a_first_night_nothing_is_called_new() -> None:
    part = sample_night().parts[0]
    first = [
        each.model_copy(update={"finding": each.finding.model_copy(update={"times_seen": 1})}) for each in part.findings
    ]
    update = {"findings": tuple(first), "new": len(first), "still_open": 0, "unseen": 0, "ended": 0}
    night = night_of(part.model_copy(update=update))
    assert Digest(night).fresh == ()
    assert " new)" not in subject(night)
    assert "new" not in " ".join(summary(night)).replace("new party", "")


def test_sent_again_it_is_the_same_message() -> None:
    assert composed(sample_night()).as_bytes() == composed(sample_night()).as_bytes()
    assert composed(sample_night()).as_bytes() != composed(sample_night(), message_id="<n2@example.org>").as_bytes()


def test_nothing_becomes_a_header() -> None:
    names = set(received(sample_night()).keys())
    injection = "x\r\nBcc: thief@example.org\nX-Evil: 1"
    message = received(
        hostile_night(), sender=injection, recipient=injection, message_id=f"<a@b>{injection}", report_name=injection
    )
    assert set(message.keys()) == names
    assert all("\n" not in str(value) and "\r" not in str(value) for value in message.values())
    assert "thief@example.org" not in [address.addr_spec for address in message["To"].addresses]


def test_hostile_names_stay_text() -> None:
    html = body(received(hostile_night()), "html")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", html.replace("\r\n", "\n"))


def test_the_html_stays_below_what_mail_programs_show_whole() -> None:
    many = tuple(
        told(finding("round_amount", id=f"{at:012x}"), "en", ("what", "ñ" * 1400, ()), ("step", "€" * 500, ()))
        for at in range(60)
    )
    message = received(night_of(quiet_part("en").model_copy(update={"findings": many})))
    html = body(message, "html")
    assert len(html.encode()) < MOST_BYTES
    told_of = html.count("Priority ")
    assert told_of >= 5
    assert f"{60 - told_of} more findings are in the attached report." in html


def test_a_file_name_has_no_path_and_no_line_break() -> None:
    assert file_name('../etc/\r\n"x".html') == "-etc- -x-.html"
    assert file_name("...") == "sereno-report.html"
    assert "\n" not in file_name(HOSTILE)


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        composed(sample_night(), date=datetime(2026, 6, 1, 5, 30))  # noqa: DTZ001

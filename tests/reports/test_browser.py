"""Report, archive and mail in a real browser: nothing is fetched, nothing overflows, everybody can read it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from reports.archive import ArchivedMonitor, ArchivedNight, render_archive
from reports.contents import Lang, Night
from reports.mail import compose_mail
from reports.page import render_page
from tests.reports.sample_night import hostile_night, sample_night

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
DESKTOP, PHONE = {"width": 1200, "height": 900}, {"width": 360, "height": 740}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


def archive(lang: Lang) -> str:
    monitors = (
        ArchivedMonitor(name="ledger", status="done", records=4_000, mailed=3, new=1, money={"EUR": Decimal(900)}),
        ArchivedMonitor(name="plant", status="failed"),
    )
    days = [date(2026, 1, 20) + timedelta(days=at) for at in range(30)]
    nights = [ArchivedNight(data_date=day, report=f"{day}.html", monitors=monitors) for day in days]
    return render_archive(nights, title="Company", lang=lang, version="1.0")


def mail(night: Night) -> str:
    message = compose_mail(
        night,
        sender="sereno@example.com",
        recipient="reader@example.com",
        message_id="<1@example.com>",
        date=datetime(2026, 1, 1, tzinfo=UTC),
        report=b"",
        report_name="report.html",
    )
    part = message.get_body(("html",))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def pages() -> dict[str, str]:
    return {
        "report-en": render_page(sample_night("en")),
        "report-es": render_page(sample_night("es")),
        "report-hostile": render_page(hostile_night()),
        "archive-en": archive("en"),
        "archive-es": archive("es"),
    }


@pytest.fixture(scope="module", params=list(pages()))
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    path.write_text(pages()[request.param], encoding="utf-8")
    return path


def opened(browser: Any, path: Path, **how: Any) -> tuple[Any, list[str]]:
    """The page, and every address that it asked for besides itself."""
    context = browser.new_context(**how)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return page, [address for address in asked if address != path.as_uri() and not address.startswith("data:")]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_page_fetches_nothing_fits_and_is_accessible(
    browser: Any, written: Path, viewport: dict[str, int], colours: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page, asked = opened(browser, written, viewport=viewport, color_scheme=colours)
    assert asked == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    found = Axe().run(page).response["violations"]
    serious = [
        (each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in {"serious", "critical"}
    ]
    assert serious == []
    page.context.close()


def test_every_anchor_leads_somewhere_and_prints(browser: Any, written: Path) -> None:
    page, _ = opened(browser, written, viewport=DESKTOP)
    missing = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(name => !document.getElementById(name))"
    )
    assert missing == []
    twice = page.evaluate(
        "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, at, all) => all.indexOf(id) !== at)"
    )
    assert twice == []
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]
    assert page.pdf().startswith(b"%PDF")
    page.context.close()


def test_text_from_records_stays_text(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(render_page(hostile_night()), encoding="utf-8")
    page, _ = opened(browser, path, viewport=DESKTOP)
    assert page.evaluate("document.scripts.length") == 0
    handlers = "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on')))"
    assert page.evaluate(f"{handlers}.length") == 0
    page.context.close()


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_mail_fits_a_phone_and_fetches_nothing(
    browser: Any, tmp_path: Path, lang: Lang, viewport: dict[str, int]
) -> None:
    path = tmp_path / "mail.html"
    path.write_text(mail(sample_night(lang)), encoding="utf-8")
    page, asked = opened(browser, path, viewport=viewport)
    assert [address for address in asked if not address.startswith("cid:")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.context.close()

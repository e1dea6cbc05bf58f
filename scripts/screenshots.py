"""The README's pictures: the report of a demo workspace, at a desk, on a phone and as the mail.

Usage: python scripts/screenshots.py WORKSPACE FOLDER
"""

from __future__ import annotations

import sys
from email import message_from_bytes, policy
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main(workspace: Path, folder: Path) -> None:
    """Take the pictures into `folder`."""
    report = max((workspace / "archive").glob("????-??-??*.html"), key=lambda path: path.stat().st_mtime)
    mail = max((workspace / "outbox").glob("*.eml"), key=lambda path: path.stat().st_size)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=BROWSER_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1200, "height": 1500})
        take(page, report, folder / "report.png")
        page.set_viewport_size({"width": 390, "height": 844})
        take(page, report, folder / "report-phone.png")
        page.set_viewport_size({"width": 640, "height": 900})
        take(page, mail_page(mail, Path(scratch)), folder / "mail.png")
        browser.close()


def take(page: Page, path: Path, picture: Path) -> None:
    """One screenshot of the top of a page."""
    page.goto(path.resolve().as_uri())
    page.screenshot(path=picture)
    print(picture)


def mail_page(mail: Path, scratch: Path) -> Path:
    """The mail's HTML part as a file, its inline images beside it."""
    message = message_from_bytes(mail.read_bytes(), policy=policy.default)
    html = message.get_body(("html",))
    if html is None:
        raise SystemExit(f"{mail}: no HTML part")
    text = html.get_content()
    for part in message.walk():
        image = part.get_payload(decode=True)
        if (identifier := part.get("Content-ID")) and isinstance(image, bytes):
            name = identifier.strip("<>").replace("/", "-")
            (scratch / f"{name}.png").write_bytes(image)
            text = text.replace(f"cid:{identifier.strip('<>')}", f"{name}.png")
    (scratch / "mail.html").write_text(text, encoding="utf-8")
    return scratch / "mail.html"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""A workspace's own look and wording: used where it is right, refused with file and line where it is not."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analyzers.errors import MonitorError
from flows.house_style import read_style
from flows.workspace import Workspace
from reports.archive import render_archive
from reports.colours import contrast
from reports.mail import compose_mail
from reports.page import render_page
from tests.reports.sample_night import sample_night

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def workspace(folder: Path, settings: str = "", files: dict[str, str | bytes] | None = None) -> Workspace:
    (folder / "sereno.yaml").write_text(f"name: Acme\n{settings}", encoding="utf-8")
    for name, content in (files or {}).items():
        path = folder / "report" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Workspace.open(folder)


def test_wording_logo_colour_and_templates_are_the_houses_own(tmp_path: Path) -> None:
    own = workspace(
        tmp_path,
        'report:\n  logo: report/logo.png\n  accent: "#7a1f5c"\n',
        {
            "logo.png": PNG,
            "texts.en.yaml": (
                "page:\n  footer: Internal to Acme.\n  records: {other: '{count} lines'}\n"
                "types:\n  duplicate_payment: Paid twice?\n"
            ),
            "templates/page/method.html": "<section id=method><h2>Acme's method for {{ night.title }}</h2></section>",
        },
    )
    style = read_style(own)
    night = sample_night().model_copy(update={"style": style, "lang": "en"})
    page = render_page(night)
    assert "Internal to Acme." in page
    assert re.search(r"[\d,]+ lines", page)
    assert "Paid twice?" in page
    assert "--accent: #7a1f5c" in page
    assert 'src="data:image/png;base64,' in page
    assert "Acme&#39;s method" not in page
    assert "Acme's method for" in page

    mail = compose_mail(
        night,
        sender="a@example.com",
        recipient="b@example.com",
        message_id="<1@example.com>",
        date=datetime(2026, 1, 1, tzinfo=UTC),
        report=page.encode(),
        report_name="report.html",
    )
    html = mail.get_body(("html",))
    assert html is not None
    assert "#7a1f5c" in html.get_content()
    logo = re.search(r"cid:(logo\.[^\"]+)", html.get_content())
    assert logo
    assert any(part.get("Content-ID") == f"<{logo[1]}>" for part in mail.walk())
    assert "Internal to Acme." in render_archive([], title="Acme", lang="en", version="1", style=style)


def test_without_overrides_everything_is_as_shipped(tmp_path: Path) -> None:
    style = read_style(workspace(tmp_path))
    night = sample_night()
    assert render_page(night.model_copy(update={"style": style})) == render_page(night)


@pytest.mark.parametrize(
    ("settings", "files", "said"),
    [
        ("", {"texts.en.yaml": "page:\n  fotter: x\n"}, r"texts.en.yaml:2: page.fotter: .*did you mean 'page.footer'"),
        ("", {"texts.en.yaml": "page:\n  created: 'at {when}'\n"}, r":2: page.created: unknown \{when\}"),
        ("", {"texts.en.yaml": "page:\n  footer: '{'\n"}, r":2: page.footer: a brace is not closed"),
        ("", {"texts.en.yaml": "page:\n  footer: 3\n"}, r":2: page.footer: write a text in quotes"),
        ("", {"texts.en.yaml": "types:\n  duplicate_paymnt: x\n"}, r"did you mean 'duplicate_payment'"),
        ("", {"templates/page/footer.html": "x"}, r"no such template"),
        ("", {"templates/page.html": "{% if %}"}, r"page.html:1: "),
        ("", {"templates/page.html": b"\xff"}, r"cannot be read as UTF-8"),
        ("report: {logo: report/logo.png}\n", {"logo.png": b"GIF89a"}, r"neither PNG nor JPEG nor SVG"),
        ("report: {logo: report/logo.png}\n", {"logo.png": PNG * 9_000}, r"at most 200 kB"),
        ("report: {logo: report/none.png}\n", {}, r"the logo cannot be read"),
        ("report: {accent: '#ffee00'}\n", {}, r"too pale for text"),
        ("report: {accent: blue}\n", {}, r"not a colour"),
    ],
)
def test_a_mistake_is_named_before_the_night(
    tmp_path: Path, settings: str, files: dict[str, str | bytes], said: str
) -> None:
    with pytest.raises(MonitorError, match=said):
        read_style(workspace(tmp_path, settings, files))


def test_a_template_of_the_houses_own_reaches_nothing_but_what_it_is_given(tmp_path: Path) -> None:
    reaching = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    style = read_style(workspace(tmp_path, files={"templates/page/method.html": reaching}))
    with pytest.raises(Exception, match="unsafe"):
        render_page(sample_night().model_copy(update={"style": style}))


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)

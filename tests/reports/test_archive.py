"""The archive's page: every report linked, money kept apart by currency, gaps and failures visible."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from reports.archive import ArchivedMonitor, ArchivedNight, render_archive
from reports.contents import Lang

FIRST = date(2026, 1, 30)


def night(day: date, **changes: object) -> ArchivedNight:
    monitor = ArchivedMonitor(
        name="ledger",
        status="done",
        records=4_000,
        findings=5,
        mailed=3,
        new=1,
        money={"EUR": Decimal("1200.50"), "USD": Decimal(80)},
    )
    given = {"data_date": day, "report": f"{day}.html", "monitors": (monitor,), **changes}
    return ArchivedNight.model_validate(given)


def page(*nights: ArchivedNight, lang: Lang = "en", title: str = "Company") -> str:
    return render_archive(nights, title=title, lang=lang, version="1.0")


@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_report_is_linked_newest_first_and_by_month(lang: Lang) -> None:
    said = page(*(night(FIRST + timedelta(days=i)) for i in range(5)), lang=lang)
    links = re.findall(r'href="(\d{4}-\d\d-\d\d\.html)"', said)
    assert links == [f"{FIRST + timedelta(days=i)}.html" for i in reversed(range(5))]
    assert said.count("<details") == 2
    assert said.count("<details open") == 1


def test_currencies_stay_apart_and_each_has_its_trend() -> None:
    said = page(night(FIRST), night(FIRST + timedelta(days=1)))
    assert "1,200.50\N{NO-BREAK SPACE}EUR<br>80.00\N{NO-BREAK SPACE}USD" in said
    assert said.count("<svg") == 3
    assert "Money at risk a night (USD)" in said


def test_a_failed_monitor_shows_in_the_row_and_in_the_trend() -> None:
    broken = night(FIRST, monitors=(ArchivedMonitor(name="plant", status="failed"),))
    said = page(broken, night(FIRST + timedelta(days=1)))
    assert re.search(r'plant.*<strong class="worry">failed', said)
    assert "On 1 night a monitor failed." in said


def test_one_night_has_no_trend_and_none_says_so() -> None:
    assert "<svg" not in page(night(FIRST))
    assert "No report yet." in page()


def test_a_date_told_again_counts_once_in_the_trend() -> None:
    again = night(FIRST, report=f"{FIRST}-2.html", correction=1)
    said = page(night(FIRST), again, night(FIRST + timedelta(days=1)))
    assert "2 nights from" in said
    assert said.index(f"{FIRST}-2.html") < said.index(f'"{FIRST}.html')


def test_names_are_escaped_and_nothing_comes_from_elsewhere() -> None:
    hostile = '"><script>alert(1)</script>'
    odd = night(FIRST, report='2026-01-30"x.html', monitors=(ArchivedMonitor(name=hostile, status="done"),))
    said = page(odd, night(FIRST + timedelta(days=1)), title=hostile)
    assert "<script" not in said
    assert 'href="2026-01-30%22x.html"' in said
    assert not re.search(r'(?:src|href)="(?:https?:)?//', said)

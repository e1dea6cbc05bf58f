"""The archive: all nights on one static page, with the trend over them. It works without a server and without script.

Reports stand beside it, so its links are plain file names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Literal
from urllib.parse import quote

from markupsafe import Markup
from pydantic import Field

from analyzers.results import Frozen
from reports.charts.nights import TREND_NIGHTS, trend_svg
from reports.contents import Lang
from reports.house_style import HouseStyle
from reports.phrases import Phrases, printable
from reports.templating import environment


class ArchivedMonitor(Frozen):
    """What one monitor's run came to on one night."""

    name: str
    status: Literal["done", "failed", "skipped"]
    records: int = 0
    findings: int = 0
    mailed: int = 0
    """Findings within the budget."""
    new: int = 0
    """Findings that no earlier date had raised."""
    money: dict[str, Decimal] = Field(default_factory=dict)
    """Money at risk in the findings within the budget, per currency; "" where none is named."""


class ArchivedNight(Frozen):
    """One report and the runs that it tells about."""

    data_date: date
    report: str
    """The file's name in the archive."""
    correction: int = 0
    monitors: tuple[ArchivedMonitor, ...] = ()
    exports: tuple[str, ...] = ()
    """Names of the files beside the report that hold its findings."""
    replaced: bool = False
    """Whether a correction took its place: it is kept, and no longer counts."""

    @property
    def findings(self) -> int:
        """Findings within the budget."""
        return sum(monitor.mailed for monitor in self.monitors)

    @property
    def new(self) -> int:
        """Findings that no earlier date had raised."""
        return sum(monitor.new for monitor in self.monitors)

    @property
    def records(self) -> int:
        """Records looked at."""
        return sum(monitor.records for monitor in self.monitors)

    @property
    def failed(self) -> tuple[str, ...]:
        """Monitors that failed: what they watch was not looked at."""
        return tuple(monitor.name for monitor in self.monitors if monitor.status == "failed")

    @property
    def money(self) -> dict[str, Decimal]:
        """Money at risk per currency, by its code; never summed across currencies."""
        sums: dict[str, Decimal] = {}
        for monitor in self.monitors:
            for currency, amount in monitor.money.items():
                sums[currency] = sums.get(currency, Decimal(0)) + amount
        return dict(sorted(sums.items()))

    @property
    def export_links(self) -> list[tuple[str, str]]:
        """Kind and link of each export: `csv` and where it is."""
        return [(name.rpartition(".")[2], quote(name)) for name in self.exports]

    @property
    def address(self) -> str:
        """The report as a link beside the page."""
        return quote(self.report)


def render_archive(
    nights: Sequence[ArchivedNight], *, title: str, lang: Lang, version: str, style: HouseStyle | None = None
) -> str:
    """The page `index.html` of the archive: newest night first, months apart, the newest one open."""
    style = style or HouseStyle()
    phrases = Phrases(lang, style=style)
    ordered = sorted(nights, key=lambda night: (night.data_date, night.correction, night.report), reverse=True)
    shown = {
        "title": title,
        "style": style,
        "lang": lang,
        "version": version,
        "nights": ordered,
        "months": list(_months(ordered, phrases)),
        "trends": list(_trends(ordered, phrases)),
        "phrases": phrases,
        "t": phrases.text,
    }
    return printable(environment(markup=True, own=style.templates).get_template("archive.html").render(shown))


def _months(ordered: Sequence[ArchivedNight], phrases: Phrases) -> Iterator[tuple[str, list[ArchivedNight]]]:
    for (year, month), nights in groupby(ordered, key=lambda night: (night.data_date.year, night.data_date.month)):
        yield phrases.month(date(year, month, 1)), list(nights)


def _trends(ordered: Sequence[ArchivedNight], phrases: Phrases) -> Iterator[tuple[str, Markup]]:
    """Name and drawing of each trend: findings, and money in each currency, by the newest report of the last dates."""
    newest = {night.data_date: night for night in reversed(ordered) if not night.replaced}
    dates = sorted(newest)[-TREND_NIGHTS:]
    if len(dates) < 2:
        return
    chosen = [newest[day] for day in dates]
    failed = [bool(night.failed) for night in chosen]
    counts = [float(night.findings) for night in chosen]
    name = phrases.text("archive.trend_findings")
    yield name, _drawn(name, dates, counts, failed, phrases, "trend")
    for number, currency in enumerate(sorted({code for night in chosen for code in night.money}), start=1):
        amounts = [float(night.money.get(currency, Decimal(0))) for night in chosen]
        name = phrases.text("archive.trend_money", currency=currency or phrases.text("page.no_money"))
        yield name, _drawn(name, dates, amounts, failed, phrases, f"trend-{number}")


def _drawn(
    name: str, dates: Sequence[date], values: Sequence[float], failed: Sequence[bool], phrases: Phrases, prefix: str
) -> Markup:
    drawing = trend_svg(name, dates, values, failed, phrases, prefix=prefix)
    return Markup(drawing)  # noqa: S704 - drawn by our own code, which escapes its texts

"""Entities at risk, as the page lists them: by falling risk, with the trend of the last nights."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from analyzers.results import EntityRisk
from reports.charts.sparkline import sparkline
from reports.contents import MonitorPart, Night
from reports.digest import Money
from reports.phrases import Phrases

MOST_ENTITIES = 20
_STEADY = 5.0
"""Points by which a risk must differ from the night before to be called rising or falling."""


@dataclass(frozen=True)
class EntityRow:
    """One entity at risk."""

    part: MonitorPart
    risk: EntityRisk
    trend: Markup
    """Empty on its first night, which has no trend yet."""
    direction: str
    """`new`, `rising`, `falling` or `steady`."""
    money: tuple[Money, ...]


def entity_rows(night: Night, phrases: Phrases) -> tuple[EntityRow, ...]:
    """The entities of all monitors by falling risk, at most `MOST_ENTITIES`."""
    pairs = [(part, risk) for part in night.parts for risk in part.entities]
    pairs.sort(key=lambda pair: (-pair[1].risk, pair[0].monitor, pair[1].column, pair[1].entity))
    return tuple(_row(part, risk, phrases) for part, risk in pairs[:MOST_ENTITIES])


def direction(risk: EntityRisk) -> str:
    """Whether the risk is new, rises, falls or stays, against the night before."""
    earlier = [night.risk for night in risk.nights[:-1]]
    if not any(earlier):
        return "new"
    if abs(risk.risk - earlier[-1]) < _STEADY:
        return "steady"
    return "rising" if risk.risk > earlier[-1] else "falling"


def _row(part: MonitorPart, risk: EntityRisk, phrases: Phrases) -> EntityRow:
    values = [night.risk for night in risk.nights] or [risk.risk]
    said = phrases.text(
        "page.trend_text",
        count=len(values),
        first=phrases.number(values[0], 0),
        last=phrases.number(values[-1], 0),
        most=phrases.number(max(values), 0),
    )
    drawn = sparkline(values, text=said) if len(values) > 1 else ""
    drawing = Markup(drawn)  # noqa: S704 - drawn by our own code, which escapes its text
    money = tuple(Money(amount, currency or None) for currency, amount in sorted(risk.exposure.items()))
    return EntityRow(part, risk, drawing, direction(risk), money)

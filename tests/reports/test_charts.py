"""Charts: drawn small, calm and the same every time; told in words that say the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.results import Chart, DigitsChart, PeersChart, SeriesChart, WeeksChart
from reports import charts
from reports.charts.series import MOST_POINTS, _thinned
from reports.phrases import NBSP
from tests.reports.sample_night import HOSTILE, control_chart, digits_chart, peers_chart, series_chart

ALL: list[Chart] = [series_chart(), control_chart(), peers_chart(), peers_chart(count=22), digits_chart()]
SMALL = 15_000
finite = st.floats(-1e12, 1e12)


@pytest.mark.parametrize("chart", ALL, ids=["series", "control", "peers", "few peers", "digits"])
def test_a_drawing_is_small_whole_and_always_the_same(chart: Chart) -> None:
    drawing = charts.draw_svg(chart, "es", "Europe/Madrid", prefix="a")
    assert drawing == charts.draw_svg(chart, "es", "Europe/Madrid", prefix="a")
    assert len(drawing.encode()) < SMALL
    root = ElementTree.fromstring(drawing)
    assert root.get("role") == "img"
    assert root[0].text == charts.caption(chart, "es", "Europe/Madrid")
    assert root[1].text == charts.describe(chart, "es", "Europe/Madrid")
    assert "var(--chart-line, #1d5c96)" in drawing
    assert "metadata" not in drawing


def test_ids_of_two_drawings_never_meet() -> None:
    found = [re.findall(r'\bid="([^"]+)"', charts.draw_svg(series_chart(), "en", prefix=name)) for name in ("a", "b")]
    assert len(found[0]) == len(set(found[0])) > 2
    assert not set(found[0]) & set(found[1])


def test_references_within_a_drawing_resolve() -> None:
    for chart in ALL:
        drawing = charts.draw_svg(chart, "en", prefix="a")
        named = set(re.findall(r'\bid="([^"]+)"', drawing))
        assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', drawing)) <= named


@pytest.mark.parametrize("chart", ALL, ids=["series", "control", "peers", "few peers", "digits"])
def test_the_picture_for_mail_is_a_png_and_always_the_same(chart: Chart) -> None:
    picture = charts.draw_png(chart, "en", "Europe/Madrid")
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(picture[16:20], "big") == 920
    assert picture == charts.draw_png(chart, "en", "Europe/Madrid")


def test_no_text_of_a_record_enters_the_drawing_itself() -> None:
    for chart in (
        peers_chart().model_copy(update={"feature": HOSTILE, "peers_label": HOSTILE, "unit": HOSTILE}),
        series_chart().model_copy(update={"feature": HOSTILE, "unit": HOSTILE}),
    ):
        root = ElementTree.fromstring(charts.draw_svg(chart, "en", prefix="a"))
        drawn = "".join(text for element in root[2:] for text in element.itertext())
        assert "alert" not in drawn
        assert "alert" in (root[1].text or "")
        charts.draw_png(chart, "en")


def test_a_series_is_told_with_its_extremes_and_episode() -> None:
    chart = series_chart()
    said = charts.describe(chart, "en", "Europe/Madrid")
    readings = [value for value in chart.actual if value is not None]
    outside = sum(
        value is not None and low is not None and high is not None and not low <= value <= high
        for value, low, high in zip(chart.actual, chart.low, chart.high, strict=True)
    )
    assert f"{min(readings):.3f} mm/s".replace(" ", "\u00a0") in said
    assert f"{outside} of {len(readings)} points" in said
    assert said.endswith("still lasts.")
    ended = charts.describe(series_chart(end=chart.times[-1]), "es", "Europe/Madrid")
    assert "El episodio va del" in ended


def test_peers_are_told_with_their_middle_and_share() -> None:
    chart = PeersChart(
        feature="amount", unit="EUR", actual=90.0, peers=tuple(float(i) for i in range(1, 102)), peers_label="Acme"
    )
    said = charts.describe(chart, "en")
    assert "median 51.00\u00a0EUR, usual range 11.00\u00a0EUR to 91.00\u00a0EUR" in said
    assert "88\u00a0% of them are lower" in said


def test_digits_are_told_with_the_largest_excess() -> None:
    assert "the largest excess is at 49" in charts.describe(digits_chart(), "en")
    assert "12.480 importes" in charts.describe(digits_chart(), "es")


def test_times_are_drawn_in_the_reader_s_zone() -> None:
    start = datetime(2026, 5, 30, 22, 0, tzinfo=UTC)
    times = tuple(start + timedelta(minutes=minute) for minute in range(0, 360, 5))
    flat = tuple(1.0 for _ in times)
    chart = SeriesChart(feature="flow", times=times, actual=flat, low=flat, high=flat, start=times[9])
    drawn = charts.draw_svg(chart, "en", "Europe/Madrid", prefix="a")
    assert ">31 May<" in drawn
    assert ">00:00<" in drawn
    assert "30 May" in charts.draw_svg(chart, "en", "UTC", prefix="a")


EMPTY: list[Chart] = [
    series_chart().model_copy(update={"actual": (None,) * 400}),
    control_chart().model_copy(update={"values": (), "times": ()}),
    peers_chart().model_copy(update={"peers": ()}),
    peers_chart().model_copy(update={"actual": float("nan")}),
    DigitsChart(digits=(), observed=(), expected=(), count=0),
]


@pytest.mark.parametrize("chart", EMPTY, ids=["series", "control", "peers", "no value", "digits"])
def test_a_chart_with_nothing_to_draw_says_so(chart: Chart) -> None:
    assert charts.is_empty(chart)
    assert charts.describe(chart, "en")
    assert ElementTree.fromstring(charts.draw_svg(chart, "en", prefix="a")).get("role") == "img"


@settings(max_examples=15, deadline=None)
@given(actual=finite, peers=st.lists(finite, min_size=1, max_size=60))
def test_any_values_can_be_drawn(actual: float, peers: list[float]) -> None:
    chart = PeersChart(feature="x", actual=actual, peers=tuple(peers), peers_label="y")
    assert ElementTree.fromstring(charts.draw_svg(chart, "en", prefix="a")).tag.endswith("svg")


@settings(max_examples=20, deadline=None)
@given(values=st.lists(finite | st.just(float("nan")), min_size=MOST_POINTS + 1, max_size=700))
def test_thinning_keeps_both_extremes(values: list[float]) -> None:
    actual = np.array(values)
    kept = _thinned(actual)
    assert len(kept) <= MOST_POINTS + 2
    assert (np.diff(kept) > 0).all()
    if np.isfinite(actual).any():
        assert np.nanmin(actual[kept]) == np.nanmin(actual)
        assert np.nanmax(actual[kept]) == np.nanmax(actual)


def test_weeks_tell_their_usual_number_and_the_value_that_changed() -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    chart = WeeksChart(
        label="C20176",
        weeks=tuple(start + timedelta(days=7 * at) for at in range(10)),
        counts=(4, 5, 4, 6, 5, 4, 5, 5, 4, 5),
        low=4.0,
        high=5.0,
        start=start + timedelta(days=7 * 7),
        value="Sur <b>",
        with_value=(0, 0, 0, 0, 0, 0, 0, 4, 4, 5),
    )
    said = charts.describe(chart, "en")
    assert "C20176" in said
    assert "4 to 5 are usual" in said
    assert "stands in 13 of them, 13 of these since then" in said
    assert "Sur <b>" not in charts.draw_svg(chart, "es")
    assert charts.is_empty(chart.model_copy(update={"counts": (0,) * 10, "with_value": ()}))


def test_a_control_chart_tells_its_limits_and_what_lies_beyond() -> None:
    chart = control_chart()
    beyond = sum(value >= chart.limit for value in chart.values)
    said = charts.describe(chart, "en", "Europe/Madrid")
    assert "CUSUM" in said
    assert "limits at plus and minus 8.4 deviations, the textbook's at 5.0" in said
    assert f"{beyond} of 300 points lie beyond the limits" in said
    assert "still lasts" in said
    assert charts.caption(chart, "es") == f"CUSUM de vibration_de, subgrupos de 1{NBSP}h, con sus límites"
    drawing = charts.draw_svg(chart, "en")
    assert "textbook limit" in drawing
    assert "vibration_de" not in drawing[drawing.index("</desc>") :]

"""The page: complete, self-contained, in order, safe whatever the records say."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest
import yaml

from analyzers.results import Check, CheckStatus, Guarantee, GuaranteeKind
from reports.contents import Mode, ModelNote, Night
from reports.page import MOST_APPENDIX, MOST_CARDS, MOST_CHARTS, render_page
from tests.reports.sample_night import (
    MIDNIGHT,
    failed_part,
    finding,
    hostile_night,
    night_of,
    peers_chart,
    quiet_part,
    sample_night,
    told,
)

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Outline(HTMLParser):
    """What a browser would make of a page: elements in order, ids, links, headings, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.headings: list[int] = []
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags[tag] += 1
        self.attributes |= set(given)
        if identity := given.get("id"):
            self.ids[identity] += 1
        if tag == "a":
            self.links.append(given.get("href") or "")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.text).split())


def outline(night: Night) -> Outline:
    return Outline(render_page(night))


@pytest.mark.parametrize("night", [sample_night("en"), sample_night("es"), hostile_night("en"), hostile_night("es")])
def test_the_page_is_whole_and_asks_for_nothing(night: Night) -> None:
    page = render_page(night)
    seen = Outline(page)
    assert seen.open == []
    assert [name for name, times in seen.ids.items() if times > 1] == []
    assert {link[1:] for link in seen.links if link.startswith("#")} <= set(seen.ids)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(seen.tags)
    assert not {name for name in seen.attributes if name.startswith("on") or name == "src"}
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\((?!#)", page)
    assert render_page(night) == page


def test_headings_and_landmarks_are_in_order() -> None:
    seen = outline(sample_night())
    assert seen.headings[0] == 1
    assert seen.headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(seen.headings, seen.headings[1:], strict=False))
    assert seen.tags["main"] == 1
    assert {"header", "nav", "footer"} <= set(seen.tags)


_SECTIONS = ("today", "matrix", "findings", "entities", "appendix", "quality", "method")


def test_sections_come_in_the_order_in_which_they_are_needed() -> None:
    page = render_page(sample_night())
    places = [page.index(f'id="{name}"') for name in _SECTIONS]
    assert places == sorted(places)


def test_findings_come_by_priority() -> None:
    page = render_page(sample_night())
    titles = re.findall(r'class="number"><span class="unseen">Finding </span>(\d+)</span>', page)
    assert titles == [str(number) for number in range(1, 9)]
    assert page.index("48,200.00") < page.index("29,350.00") < page.index("860.00")


def test_money_is_never_summed_across_currencies() -> None:
    said = outline(sample_night()).said
    assert "169,660.00 EUR" in said
    assert "14,200.50 USD" in said
    assert "183,860" not in said


def test_money_that_can_be_stopped_and_expected_loss_stand_beside_what_is_at_risk() -> None:
    said = outline(sample_night()).said
    assert "48,200.00 EUR can still be stopped" in said
    assert "expected loss 32,100.00 EUR, from 1 finding of a kind with enough verdicts" in said
    assert "with 91,250.00 EUR oldest since 12 May 2026" in said
    first = said[said.index("By priority, which") :][:600]
    assert "48,200.00 EUR at risk expected loss 32,100.00 EUR" in first
    assert "can still be stopped" in first
    parts = tuple(part.model_copy(update={"findings": part.findings[1:]}) for part in sample_night().parts)
    assert "expected loss" not in outline(sample_night().model_copy(update={"parts": parts})).said


def test_a_card_tells_similar_earlier_findings_and_what_was_decided() -> None:
    said = outline(sample_night()).said
    assert "Similar earlier findings: 14 confirmed, 1 accepted, 16 false positives" in said
    assert "12 of 14 like this were false alarms" in said
    assert "14 Apr 2026, 39,100.00 EUR: confirmed (15 Apr 2026), “ paid twice, money is back ”" in said.replace(
        "\xa0", " "
    )
    assert "20 May 2026: not judged yet" in said
    assert "Hallazgos anteriores parecidos: 14 confirmados" in outline(sample_night("es")).said


def test_each_cell_of_the_matrix_leads_to_all_its_findings() -> None:
    part = sample_night().parts[0]
    many = tuple(
        reported.model_copy(update={"finding": reported.finding.model_copy(update={"id": f"{at:012x}"})})
        for at, reported in enumerate([part.findings[0]] * 30)
    )
    page = render_page(sample_night().model_copy(update={"parts": (part.model_copy(update={"findings": many}),)}))
    matrix = page[page.index('id="matrix"') : page.index('class="index"', page.index('id="matrix"'))]
    assert len(set(re.findall(r'href="#(f\d+-[0-9a-f]+)"', matrix))) == 30
    assert "24 more findings" in matrix


def test_each_claim_cites_its_facts_and_only_those() -> None:
    page = render_page(sample_night())
    cited = re.findall(r"was posted on a Sunday\.</bdi>((?:<sup>.*?</sup>)+)", page)
    assert re.findall(r'aria-label="Evidence (\d)"', cited[0]) == ["2", "3"]
    guess = page[page.index("The invoice may have been entered") :]
    assert not guess[: guess.index("</p>")].count("<sup>")


def test_only_web_addresses_become_triage_links() -> None:
    links = outline(sample_night()).links
    outward = [link for link in links if not link.startswith("#")]
    assert len(outward) == 2
    assert all(link.startswith("http://127.0.0.1:4200/") for link in outward)


def test_hostile_names_stay_text() -> None:
    said = outline(hostile_night()).said
    assert "<script>alert(1)</script>{{ 7*7 }}" in said
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", render_page(hostile_night()))


def test_a_quiet_night_proves_that_it_looked() -> None:
    seen = outline(night_of(quiet_part("en")))
    assert "A quiet night. Nothing needs you today." in seen.said
    assert "Looked at 3,105 records against 98,000 records of history, with 2 checks." in seen.said
    assert "findings" not in seen.ids


def test_a_failed_monitor_is_no_quiet_night() -> None:
    said = outline(night_of(quiet_part("es"), failed_part("es"), lang="es")).said
    assert "1 monitor ha fallado" in said
    assert "no todo se ha podido mirar" in said
    assert "Una noche tranquila" not in said


def test_a_night_without_monitors_says_so() -> None:
    said = outline(night_of()).said
    assert "No monitor ran on this night." in said
    assert "A quiet night" not in said


def test_everything_that_ran_or_was_skipped_is_listed_worst_first() -> None:
    page = render_page(sample_night())
    part = page[page.index('id="monitor-1"') : page.index('id="monitor-2"')]
    assert re.findall(r'class="check-(\w+)"', part) == ["warning", "skipped", "done", "done", "done"]
    assert '<details class="checks" open>' in part


def test_a_check_whose_code_has_no_sentence_still_speaks() -> None:
    check = Check(name="odd", status=CheckStatus.SKIPPED, code="never_heard_of", values={"count": 74, "needs": 3000})
    said = outline(night_of(quiet_part("en").model_copy(update={"checks": (check,)}))).said
    assert "Never heard of: count 74, needs 3,000" in said


@pytest.mark.parametrize(
    ("guarantee", "english"),
    [
        (Guarantee(kind=GuaranteeKind.FDR, fdr=0.1, calibration_size=20_000), "at most 10 % of the records"),
        (
            Guarantee(kind=GuaranteeKind.FDR, fdr=0.05, calibration_size=9, smallest_p=0.1, too_small=True),
            "(9 records) is too small to flag a single record at 5 %: the smallest p-value it allows is 0.1",
        ),
        (Guarantee(kind=GuaranteeKind.RANKING), "how many of them are false alarms is not known"),
        (Guarantee(kind=GuaranteeKind.EPISODES), "it does not say that a machine is faulty"),
    ],
)
def test_the_guarantee_is_said_in_plain_words(guarantee: Guarantee, english: str) -> None:
    part = quiet_part("en").model_copy(update={"guarantees": (guarantee,)})
    assert english in outline(night_of(part)).said


def test_the_report_names_the_model_and_what_was_replaced() -> None:
    said = outline(sample_night()).said
    assert "The local model SmolLM2-135M-Instruct.Q4_1 ordered and connected the facts" in said
    assert "1 claim failed the check against the facts" in said
    none = ModelNote(mode=Mode.TEMPLATE, reason="No model file was found.")
    without = outline(sample_night().model_copy(update={"model": none})).said
    assert "No language model took part; the sentences are templates filled from the facts. No model file" in without


def test_a_scan_shows_what_was_inferred() -> None:
    part = quiet_part("en").model_copy(update={"inferred": ("amount: exposure, because of its name",)})
    said = outline(night_of(part, data_date=None)).said
    assert "What was inferred about the columns amount: exposure, because of its name" in said


def test_times_are_in_the_night_s_zone() -> None:
    assert "31 May 2026, 02:00 – 07:40" in outline(sample_night()).said
    assert "31 May 2026, 00:00 – 05:40" in outline(sample_night().model_copy(update={"timezone": "UTC"})).said


def test_the_page_stays_small_whatever_the_night() -> None:
    many = tuple(
        told(
            finding("round_amount", id=f"{at:012x}", priority=90.0, mailed=at < 150, chart=peers_chart(count=40)),
            "en",
            ("what", "The amount is round.", ()),
        )
        for at in range(5_000)
    )
    page = render_page(night_of(quiet_part("en").model_copy(update={"findings": many})))
    assert page.count("<svg") == MOST_CHARTS
    assert page.count('<article class="card') == MOST_CARDS
    assert page.count('class="kind"') == MOST_APPENDIX + 1  # and the masthead's
    assert "Findings 116 to 215" in page
    assert "Findings 1,016 to 1,100" in page
    assert "and 3,900 more, which the findings export lists" in page
    assert len(page) < 2_000_000


def test_findings_out_of_range_still_have_a_cell() -> None:
    odd = told(finding("round_amount", likelihood=1.0, consequence=0.0), "en", ("what", "Odd.", ()))
    page = render_page(night_of(quiet_part("en").model_copy(update={"findings": (odd,)})))
    assert page.count('class="pin"') == 1


def test_a_span_over_midnight_names_both_days() -> None:
    long = told(
        finding("level_shift", time_from=MIDNIGHT, time_to=MIDNIGHT + timedelta(hours=30)), "es", ("what", "Sí.", ())
    )
    said = outline(night_of(quiet_part("es").model_copy(update={"findings": (long,)}), lang="es")).said
    assert "31 may 2026, 00:00 – 1 jun 2026, 06:00" in said


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_every_ground(scheme: int) -> None:
    style = (resources.files("reports") / "templates" / "page" / "style.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    pairs = [
        (ink, ground) for ink in ("ink", "muted", "accent", "mark", "bad", "good") for ground in ("surface", "paper")
    ]
    pairs += [("ink", f"tint-{level}") for level in range(5)] + [("bad", "bad-soft"), ("ink", "bad-soft")]
    pairs += [("chart-ink", "surface"), ("chart-muted", "surface")]
    contrasts = {pair: _contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: round(contrast, 2) for pair, contrast in contrasts.items() if contrast < 4.5} == {}


def _leaves(entry: Any, path: str = "") -> dict[str, list[str | None]]:
    """Every text of a locale by its path, as the names that it fills in."""
    if isinstance(entry, dict):
        return {key: names for name, inner in entry.items() for key, names in _leaves(inner, f"{path}.{name}").items()}
    texts = entry if isinstance(entry, list) else [entry]
    return {path: sorted(name or "" for text in texts for _, name, _, _ in string.Formatter().parse(text) if name)}


def test_both_languages_say_the_same_things() -> None:
    files = resources.files("reports") / "locales"
    english, spanish = (
        _leaves(yaml.safe_load((files / f"page.{lang}.yaml").read_text(encoding="utf-8"))) for lang in ("en", "es")
    )
    assert english == spanish


def test_entities_at_risk_show_their_trend_in_words_too() -> None:
    page = render_page(sample_night())
    section = page[page.index('id="entities"') : page.index('id="appendix"')]
    assert "Gulf Trading FZE" in section
    assert 'aria-label="Risk on the last 3 nights: from 12 to 88 of 100, at most 88."' in section
    assert "rising" in section
    assert section.count("<tr>") == 3
    quiet = sample_night().model_copy(update={"parts": sample_night().parts[1:]})
    assert 'id="entities"' not in render_page(quiet)


_BIG_NIGHT = """
import re
from pathlib import Path
from tests.reports.sample_night import HOSTILE, sample_night
from reports.page import render_page

part = sample_night().parts[0]
findings = []
for at in range(5_000):
    reported = part.findings[at % len(part.findings)]
    subject = reported.finding.subject.model_copy(update={"label": f"{at} {HOSTILE}"})
    changed = {"id": f"{at:012x}", "fingerprint": f"v1:{at:032x}", "mailed": at < 150, "subject": subject}
    findings.append(reported.model_copy(update={"finding": reported.finding.model_copy(update=changed)}))
big = part.model_copy(update={"findings": tuple(findings), "records": 10_000_000})
page = render_page(sample_night().model_copy(update={"parts": (big,)}))
# Not `ru_maxrss`: across fork and exec it keeps the peak of the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(len(page.encode()), peak[1])
"""


def test_a_night_of_5000_findings_is_rendered_within_2_mb_and_500_mb_of_memory() -> None:
    done = subprocess.run([sys.executable, "-c", _BIG_NIGHT], capture_output=True, text=True, check=True)
    size, kibibytes = map(int, done.stdout.split())
    assert size < 2_000_000
    assert kibibytes < 500 * 1024

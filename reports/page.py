"""One night as one self-contained HTML page.

The page carries its style and its charts within itself, needs no script and asks for nothing from anywhere: its own
content security policy forbids it. Everything that comes from records is escaped by the templates and isolated in
`<bdi>`, so that neither markup nor writing direction can leave its place.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import islice

from markupsafe import Markup

from analyzers.results import Chart, Check, CheckStatus, Fact, Finding, GuaranteeKind
from reports import charts
from reports.clauses import clause
from reports.contents import VERDICTS, Claim, Cost, MonitorPart, Night, SimilarFindings
from reports.digest import Digest, Placed, can_be_stopped, failed_checks
from reports.entities import EntityRow, entity_rows
from reports.phrases import Phrases, printable
from reports.summary import summary
from reports.templating import environment, web_address

MOST_CARDS = 100
"""Findings with a card of their own; whatever the night, the page stays small."""
MOST_CHARTS = 40
APPENDIX_SHOWN = 15
MOST_APPENDIX = 1_000
"""Findings that the appendix lists; the exports beside the report have all."""
APPENDIX_PAGE = 100
"""Findings of one page of the appendix, which opens by itself."""
MOST_CHECKS = 200
"""Checks listed of one monitor."""
MOST_FIELDS = 40
BANDS = 5
"""Bands of likelihood and of consequence in the matrix (IEC 31010:2019, consequence/likelihood matrix)."""
MATRIX_SHOWN = 6
"""Findings named in one cell of the matrix at once; the rest stand behind their count."""
INDEX_SHOWN = 10
SAMPLE_FIELDS = 12
"""Fields shown of a case drawn for review."""
_CHECK_ORDER = [CheckStatus.FAILED, CheckStatus.WARNING, CheckStatus.SKIPPED, CheckStatus.DONE]


@dataclass(frozen=True)
class Evidence:
    """One fact as the card lists it."""

    number: int
    anchor: str
    clause: str
    feature: str | None


@dataclass(frozen=True)
class Sentence:
    """One claim and the marks of the evidence that it cites."""

    text: str
    marks: tuple[Evidence, ...]


@dataclass(frozen=True)
class Card:
    """One finding as the page shows it."""

    placed: Placed
    anchor: str
    title: str
    is_new: bool
    """Whether no earlier night had raised it; False where that holds for all of them."""
    also: str
    """Names of the other types that were merged into it."""
    level: int
    """0 to 3 by priority."""
    what: tuple[Sentence, ...]
    causes: tuple[Sentence, ...]
    steps: tuple[Sentence, ...]
    evidence: tuple[Evidence, ...]
    chart: Markup | None
    chart_caption: str | None
    fields: tuple[tuple[str, str], ...]
    more_fields: int
    can_be_stopped: bool | None
    """Whether its money can still be stopped; None where no fact says."""
    similar: SimilarFindings | None
    verdicts: str
    """What people decided about findings of its type so far; empty where nobody has."""
    track_record: str
    """How many like it were false alarms: of its type and entity, else of its type; empty where none was judged."""
    triage_url: str | None


@dataclass(frozen=True)
class Cell:
    """One cell of the consequence/likelihood matrix; bands count from 0."""

    likelihood: int
    consequence: int
    shown: tuple[Card, ...]
    rest: tuple[Card, ...]
    """Those behind a count that opens."""

    @property
    def level(self) -> int:
        """Tint from 0 (calm) to 8."""
        return self.likelihood + self.consequence


@dataclass(frozen=True)
class Checks:
    """The checks of one monitor, those that need attention first."""

    shown: tuple[Check, ...]
    more: int
    total: int
    said: str
    worrying: bool


@dataclass(frozen=True)
class Page:
    """All that the template lays out."""

    night: Night
    digest: Digest
    cards: tuple[Card, ...]
    fresh: tuple[Card, ...]
    """Those that no earlier night had raised; none where all of them are new."""
    matrix: tuple[tuple[Cell, ...], ...]
    """Rows by falling likelihood, columns by rising consequence."""
    appendix: tuple[Placed, ...]
    appendix_pages: tuple[tuple[Placed, ...], ...]
    """What follows those shown at once."""
    appendix_total: int
    guarantees: tuple[tuple[MonitorPart, tuple[str, ...]], ...]
    entities: tuple[EntityRow, ...]
    cost: str
    """What the narration came to; empty where no model wrote."""


def render_page(night: Night) -> str:
    """The night's report as one HTML5 document, the same text for the same night.

    Times are printed in the night's time zone, numbers in its language. Raises KeyError for a fact that has no clause.
    """
    phrases = Phrases(night.lang, night.timezone, night.style)
    shown = {
        "page": _page(night, phrases),
        "night": night,
        "summary": summary(night),
        "phrases": phrases,
        "t": phrases.text,
        "checks_of": _checks,
        "missed_of": missed_sentence,
        "why_of": _why,
        "failed_checks": failed_checks,
        "INDEX_SHOWN": INDEX_SHOWN,
        "SAMPLE_FIELDS": SAMPLE_FIELDS,
    }
    return printable(environment(markup=True, own=night.style.templates).get_template("page.html").render(shown))


def _why(finding: Finding, phrases: Phrases) -> str:
    """The weightiest fact in short."""
    if not finding.facts:
        return ""
    return clause(finding.facts[0], phrases.lang, timezone=phrases.timezone, short=True)


def _cost(cost: Cost, phrases: Phrases) -> str:
    said = phrases.text(
        "page.cost",
        asked=phrases.number(cost.asked),
        read=phrases.number(cost.tokens_read),
        written=phrases.number(cost.tokens_written),
        seconds=phrases.number(cost.seconds, 1),
        processor=phrases.number(cost.processor_seconds, 1),
    )
    if cost.watt_hours is None:
        return said
    return phrases.text("page.cost_energy", cost=said, energy=phrases.number(cost.watt_hours, 2))


def _page(night: Night, phrases: Phrases) -> Page:
    digest = Digest(night)
    carded, rest = digest.mailed[:MOST_CARDS], digest.mailed[MOST_CARDS:] + digest.below_budget
    fresh = {placed.number for placed in digest.fresh}
    cards = tuple(
        _card(placed, phrases, with_chart=at < MOST_CHARTS, is_new=placed.number in fresh)
        for at, placed in enumerate(carded)
    )
    listed = rest[:MOST_APPENDIX]
    return Page(
        night=night,
        digest=digest,
        cards=cards,
        fresh=tuple(card for card in cards if card.is_new),
        matrix=_matrix(cards),
        appendix=listed[:APPENDIX_SHOWN],
        appendix_pages=tuple(
            listed[first : first + APPENDIX_PAGE] for first in range(APPENDIX_SHOWN, len(listed), APPENDIX_PAGE)
        ),
        appendix_total=len(rest),
        entities=entity_rows(night, phrases),
        cost=_cost(night.model.cost, phrases) if night.model.cost else "",
        guarantees=tuple(
            (part, _guarantees(part, phrases)) for part in night.parts if part.guarantees or part.precision
        ),
    )


def _card(placed: Placed, phrases: Phrases, *, with_chart: bool, is_new: bool) -> Card:
    finding, narrative = placed.reported.finding, placed.reported.narrative
    anchor = f"f{placed.number}-{re.sub('[^0-9a-zA-Z]', '', finding.id)[:32]}"
    evidence = {
        fact.id: Evidence(at, f"{anchor}-e{at}", _stated(fact, phrases), fact.feature)
        for at, fact in enumerate(finding.facts, start=1)
    }
    claims = narrative.claims or (Claim(text=narrative.text, facts=(), part="what"),)
    sentences = [(claim.part, _sentence(claim, evidence)) for claim in claims]
    drawn = finding.chart if with_chart and finding.chart and not charts.is_empty(finding.chart) else None
    fields = tuple((name, value) for name, value in islice(finding.fields.items(), MOST_FIELDS))
    return Card(
        placed=placed,
        anchor=anchor,
        is_new=is_new,
        title=phrases.type_title(finding.type),
        also=phrases.enumeration([phrases.type_title(other) for other in finding.also]),
        level=min(3, int(finding.priority // 25)),
        what=tuple(sentence for part, sentence in sentences if part in {"what", "stake"}),
        causes=tuple(sentence for part, sentence in sentences if part == "cause"),
        steps=tuple(sentence for part, sentence in sentences if part == "step"),
        evidence=tuple(evidence.values()),
        chart=_drawing(drawn, phrases, f"{anchor}-chart") if drawn else None,
        chart_caption=charts.caption(drawn, phrases.lang, phrases.timezone) if drawn else None,
        fields=fields,
        more_fields=len(finding.fields) - len(fields),
        can_be_stopped=can_be_stopped(finding),
        similar=placed.reported.similar,
        verdicts=_verdicts(placed.reported.similar, phrases),
        track_record=_track_record(placed.reported.similar, phrases),
        triage_url=web_address(placed.reported.triage_url),
    )


def _verdicts(similar: SimilarFindings | None, phrases: Phrases) -> str:
    if similar is None:
        return ""
    counts = {verdict: getattr(similar, verdict) for verdict in VERDICTS}
    said = [phrases.text(f"page.verdicts.{verdict}", count=count) for verdict, count in counts.items() if count]
    return ", ".join(said)


def _track_record(similar: SimilarFindings | None, phrases: Phrases) -> str:
    if similar is None:
        return ""
    if similar.like_judged:
        return phrases.text("page.track_record.like", count=similar.like_dismissed, total=similar.like_judged)
    judged = similar.confirmed + similar.accepted + similar.false_positive
    return phrases.text("page.track_record.type", count=similar.false_positive, total=judged) if judged else ""


def _drawing(chart: Chart, phrases: Phrases, prefix: str) -> Markup:
    drawing = charts.draw_svg(chart, phrases.lang, phrases.timezone, prefix=prefix)
    return Markup(drawing)  # noqa: S704 - drawn by our own code, which escapes its texts


def _stated(fact: Fact, phrases: Phrases) -> str:
    """The fact's clause with a capital, unless it opens with a name, whose letters are its own."""
    said = clause(fact, phrases.lang, timezone=phrases.timezone)
    names = [name for name in (fact.feature, fact.actual, *fact.values.values()) if isinstance(name, str) and name]
    return said if said.startswith(tuple(names)) else said[:1].upper() + said[1:]


def _sentence(claim: Claim, evidence: dict[str, Evidence]) -> Sentence:
    marks = tuple(evidence[fact] for fact in claim.facts if fact in evidence)
    return Sentence(claim.text, marks)


def _matrix(cards: tuple[Card, ...]) -> tuple[tuple[Cell, ...], ...]:
    held: dict[tuple[int, int], list[Card]] = {}
    for card in cards:
        finding = card.placed.reported.finding
        held.setdefault((_band(finding.likelihood), _band(finding.consequence)), []).append(card)
    return tuple(
        tuple(_cell(likelihood, consequence, held.get((likelihood, consequence), [])) for consequence in range(BANDS))
        for likelihood in reversed(range(BANDS))
    )


def _band(value: float) -> int:
    return max(0, min(BANDS - 1, int(value * BANDS)))


def _cell(likelihood: int, consequence: int, cards: list[Card]) -> Cell:
    return Cell(likelihood, consequence, tuple(cards[:MATRIX_SHOWN]), tuple(cards[MATRIX_SHOWN:]))


def _checks(part: MonitorPart, phrases: Phrases) -> Checks:
    ordered = sorted(part.checks, key=lambda check: _CHECK_ORDER.index(check.status))
    counts = [(status, sum(check.status is status for check in ordered)) for status in _CHECK_ORDER]
    said = [
        phrases.text("page.checks_said", count=count, status=phrases.text(f"page.check_status.{status.value}"))
        for status, count in counts
        if count
    ]
    shown = tuple(ordered[:MOST_CHECKS])
    worrying = any(count for status, count in counts if status in {CheckStatus.FAILED, CheckStatus.WARNING})
    return Checks(shown, len(ordered) - len(shown), len(ordered), phrases.enumeration(said), worrying)


def _guarantees(part: MonitorPart, phrases: Phrases) -> tuple[str, ...]:
    """What is and is not promised about one monitor's statistical flags, in plain words."""
    said = []
    for guarantee in part.guarantees:
        if guarantee.kind not in (GuaranteeKind.FDR, GuaranteeKind.BEHAVIOUR):
            said.append(phrases.text(f"page.guarantee_{guarantee.kind.value}"))
            continue
        size = phrases.text("page.records", count=guarantee.calibration_size)
        fdr = phrases.percent(guarantee.fdr or 0.0)
        if guarantee.kind is GuaranteeKind.BEHAVIOUR:
            compared = phrases.number(guarantee.calibration_size)
            said.append(phrases.text("page.guarantee_behaviour", size=compared, fdr=fdr))
            continue
        if guarantee.too_small:
            smallest = phrases.number(guarantee.smallest_p if guarantee.smallest_p is not None else 1.0)
            said.append(phrases.text("page.guarantee_fdr_small", size=size, fdr=fdr, smallest=smallest))
        else:
            said.append(phrases.text("page.guarantee_fdr", size=size, fdr=fdr))
        if guarantee.shifted:
            said.append(phrases.text("page.guarantee_fdr_shifted"))
    return tuple(dict.fromkeys((*said, *_observed(part, phrases))))


def _observed(part: MonitorPart, phrases: Phrases) -> list[str]:
    """What people found of the findings that they judged: it stands beside the nominal rate."""
    if not part.precision:
        nominal = any(guarantee.kind is GuaranteeKind.FDR for guarantee in part.guarantees)
        return [phrases.text("page.precision_none")] if nominal else []
    return [
        phrases.text(
            "page.precision_statistical" if each.statistical else "page.precision_all",
            real=each.real,
            count=each.judged,
            share=phrases.percent(each.real / each.judged),
            low=phrases.percent(each.low),
            high=phrases.percent(each.high),
        )
        for each in part.precision
    ]


def missed_sentence(part: MonitorPart, phrases: Phrases) -> str | None:
    """How much is missed at most, by the cases that people judged; None where none was ever drawn."""
    missed = part.missed
    if missed is None or not missed.drawn:
        return None
    if not missed.judged:
        return phrases.text("page.sample_unjudged", count=missed.drawn)
    return phrases.text(
        "page.sample_bound",
        judged=missed.judged,
        drawn=missed.drawn,
        nights=phrases.text("page.nights", count=missed.nights),
        missed=missed.missed,
        share=phrases.percent(missed.share_at_most, 1),
        number=math.ceil(missed.share_at_most * missed.below_line),
        below_line=missed.below_line,
    )

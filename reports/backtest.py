"""A backtest as one HTML page: what each night would have raised, and what other settings would have changed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from analyzers.results import Candidate, Fact, Frozen
from reports.clauses import clause
from reports.contents import Lang
from reports.house_style import HouseStyle
from reports.phrases import Phrases, printable
from reports.templating import environment


class ReplayedNight(Frozen):
    """One night at the monitor's own settings."""

    data_date: date
    records: int
    history: int
    findings: int
    mailed: int
    new: int
    """Mailed findings that no earlier of these nights had raised."""
    money: dict[str, Decimal]
    """Money at risk in what is mailed, per currency (empty where none is named)."""
    types: dict[str, int]
    """Mailed findings by type."""
    broken: tuple[str, ...] = ()
    """Data checks that failed, so that statistics did not run."""
    seconds: float = 0.0


class ReplayedSetting(Frozen):
    """All nights at one pair of settings; a finding that several nights raise counts once where it says distinct."""

    fdr: float
    budget: int
    chosen: bool
    """Whether these are the monitor's own."""
    findings_a_night: float
    mailed_a_night: float
    nights_without_mail: int
    distinct: int
    repeats: int
    """Mails of a finding that an earlier night had mailed."""
    money: dict[str, Decimal]
    judged: int = 0
    """Distinct mailed findings that people have judged."""
    real: int = 0
    known: int = 0
    """Real cases among these nights that people know of."""
    found: int = 0

    @property
    def precision(self) -> float | None:
        """Share of the judged ones that are real; None where nobody has judged any."""
        return self.real / self.judged if self.judged else None

    @property
    def recall(self) -> float | None:
        """Share of the known real cases that are mailed; None where none is known."""
        return self.found / self.known if self.known else None


class Backtest(Frozen):
    """All that one backtest says."""

    title: str
    monitor: str
    lang: Lang
    timezone: str
    version: str
    fdr_matters: bool
    """Whether the monitor has a false discovery rate at all: series have none."""
    nights: tuple[ReplayedNight, ...]
    settings: tuple[ReplayedSetting, ...]
    candidates: tuple[Candidate, ...] = ()
    style: HouseStyle = HouseStyle()


def render_backtest(told: Backtest) -> str:
    """The page, the same text for the same backtest; it asks for nothing from anywhere."""
    phrases = Phrases(told.lang, told.timezone, told.style)
    shown = {
        "told": told,
        "phrases": phrases,
        "t": phrases.text,
        "reasons": lambda candidate: reasons(candidate.facts, told.lang, told.timezone),
    }
    return printable(environment(markup=True, own=told.style.templates).get_template("backtest.html").render(shown))


def reasons(facts: tuple[Fact, ...], lang: Lang, timezone: str, most: int = 4) -> list[str]:
    """The strongest facts as clauses."""
    return [clause(fact, lang, timezone=timezone) for fact in facts[:most]]

"""What the people of the sample company decide in the mornings between its nights: on some findings, not on all.

They know what was planted, as people know what they have looked into; the count of what was found does not depend on
it, since closed findings are counted too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from analyzers.results import Review
from flows.triaging import triage
from flows.warehouse.findings import StoredFinding
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace
from reports.contents import Lang

_ACCEPTED_FOR = timedelta(days=90)
_REVIEWERS = {"ledger": "Inés Robles", "plant": "Marc Vidal", "customers": "Ane Lasa"}


@dataclass(frozen=True)
class _Decision:
    """What is decided about the finding of highest priority on something of this kind."""

    morning: int
    """After which of the nights, from 0."""
    kind: str
    verdict: Verdict
    reason: Mapping[Lang, str]


_DECISIONS = (
    _Decision(
        0,
        "duplicate_exact",
        Verdict.CONFIRMED,
        {"en": "Paid twice; the supplier pays it back.", "es": "Pagado dos veces; el proveedor lo devuelve."},
    ),
    _Decision(
        1,
        "bank_change",
        Verdict.CONFIRMED,
        {
            "en": "We called the supplier on the known number: the new account is not theirs.",
            "es": "Llamamos al proveedor al número conocido: la cuenta nueva no es suya.",
        },
    ),
    _Decision(
        0,
        "just_below_limit",
        Verdict.ACCEPTED,
        {
            "en": "The price of a yearly contract, approved by the director.",
            "es": "El precio de un contrato anual, aprobado por la directora.",
        },
    ),
    _Decision(
        1,
        "payment_run_night",
        Verdict.FALSE_POSITIVE,
        {"en": "Three orders, paid in one run.", "es": "Tres pedidos, pagados en una misma remesa."},
    ),
    _Decision(
        0,
        "saturday_shift",
        Verdict.FALSE_POSITIVE,
        {"en": "The Saturday shift after the closing.", "es": "El turno del sábado tras el cierre."},
    ),
    _Decision(
        0,
        "sensor_silent",
        Verdict.CONFIRMED,
        {"en": "A loose plug; mended.", "es": "Un conector suelto; reparado."},
    ),
    _Decision(
        0,
        "overheating",
        Verdict.CONFIRMED,
        {"en": "Too little oil; refilled.", "es": "Faltaba aceite; rellenado."},
    ),
    _Decision(
        0,
        "account_taken_over",
        Verdict.CONFIRMED,
        {
            "en": "The owner did not buy this; the account is blocked.",
            "es": "El titular no compró esto; la cuenta está bloqueada.",
        },
    ),
    _Decision(
        0,
        "moved_place",
        Verdict.ACCEPTED,
        {
            "en": "Works on a building site near the other shop this winter.",
            "es": "Trabaja este invierno en una obra cerca de la otra tienda.",
        },
    ),
    _Decision(
        0,
        "elsewhere_every_christmas",
        Verdict.FALSE_POSITIVE,
        {"en": "Spends every Christmas there.", "es": "Pasa allí todas las Navidades."},
    ),
)


def decide(
    workspace: Workspace,
    morning: int,
    found: list[StoredFinding],
    kinds: Mapping[str, frozenset[str]],
    *,
    lang: Lang,
) -> int:
    """Decide the morning after a night; the number of verdicts given, none where they were given before.

    found : what the night told. kinds : what each finding is really about, by its fingerprint.
    """
    given = 0
    told = sorted((each.finding for each in found), key=lambda each: (-each.priority, each.fingerprint))
    for decision in _DECISIONS:
        chosen = next((finding for finding in told if decision.kind in kinds[finding.fingerprint]), None)
        if morning != decision.morning or chosen is None or chosen.review is not Review.OPEN:
            continue
        at = _morning_after(chosen.data_date or date.min, workspace.monitor(chosen.monitor).timezone)
        until = at.date() + _ACCEPTED_FOR if decision.verdict is Verdict.ACCEPTED else None
        who, why = _REVIEWERS[chosen.monitor], decision.reason[lang]
        triage(workspace, chosen.id, decision.verdict, why=why, who=who, at=at, until=until)
        given += 1
    return given


def _morning_after(day: date, timezone: str) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(9), ZoneInfo(timezone)).astimezone(UTC)

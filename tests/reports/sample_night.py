"""A night as it could be: payments, a plant with episodes, a monitor with nothing to report and one that failed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from analyzers.results import (
    Check,
    CheckStatus,
    Condition,
    ControlChart,
    DigitsChart,
    Direction,
    EntityRisk,
    Fact,
    FactKind,
    Family,
    Finding,
    Frozen,
    Guarantee,
    GuaranteeKind,
    NightRisk,
    PeersChart,
    Review,
    Scalar,
    SeriesChart,
    Statistic,
    Subject,
    SubjectKind,
)
from reports.contents import (
    Claim,
    EarlierFinding,
    Lang,
    Mode,
    ModelNote,
    MonitorPart,
    Narrative,
    Night,
    ReportedFinding,
    SimilarFindings,
)

DAY = date(2026, 5, 31)
MIDNIGHT = datetime(2026, 5, 30, 22, tzinfo=UTC)
Part = Literal["what", "stake", "cause", "step"]


def series_chart(*, end: datetime | None = None) -> SeriesChart:
    """A week of vibration whose last day leaves the band."""
    random = np.random.default_rng(7)
    count = 400
    times = tuple(MIDNIGHT - timedelta(minutes=25 * (count - position)) for position in range(count))
    expected = 3 + 0.6 * np.sin(np.arange(count) / 30)
    actual = expected + random.normal(0, 0.2, count)
    actual[330:] += np.linspace(0, 3, 70)
    missing = {40, 41, 42}
    return SeriesChart(
        feature="vibration_de",
        unit="mm/s",
        times=times,
        actual=tuple(None if at in missing else float(value) for at, value in enumerate(actual)),
        low=tuple((expected - 0.6).tolist()),
        high=tuple((expected + 0.6).tolist()),
        start=times[335],
        end=end,
    )


def control_chart(*, end: datetime | None = None) -> ControlChart:
    """Two weeks of a CUSUM that leaves its limits at the end."""
    sums, total = [], 0.0
    for away in np.random.default_rng(5).normal(0, 1, 300) + np.r_[np.zeros(240), np.full(60, 0.8)]:
        total = max(0.0, total + float(away) - 0.5)
        sums.append(total)
    times = tuple(MIDNIGHT - timedelta(hours=300 - position) for position in range(300))
    return ControlChart(
        feature="vibration_de",
        statistic=Statistic.CUSUM,
        minutes=60.0,
        times=times,
        values=tuple(sums),
        limit=8.4,
        textbook=5.0,
        start=times[245],
        end=end,
    )


def peers_chart(*, count: int = 200, actual: float = 48_200.0) -> PeersChart:
    """Amounts of one supplier, spread over orders of magnitude."""
    peers = np.sort(np.random.default_rng(11).lognormal(7.6, 0.9, count))
    return PeersChart(
        feature="amount", unit="EUR", actual=actual, peers=tuple(peers.tolist()), peers_label="Aceros del Norte SL"
    )


def digits_chart() -> DigitsChart:
    """Leading digits with too many just below 50."""
    digits = np.arange(10, 100)
    expected = np.log10(1 + 1 / digits)
    observed = np.random.default_rng(3).multinomial(12_480, expected) / 12_480
    observed[39] += 0.012
    return DigitsChart(
        digits=tuple(digits.tolist()),
        observed=tuple(observed.tolist()),
        expected=tuple(expected.tolist()),
        count=12_480,
    )


def finding(kind: str, **changed: Any) -> Finding:
    """A finding about one record; `changed` overrides any of its fields."""
    fingerprint = f"{abs(hash_of(kind + str(changed.get('subject', '')))):012x}"[:12]
    given: dict[str, Any] = {
        "id": fingerprint,
        "fingerprint": f"v1:{fingerprint * 3}",
        "monitor": "payments",
        "data_date": DAY,
        "type": kind,
        "family": Family.AUDIT,
        "subject": Subject(kind=SubjectKind.RECORD, id="r1", label="5100023417"),
        "rows": (17,),
        "records": ("c1f0",),
        "time_from": MIDNIGHT + timedelta(hours=11, minutes=20),
        "time_to": None,
        "severity": 84.0,
        "exposure": Decimal("12480.00"),
        "currency": "EUR",
        "likelihood": 0.7,
        "consequence": 0.6,
        "priority": 66.0,
        "first_seen": DAY,
        "facts": (),
    }
    return Finding(**(given | changed))


def hash_of(text: str) -> int:
    """A number that stays the same from run to run, unlike Python's own hash."""
    return int.from_bytes(text.encode()[-6:], "big") ^ (len(text) * 2_654_435_761)


def told(finding: Finding, lang: Lang, *claims: tuple[Part, str, tuple[str, ...]], **changed: Any) -> ReportedFinding:
    """The finding with its narrative."""
    said = tuple(Claim(text=text, facts=facts, part=part) for part, text, facts in claims)
    narrative = Narrative(
        finding=finding.id,
        text=" ".join(claim.text for claim in said),
        claims=said,
        lang=lang,
        mode=changed.pop("mode", Mode.STRICT),
        grounded=True,
        model="SmolLM2-135M-Instruct.Q4_1",
        replaced=changed.pop("replaced", 0),
    )
    return ReportedFinding(finding=finding, narrative=narrative, **changed)


def similar() -> SimilarFindings:
    """Two earlier findings of a kind, one of them judged."""
    judged = EarlierFinding(
        fingerprint="v1:aa",
        id="aa11bb22cc33",
        subject="5100019984 · Aceros del Norte SL",
        data_date=date(2026, 4, 14),
        exposure=Decimal("39100.00"),
        currency="EUR",
        verdict="confirmed",
        reason="paid twice, money is back",
        decided_on=date(2026, 4, 15),
    )
    waiting = EarlierFinding(
        fingerprint="v1:bb", id="dd44ee55ff66", subject="5100021170 · Iberlogística SA", data_date=date(2026, 5, 20)
    )
    counted = {"confirmed": 14, "accepted": 1, "false_positive": 16, "like_judged": 14, "like_dismissed": 12}
    return SimilarFindings(told=(judged, waiting), **counted)


def _subject(label: str, kind: SubjectKind = SubjectKind.RECORD) -> Subject:
    return Subject(kind=kind, id=label, label=label)


def _say(lang: Lang, english: str, spanish: str) -> str:
    return english if lang == "en" else spanish


def payment_findings(lang: Lang) -> tuple[ReportedFinding, ...]:
    """Findings about payments, of every sort."""
    duplicate = finding(
        "duplicate_payment",
        subject=_subject("5100023417 · Aceros del Norte SL"),
        severity=97.0,
        exposure=Decimal("48200.00"),
        likelihood=0.93,
        consequence=0.86,
        priority=91.0,
        chart=peers_chart(),
        also=("relative_size", "weekend_posting"),
        facts=(
            Fact(
                id="f1",
                kind=FactKind.DUPLICATE,
                feature="amount",
                actual=48200.0,
                unit="EUR",
                values={"other": "5100023102", "days": 9, "pattern": "EESE", "other_at": "2026-05-22"},
            ),
            Fact(
                id="f2",
                kind=FactKind.RELATIVE_SIZE,
                feature="amount",
                actual=48200.0,
                expected_high=9800.0,
                ratio=4.92,
                direction=Direction.ABOVE,
                unit="EUR",
                values={"entity": "Aceros del Norte SL"},
            ),
            Fact(
                id="f3",
                kind=FactKind.WEEKEND,
                feature="posted_at",
                at=MIDNIGHT + timedelta(hours=11, minutes=20),
                values={"weekday": 6, "share": 0.004},
            ),
            Fact(id="f4", kind=FactKind.EXPOSURE, actual=48200.0, unit="EUR"),
            Fact(id="f5", kind=FactKind.STOPPABLE, values={"stoppable": True, "until": "2026-06-02"}),
        ),
        expected_loss=Decimal("32100.00"),
        fields={
            "document": "5100023417",
            "supplier": "Aceros del Norte SL",
            "invoice": "AN-2026/0418",
            "amount": "48200.00",
            "currency": "EUR",
            "posted_at": "2026-05-31 11:20:00",
            "created_by": "p•••7",
            "description": "Suministro chapa laminada pedido 4500031172",
            "bank_account": "ES•• •••• •••• 4471",
        },
    )
    bank = finding(
        "bank_changed",
        subject=_subject("5100023455 · Iberlogística SA"),
        severity=88.0,
        exposure=Decimal("91250.00"),
        likelihood=0.78,
        consequence=0.94,
        priority=87.0,
        times_seen=3,
        first_seen=date(2026, 5, 29),
        review=Review.IN_REVIEW,
        facts=(
            Fact(
                id="f1",
                kind=FactKind.BANK_CHANGED,
                feature="bank_account",
                values={"days": 2, "previous": "ES•• 9910", "current": "LT•• 0042"},
            ),
            Fact(
                id="f2",
                kind=FactKind.OWN_HISTORY,
                feature="amount",
                actual=91250.0,
                expected_low=8100.0,
                expected_high=22400.0,
                ratio=6.1,
                direction=Direction.ABOVE,
                unit="EUR",
                values={"entity": "Iberlogística SA", "count": 148},
            ),
        ),
        fields={"document": "5100023455", "supplier": "Iberlogística SA", "amount": "91250.00"},
        chart=peers_chart(count=22, actual=91_250.0),
    )
    split = finding(
        "split_purchase",
        subject=_subject("Talleres Ruiz", SubjectKind.ENTITY),
        severity=79.0,
        exposure=Decimal("29350.00"),
        likelihood=0.66,
        consequence=0.7,
        priority=72.0,
        facts=(
            Fact(
                id="f1",
                kind=FactKind.SPLIT,
                feature="amount",
                actual=29350.0,
                expected_high=10000.0,
                unit="EUR",
                values={"count": 3, "days": 2},
            ),
        ),
    )
    dollars = finding(
        "unusual_combination",
        family=Family.TABULAR,
        subject=_subject("5100023461 · Gulf Trading FZE"),
        severity=71.0,
        exposure=Decimal("14200.50"),
        currency="USD",
        likelihood=0.52,
        consequence=0.58,
        priority=55.0,
        p_value=0.0004,
        facts=(
            Fact(
                id="f1",
                kind=FactKind.RARE_PAIR,
                feature="account",
                actual="622000 + FZE",
                values={"first": "account", "second": "supplier", "count": 1, "total": 402113},
            ),
            Fact(
                id="f2",
                kind=FactKind.NEW_ENTITY,
                feature="supplier",
                actual="Gulf Trading FZE",
                values={"count": 0},
            ),
        ),
    )
    benford = finding(
        "benford",
        subject=_subject("payments 2025-06-01 – 2026-05-31", SubjectKind.BATCH),
        severity=58.0,
        exposure=None,
        currency=None,
        likelihood=0.45,
        consequence=0.3,
        priority=38.0,
        times_seen=12,
        first_seen=date(2026, 5, 12),
        chart=digits_chart(),
        time_from=None,
        facts=(
            Fact(
                id="f1",
                kind=FactKind.BENFORD,
                feature="amount",
                actual=0.0213,
                expected_low=0.0088,
                expected_high=0.0088,
                ratio=2.4,
                direction=Direction.ABOVE,
                values={"digits": "49", "count": 12480, "mad": 0.0009, "excess": 0.0004},
            ),
        ),
    )
    rule = finding(
        "house_rule",
        family=Family.RULE,
        subject=_subject("5100023470 · Limpiezas Sur"),
        severity=44.0,
        exposure=Decimal("860.00"),
        likelihood=0.4,
        consequence=0.15,
        priority=21.0,
        facts=(
            Fact(
                id="f1",
                kind=FactKind.HOUSE_RULE,
                actual="no order above 500",
                values={"text": "Payments above 500 need an order number"},
            ),
        ),
    )
    return (
        told(
            duplicate,
            lang,
            (
                "what",
                _say(
                    lang,
                    "The amount of 48,200.00 EUR equals that of document 5100023102, paid 9 days earlier to the same "
                    "supplier with a similar invoice number.",
                    "El importe de 48.200,00 EUR es igual al del documento 5100023102, pagado 9 días antes al mismo "
                    "proveedor con un número de factura parecido.",
                ),
                ("f1",),
            ),
            (
                "what",
                _say(
                    lang,
                    "It is 4.9 times the supplier's next largest payment and was posted on a Sunday.",
                    "Es 4,9 veces el siguiente pago más alto del proveedor y se contabilizó en domingo.",
                ),
                ("f2", "f3"),
            ),
            (
                "stake",
                _say(lang, "48,200.00 EUR is at risk.", "Hay 48.200,00 EUR en riesgo."),
                ("f4",),
            ),
            (
                "cause",
                _say(
                    lang,
                    "The invoice may have been entered a second time after a reminder, with its number typed anew.",
                    "La factura pudo registrarse dos veces tras un recordatorio, con su número tecleado otra vez.",
                ),
                (),
            ),
            (
                "step",
                _say(
                    lang,
                    "Compare both invoices and hold the payment run until they are told apart.",
                    "Compare ambas facturas y retenga la remesa hasta distinguirlas.",
                ),
                (),
            ),
            similar=similar(),
            triage_url="http://127.0.0.1:4200/deployments/deployment/5b1d/run?parameters=%7B%22finding%22%3A1%7D",
        ),
        told(
            bank,
            lang,
            (
                "what",
                _say(
                    lang,
                    "The supplier's bank account changed 2 days before the payment.",
                    "La cuenta bancaria del proveedor cambió 2 días antes del pago.",
                ),
                ("f1",),
            ),
            (
                "what",
                _say(
                    lang,
                    "The amount is 6.1 times this supplier's median.",
                    "El importe es 6,1 veces la mediana de este proveedor.",
                ),
                ("f2",),
            ),
            (
                "cause",
                _say(
                    lang,
                    "A forged change request would look like this; so would a real change of bank.",
                    "Una solicitud de cambio falsificada tendría este aspecto; un cambio de banco real, también.",
                ),
                (),
            ),
            (
                "step",
                _say(
                    lang,
                    "Call the supplier on the number that was on file before the change.",
                    "Llame al proveedor al teléfono que constaba antes del cambio.",
                ),
                (),
            ),
            triage_url="javascript:alert(1)",
            replaced=1,
        ),
        told(
            split,
            lang,
            (
                "what",
                _say(
                    lang,
                    "3 payments within 2 days add up to 29,350.00 EUR; each is below the limit of 10,000.00 EUR.",
                    "3 pagos en 2 días suman 29.350,00 EUR; cada uno queda por debajo del límite de 10.000,00 EUR.",
                ),
                ("f1",),
            ),
        ),
        told(
            dollars,
            lang,
            (
                "what",
                _say(
                    lang,
                    "This supplier had no earlier record, and its account is seldom used for suppliers like it.",
                    "Este proveedor no tenía registros anteriores, y su cuenta se usa poco con proveedores así.",
                ),
                ("f2", "f1"),
            ),
        ),
        told(
            benford,
            lang,
            (
                "what",
                _say(
                    lang,
                    "Amounts that begin with 49 are 2.4 times as frequent as Benford's law has it.",
                    "Los importes que empiezan por 49 son 2,4 veces más frecuentes que según la ley de Benford.",
                ),
                ("f1",),
            ),
            mode=Mode.TEMPLATE,
        ),
        told(
            rule,
            lang,
            (
                "what",
                _say(
                    lang,
                    "The house's rule “no order above 500” applies.",
                    "Se cumple la regla de la casa «no order above 500».",
                ),
                ("f1",),
            ),
        ),
    )


def below_budget(lang: Lang, count: int) -> tuple[ReportedFinding, ...]:
    """Findings beyond the budget."""
    return tuple(
        told(
            finding(
                "round_amount",
                subject=_subject(f"51000{30000 + at}"),
                id=f"b{at:011x}",
                mailed=False,
                priority=18.0 - at / 100,
                severity=30.0,
                exposure=Decimal(1000 * (at % 9 + 1)),
                likelihood=0.2,
                consequence=0.2,
                facts=(
                    Fact(
                        id="f1",
                        kind=FactKind.ROUND_AMOUNT,
                        feature="amount",
                        actual=1000.0 * (at % 9 + 1),
                        unit="EUR",
                        values={"unit_of": 1000, "share": 0.03},
                    ),
                ),
            ),
            lang,
            ("what", _say(lang, "The amount is round.", "El importe es redondo."), ("f1",)),
        )
        for at in range(count)
    )


def plant_findings(lang: Lang) -> tuple[ReportedFinding, ...]:
    """Episodes of a machine and a fault of a sensor."""
    shift = finding(
        "level_shift",
        monitor="plant",
        family=Family.SERIES,
        subject=_subject("pump 7 / vibration_de", SubjectKind.SERIES),
        severity=93.0,
        exposure=None,
        currency=None,
        likelihood=0.88,
        consequence=0.66,
        priority=80.0,
        condition=Condition.ACTIVE,
        time_from=MIDNIGHT - timedelta(hours=27),
        time_to=None,
        chart=series_chart(),
        facts=(
            Fact(
                id="f1",
                kind=FactKind.LEVEL_SHIFT,
                feature="vibration_de",
                actual=5.02,
                expected_low=2.4,
                expected_high=3.6,
                ratio=7.8,
                direction=Direction.ABOVE,
                unit="mm/s",
            ),
            Fact(
                id="f2",
                kind=FactKind.EPISODE,
                at=MIDNIGHT - timedelta(hours=27),
                actual=1620.0,
                unit="min",
                values={"open": True, "end": None},
            ),
            Fact(
                id="f3",
                kind=FactKind.ALSO_MOVED,
                feature="bearing_temp",
                ratio=3.4,
                direction=Direction.ABOVE,
            ),
        ),
    )
    flat = finding(
        "sensor_stuck",
        monitor="plant",
        family=Family.SENSOR,
        subject=_subject("pump 3 / flow", SubjectKind.SERIES),
        severity=66.0,
        exposure=None,
        currency=None,
        likelihood=0.9,
        consequence=0.35,
        priority=49.0,
        condition=Condition.ENDED,
        time_from=MIDNIGHT + timedelta(hours=2),
        time_to=MIDNIGHT + timedelta(hours=7, minutes=40),
        facts=(
            Fact(
                id="f1",
                kind=FactKind.FLAT_LINE,
                feature="flow",
                actual=41.2,
                unit="m³/h",
                at=MIDNIGHT + timedelta(hours=2),
                values={"minutes": 340},
            ),
        ),
    )
    return (
        told(
            shift,
            lang,
            (
                "what",
                _say(
                    lang,
                    "The mean of vibration_de rose to 5.02 mm/s, 7.8 usual deviations above its normal level.",
                    "La media de vibration_de subió a 5,02 mm/s, 7,8 desviaciones habituales sobre su nivel normal.",
                ),
                ("f1",),
            ),
            (
                "what",
                _say(
                    lang,
                    "This has lasted for 27 hours; bearing_temp moved with it.",
                    "Dura ya 27 horas; bearing_temp se movió a la vez.",
                ),
                ("f2", "f3"),
            ),
            (
                "cause",
                _say(
                    lang,
                    "A worn bearing raises vibration and temperature together.",
                    "Un rodamiento gastado eleva a la vez la vibración y la temperatura.",
                ),
                (),
            ),
            (
                "step",
                _say(
                    lang,
                    "Take a spectrum at the drive end and check lubrication before the next shift.",
                    "Tome un espectro en el lado de accionamiento y revise la lubricación antes del próximo turno.",
                ),
                (),
            ),
            triage_url="http://127.0.0.1:4200/deployments/deployment/5b1d/run?parameters=%7B%22finding%22%3A2%7D",
        ),
        told(
            flat,
            lang,
            (
                "what",
                _say(
                    lang,
                    "The flow sensor stood at 41.2 m³/h for 340 minutes.",
                    "El sensor de caudal se quedó en 41,2 m³/h durante 340 minutos.",
                ),
                ("f1",),
            ),
        ),
    )


def _entity(name: str, *risks: float) -> EntityRisk:
    nights = tuple(NightRisk(day=DAY - timedelta(days=len(risks) - 1 - at), risk=risk) for at, risk in enumerate(risks))
    exposure = {"EUR": Decimal("96000"), "USD": Decimal("14200.50")}
    return EntityRisk(
        column="supplier", entity=name, open_findings=3, severity=91.0, risk=risks[-1], exposure=exposure, nights=nights
    )


def sample_night(lang: Lang = "en", *, beyond: int = 34) -> Night:
    """The whole night; `beyond` findings lie beyond the budget."""
    payments = MonitorPart(
        monitor="payments",
        title=_say(lang, "Supplier payments", "Pagos a proveedores"),
        run="payments-2026-05-31-1",
        data_date=DAY,
        status="done",
        records=12_480,
        history_records=402_113,
        quarantined=3,
        time_from=MIDNIGHT,
        time_to=MIDNIGHT + timedelta(hours=23, minutes=59),
        findings=payment_findings(lang) + below_budget(lang, beyond),
        checks=(
            Check(name="volume", status=CheckStatus.DONE, code="volume_usual", values={"count": 12480, "usual": 11920}),
            Check(name="null_rate", status=CheckStatus.WARNING, code="nulls_above_usual", values={"share": 0.081}),
            Check(name="duplicates", status=CheckStatus.DONE, code="test_done", values={"count": 12480}, flags=1),
            Check(name="endings", status=CheckStatus.SKIPPED, code="too_few_amounts", values={"count": 74}),
            Check(name="ensemble", status=CheckStatus.DONE, code="test_done", values={"count": 12480}, flags=41),
        ),
        guarantees=(Guarantee(kind=GuaranteeKind.FDR, fdr=0.1, calibration_size=20_000, smallest_p=5e-5),),
        new=5,
        still_open=2,
        unseen=1,
        open_exposure={"EUR": Decimal("91250.00")},
        oldest_open=date(2026, 5, 12),
        ended=0,
        entities=(_entity("Gulf Trading FZE", 12.0, 40.0, 88.0), _entity(HOSTILE, 0.0, 0.0, 30.0)),
    )
    plant = MonitorPart(
        monitor="plant",
        title=_say(lang, "Pumping station", "Estación de bombeo"),
        run="plant-2026-05-31-1",
        data_date=DAY,
        status="done",
        records=1_440,
        history_records=60_480,
        time_from=MIDNIGHT,
        time_to=MIDNIGHT + timedelta(hours=23, minutes=59),
        findings=plant_findings(lang),
        checks=(Check(name="states", status=CheckStatus.DONE, code="test_done", values={"count": 1440}),),
        guarantees=(Guarantee(kind=GuaranteeKind.EPISODES),),
        new=2,
        ended=1,
    )
    return Night(
        title=_say(lang, "Northern Works", "Talleres del Norte"),
        lang=lang,
        timezone="Europe/Madrid",
        data_date=DAY,
        created_at=MIDNIGHT + timedelta(days=1, hours=3),
        parts=(payments, plant, quiet_part(lang), failed_part(lang)),
        model=ModelNote(name="SmolLM2-135M-Instruct.Q4_1", sha256="9f2c" * 16, mode=Mode.STRICT),
        version="0.1.0",
        config_hash="4be1" * 16,
        audit_head="a7d0" * 16,
    )


def quiet_part(lang: Lang) -> MonitorPart:
    """A monitor with nothing to report."""
    return MonitorPart(
        monitor="journal",
        title=_say(lang, "Journal entries", "Asientos contables"),
        run="journal-2026-05-31-1",
        data_date=DAY,
        status="done",
        records=3_105,
        history_records=98_000,
        time_from=MIDNIGHT,
        time_to=MIDNIGHT + timedelta(hours=23),
        checks=(
            Check(name="volume", status=CheckStatus.DONE, code="volume_usual", values={"count": 3105}),
            Check(name="sequence_gaps", status=CheckStatus.DONE, code="test_done", values={"count": 3105}),
        ),
        guarantees=(Guarantee(kind=GuaranteeKind.FDR, fdr=0.1, calibration_size=9, smallest_p=0.1, too_small=True),),
    )


VOLUME: dict[str, Scalar] = {"records": 310, "low": 3_000, "high": 3_400}


def broken_part(lang: Lang) -> MonitorPart:
    """A monitor whose load is a tenth of what it usually is, so that statistics did not run."""
    return MonitorPart(
        monitor="invoices",
        title=_say(lang, "Incoming invoices", "Facturas recibidas"),
        run="invoices-2026-05-31-1",
        data_date=DAY,
        status="done",
        records=310,
        history_records=98_000,
        checks=(
            Check(name="volume", status=CheckStatus.FAILED, code="volume_collapsed", values=VOLUME),
            Check(name="ensemble", status=CheckStatus.SKIPPED, code="skipped_data_broken", values={"failed": "volume"}),
        ),
    )


def failed_part(lang: Lang) -> MonitorPart:
    """A monitor that could not read its source."""
    return MonitorPart(
        monitor="cards",
        title=_say(lang, "Card transactions", "Operaciones con tarjeta"),
        run="cards-2026-05-31-1",
        data_date=DAY,
        status="failed",
        error="cards.csv: no column 'amount'; name the amount column in monitors/cards.yaml",
    )


def night_of(*parts: MonitorPart, lang: Lang = "en", **changed: Any) -> Night:
    """A night of these parts."""
    return sample_night(lang).model_copy(update={"parts": parts, **changed})


HOSTILE = (
    "</title><script>alert(1)</script>{{ 7*7 }} \u202eevil العربية 🚨 $x^2$ %s {0} \"'><img src=x onerror=alert(1)>"
    "\x00\x1b[31m\r\nBcc: thief@example.org\ud800 " + "W" * 300
)
_OURS = {
    "lang",
    "timezone",
    "id",
    "fingerprint",
    "type",
    "kind",
    "code",
    "status",
    "part",
    "mode",
    "triage_url",
    "verdict",
}


def hostile_night(lang: Lang = "en") -> Night:
    """The sample night with every text that comes from outside replaced by a hostile one."""
    spoilt = _spoilt(sample_night(lang))
    assert isinstance(spoilt, Night)
    return spoilt


def _spoilt(value: Any) -> Any:
    if isinstance(value, Frozen):
        changed = {name: inner if name in _OURS else _spoilt(inner) for name, inner in value}
        if isinstance(value, Claim):
            changed["facts"] = value.facts
        return value.model_copy(update=changed)
    if isinstance(value, str) and not isinstance(value, StrEnum):
        return HOSTILE
    if isinstance(value, tuple):
        return tuple(_spoilt(inner) for inner in value)
    if isinstance(value, dict):
        return {f"{name} {HOSTILE}": _spoilt(inner) for name, inner in value.items()}
    return value

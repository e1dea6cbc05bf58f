"""Facts of every kind: one worked example each, and random ones for the laws that hold for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from analyzers.results import Direction, Fact, FactKind, Family, Finding, Subject, SubjectKind

K = FactKind
AT = datetime(2026, 5, 31, 0, 10, tzinfo=UTC)
ABOVE, BELOW = Direction.ABOVE, Direction.BELOW

EXAMPLES: dict[FactKind, dict[str, Any]] = {
    K.OWN_HISTORY: {"feature": "amount", "actual": 48200.0, "expected_low": 3100.0, "expected_high": 4900.0,
                    "ratio": 12.05, "direction": ABOVE, "unit": "EUR",
                    "values": {"entity": "Aceros del Norte SL", "count": 148}},
    K.PEERS: {"feature": "amount", "actual": 48200.0, "expected_low": 3100.0, "expected_high": 4900.0, "ratio": 1.4,
              "direction": ABOVE, "unit": "EUR", "values": {"count": 12000}},
    K.RARE_VALUE: {"feature": "cost_center", "actual": "4711", "values": {"count": 3, "total": 402113}},
    K.RARE_PAIR: {"actual": "622000 + FZE",
                  "values": {"first": "account", "second": "supplier", "count": 1, "total": 402113}},
    K.NEW_ENTITY: {"feature": "supplier", "actual": "Gulf Trading FZE", "values": {"count": 0, "unusual": 4}},
    K.FREQUENCY: {"actual": 14, "expected_low": 1, "expected_high": 3, "ratio": 7.0, "direction": ABOVE,
                  "values": {"entity": "Talleres Ruiz", "days": 7}},
    K.UNUSUAL_TIME: {"feature": "posted_at", "actual": 2.1, "unit": "h", "expected_low": 8.0, "expected_high": 18.0,
                     "at": AT, "values": {"weekday": 6, "count": 7}},
    K.COMBINATION: {"feature": "amount", "values": {"columns": "amount, account, iva"}},
    K.STRANGENESS: {"actual": 0.9996, "values": {"count": 12000}},
    K.DUPLICATE: {"feature": "amount", "actual": 48200.0, "unit": "EUR",
                  "values": {"other": "5100023102", "days": 9, "pattern": "EESE", "other_at": "2026-05-22"}},
    K.STOPPABLE: {"values": {"stoppable": True, "until": "2026-06-02", "status": None}},
    K.BELOW_LIMIT: {"feature": "amount", "actual": 9950.0, "expected_high": 10000.0, "ratio": 0.995,
                    "direction": BELOW, "unit": "EUR", "values": {"count": 4}},
    K.SPLIT: {"feature": "amount", "actual": 29350.0, "expected_high": 10000.0, "unit": "EUR",
              "values": {"count": 3, "days": 2}},
    K.ROUND_AMOUNT: {"feature": "amount", "actual": 50000.0, "unit": "EUR",
                     "values": {"unit_of": 1000, "share": 0.012}},
    K.BENFORD: {"feature": "amount", "actual": 0.0213, "expected_low": 0.0088, "expected_high": 0.0088, "ratio": 2.4,
                "direction": ABOVE, "values": {"digits": "49", "count": 12480, "mad": 0.0009, "excess": 0.0004}},
    K.ENDINGS: {"feature": "amount", "actual": 0.12, "expected_high": 0.03, "ratio": 4.0,
                "values": {"ending": "99", "count": 400}},
    K.NO_DESCRIPTION: {"feature": "description"},
    K.SEQUENCE_GAP: {"actual": 3, "values": {"after": "104", "before": "108"}},
    K.WEEKEND: {"at": AT, "values": {"weekday": 6, "share": 0.004}},
    K.HOLIDAY: {"at": AT, "values": {"holiday": "Corpus Christi"}},
    K.NIGHT: {"at": AT, "actual": 2.1, "unit": "h", "expected_low": 6.0, "expected_high": 21.0},
    K.PERIOD_END: {"at": AT, "values": {"days": 2}},
    K.SELDOM_PAIR: {"actual": "6220 + p•••7",
                    "values": {"first": "account", "second": "created_by", "count": 2, "total": 40000}},
    K.SELF_APPROVED: {"actual": "p•••7"},
    K.BANK_CHANGED: {"values": {"days": 2, "previous": "ES•• 9910", "current": "LT•• 0042"}},
    K.SHARED_DETAILS: {"feature": "bank_account", "values": {"with": "E•••12"}},
    K.RELATIVE_SIZE: {"feature": "amount", "actual": 48200.0, "expected_high": 9800.0, "ratio": 4.92,
                      "direction": ABOVE, "unit": "EUR", "values": {"entity": "Aceros del Norte SL"}},
    K.HOUSE_RULE: {"actual": "no order above 500", "values": {"text": "Payments above 500 need an order number"}},
    K.SILENCE: {"actual": 71.0, "expected_low": 1.2, "expected_high": 5.6, "ratio": 24.5, "direction": ABOVE, "at": AT,
                "values": {"entity": "C20176", "count": 250}},
    K.CATEGORY_SHIFT: {"feature": "store", "actual": "Sur", "direction": ABOVE,
                       "values": {"entity": "C20176", "count": 7, "total": 10, "days": 28, "before": 0,
                                  "before_total": 179}},
    K.RECENT_LEVEL: {"feature": "amount", "actual": 299.33, "expected_low": 34.43, "expected_high": 243.85,
                     "ratio": 3.9, "direction": ABOVE, "unit": "EUR",
                     "values": {"entity": "C20176", "count": 8, "days": 28}},
    K.RECENT_SUM: {"feature": "amount", "actual": 0.0, "expected_low": 437.95, "expected_high": 2347.9, "ratio": 0.0,
                   "direction": BELOW, "unit": "EUR", "values": {"entity": "C20176", "days": 28}},
    K.OUTSIDE_BAND: {"feature": "vibration", "actual": 7.21, "expected_low": 2.9, "expected_high": 3.4, "ratio": 5.2,
                     "direction": ABOVE, "unit": "mm/s", "at": AT},
    K.LEVEL_SHIFT: {"feature": "vibration", "actual": 5.2, "expected_low": 2.9, "expected_high": 3.4, "ratio": 6.0,
                    "direction": ABOVE, "unit": "mm/s"},
    K.MORE_VARIATION: {"feature": "flow", "actual": 1.2, "expected_high": 0.4, "ratio": 3.0, "direction": ABOVE,
                       "unit": "m3/h"},
    K.LESS_VARIATION: {"feature": "flow", "actual": 0.08, "expected_low": 0.4, "ratio": 0.2, "direction": BELOW,
                       "unit": "m3/h"},
    K.RELATION_BROKEN: {"feature": "flow", "actual": 80.0, "expected_low": 120.0, "expected_high": 130.0, "ratio": 5.0,
                        "direction": BELOW, "unit": "m3/h"},
    K.EPISODE: {"at": AT, "actual": 1595.0, "unit": "min",
                "values": {"open": False, "end": (AT + timedelta(minutes=1595)).isoformat()}},
    K.ALSO_MOVED: {"feature": "current", "ratio": 4.1, "direction": ABOVE},
    K.FLAT_LINE: {"feature": "pressure", "actual": 4.21, "unit": "bar", "at": AT, "values": {"minutes": 200}},
    K.SILENT: {"feature": "pressure", "actual": 200.0, "unit": "min", "at": AT, "expected_high": 1.0},
    K.SPIKES: {"feature": "flow", "actual": 14.0, "expected_high": 2.0},
    K.GROSS_RANGE: {"feature": "pressure", "actual": 99.0, "unit": "bar", "expected_low": 0.0, "expected_high": 10.0,
                    "values": {"count": 14}},
    K.ONE_SIDED: {"feature": "vibration", "ratio": 0.7, "direction": ABOVE},
    K.JOINT_DISTANCE: {"ratio": 5.2, "values": {"columns": "flow,pressure,current"}},
    K.RATE_OF_CHANGE: {"feature": "flow", "actual": 12.0, "expected_high": 3.0, "unit": "m3/h", "direction": ABOVE,
                       "values": {"count": 6}},
    K.CLIMATOLOGY: {"feature": "temperature", "actual": 31.0, "expected_low": -5.0, "expected_high": 18.0,
                    "direction": ABOVE, "unit": "°C", "values": {"count": 14}},
    K.NEIGHBOUR: {"feature": "flow", "actual": 3.2, "expected_low": -0.3, "expected_high": 0.4, "ratio": 9.0,
                  "direction": ABOVE, "unit": "m3/h", "values": {"neighbour": "flow_2"}},
    K.CLOCK_STUCK: {"feature": "P2", "at": AT, "values": {"count": 30}},
    K.BAD_QUALITY: {"feature": "flow", "at": AT, "values": {"count": 120}},
    K.UNIT_CHANGED: {"feature": "pressure", "values": {"previous": "bar", "current": "psi", "count": 44}},
    K.SENSOR_DRIFT: {"feature": "temperature", "actual": 3.2, "expected_low": -0.3, "expected_high": 0.4, "ratio": 9.0,
                     "unit": "°C", "direction": ABOVE},
    K.EXPOSURE: {"actual": 48200.0, "unit": "EUR"},
    K.DECIDED_BEFORE: {"values": {"count": 3, "days": 90, "dismissed": 2, "confirmed": 1,
                                  "reason": "annual prepayment"}},
    K.SEEN_BEFORE: {"values": {"count": 3, "since": "2026-05-28"}},
}  # fmt: skip


def example(kind: FactKind, identity: str = "f1", **changed: Any) -> Fact:
    """The worked example of a kind; `changed` overrides its slots, `values` key by key."""
    given = dict(EXAMPLES[kind])
    given["values"] = {**given.get("values", {}), **changed.pop("values", {})}
    return Fact(**{"id": identity, "kind": kind, **given, **changed})


def finding(
    *facts: Fact,
    kind: str = "duplicate_payment",
    family: Family = Family.AUDIT,
    label: str = "5100023417",
    about: SubjectKind = SubjectKind.RECORD,
    identity: str = "a" * 12,
) -> Finding:
    """A finding with these facts, numbered in their order."""
    numbered = tuple(fact.model_copy(update={"id": f"f{at}"}) for at, fact in enumerate(facts, start=1))
    return Finding(
        id=identity, fingerprint=f"v1:{identity}", monitor="m", data_date=None, type=kind, family=family,
        subject=Subject(kind=about, id="s", label=label), rows=(), records=(), time_from=None, time_to=None,
        severity=80.0, exposure=None, currency=None, likelihood=0.5, consequence=0.5, priority=50.0, facts=numbered,
    )  # fmt: skip


_NAMES = st.sampled_from(
    [
        "Zorrilla SL",
        "Nakamura & Hijos",
        "5100-77",
        "Ñandú, S.A.",
        "a\nb\x07 \u202ec",
        'said "no"',
        "x" * 120,
        "Ümläut 3.5",
    ]
)
_UNITS = st.sampled_from(["EUR", "USD", "JPY", "mm/s", "°C", "bar", None])
_NUMBERS = st.one_of(
    st.floats(-1e7, 1e7, allow_nan=False).map(lambda value: round(value, 2)),
    st.floats(1e-4, 1e4),
    st.integers(0, 10**7).map(float),
)
_SHARES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.5, 0.99999, 1e-5]))
_COUNTS = st.integers(0, 10**6)
_INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
_IS_SHARE = {K.STRANGENESS, K.BENFORD, K.ENDINGS}
_IS_COUNT = {K.FREQUENCY, K.SEQUENCE_GAP, K.SPIKES, K.EPISODE, K.SILENT, K.SILENCE}
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "weekday": st.integers(0, 6), "share": _SHARES, "days": st.integers(0, 400), "minutes": st.integers(1, 9000),
    "count": _COUNTS, "total": _COUNTS, "unusual": _COUNTS, "before": _COUNTS, "before_total": _COUNTS,
    "mad": st.floats(0.0001, 0.1), "excess": st.floats(0.0001, 0.1),
    "unit_of": st.sampled_from([100, 1000, 5000]), "pattern": st.sampled_from(["EESE", "DEEE", "ESDS", "??"]),
    "digits": st.sampled_from(["49", "10"]), "ending": st.sampled_from(["99", "00"]), "open": st.booleans(),
    "stoppable": st.booleans(), "until": _INSTANTS.map(lambda at: at.date().isoformat()),
    "end": _INSTANTS.map(datetime.isoformat), "columns": st.sampled_from(["amount, iva", "a, b, net (kg)", "one"]),
    "other_at": _INSTANTS.map(lambda at: at.date().isoformat()), "since": _INSTANTS.map(datetime.isoformat),
}  # fmt: skip


@st.composite
def random_facts(draw: st.DrawFn, kinds: tuple[FactKind, ...] = tuple(FactKind)) -> Fact:
    """A fact of some kind with random, sometimes missing or hostile slots, consistent in its direction."""
    kind = draw(st.sampled_from(kinds))
    given = dict(EXAMPLES[kind])
    slots: dict[str, Any] = {name: draw(_slot(kind, name, given[name])) for name in given if name != "values"}
    values = {key: draw(st.none() | _VALUES.get(key, _NAMES)) for key in given.get("values", {})}
    low, high = slots.get("expected_low"), slots.get("expected_high")
    if isinstance(low, float) and isinstance(high, float) and low > high:
        slots |= {"expected_low": high, "expected_high": low}
    return Fact(**{"id": "f1", "kind": kind, "values": values, **slots})


def _slot(kind: FactKind, name: str, given: Any) -> st.SearchStrategy[Any]:
    hours = kind in {K.NIGHT, K.UNUSUAL_TIME}
    if name == "feature":
        return st.sampled_from(["amount", "importe", "net weight (kg)", "vibration_de", None])
    if name == "unit":
        return st.just(given) if hours or kind in _IS_COUNT else _UNITS
    if name == "at":
        return st.none() | _INSTANTS
    if name == "direction":
        return st.just(given) if kind in {K.MORE_VARIATION, K.LESS_VARIATION} else st.sampled_from([ABOVE, BELOW, None])
    if name == "ratio":
        return st.one_of(st.none(), st.floats(0, 1e5), st.sampled_from([1.0, 0.0, -2.0, float("inf"), float("nan")]))
    if isinstance(given, str):
        return _NAMES
    if hours:
        return st.none() | st.floats(0, 23.99)
    return st.none() | (
        _SHARES if kind in _IS_SHARE else st.integers(0, 10**5).map(float) if kind in _IS_COUNT else _NUMBERS
    )

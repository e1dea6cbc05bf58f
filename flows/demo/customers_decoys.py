"""What only looks odd among the customers; every kind also occurs before the last weeks, in its natural rhythm."""

from __future__ import annotations

import numpy as np

from flows.demo.customers_habits import SECTIONS, SEGMENTS, STORES, Change, Customer
from flows.demo.customers_scene import RECENT, Scene

_BEACH = len(STORES) - 1


def happen_all(scene: Scene) -> None:
    """Everything that looks odd and is not."""
    _refurbished(scene)
    _seasonal(scene)
    _newcomers(scene)
    _irregular(scene)
    _elsewhere_at_christmas(scene)
    _campaign(scene)
    _returned(scene)
    _drifting(scene)
    for kind, number, each in (
        ("holiday", 40, _holiday),
        ("single_trip", 30, _single_trip),
        ("single_large_basket", 40, _single_large_basket),
        ("single_other_purchase", 30, _single_other_purchase),
        ("busy_week", 25, _busy_week),
    ):
        _now_and_before(scene, kind, number, each)


def _now_and_before(scene: Scene, kind: str, number: int, each) -> None:  # type: ignore[no-untyped-def]
    """Let it happen to some customers now, and to as large a share of all customers in every earlier month."""
    rng, length = scene.chain.rng, scene.chain.length
    months = (length - RECENT) // 30
    for customer in scene.customers:
        for month in np.flatnonzero(rng.random(months) < number / len(scene.customers)):
            each(scene, customer, int(month) * 30 + int(rng.integers(0, 12)), kind, noted=False)
    for customer in scene.take(lambda one: one.first < length - 240 and one.gap < 9, number):
        each(scene, customer, length - int(rng.integers(20, 30)), kind, noted=True)


def _holiday(scene: Scene, customer: Customer, start: int, kind: str, *, noted: bool) -> None:
    """Nobody comes for one to two weeks and a half."""
    last = min(start + int(scene.chain.rng.integers(7, 18)), scene.end)
    _mark(scene, customer, Change(start, last, pace=0.0), kind, noted=noted)


def _single_trip(scene: Scene, customer: Customer, start: int, kind: str, *, noted: bool) -> None:
    """Some days on a building site near another shop."""
    store = int(scene.chain.rng.integers(0, _BEACH))
    _mark(scene, customer, Change(start, start + 5, store=store), kind, noted=noted)


def _single_large_basket(scene: Scene, customer: Customer, start: int, kind: str, *, noted: bool) -> None:
    """A few days of one large order."""
    times = float(scene.chain.rng.uniform(4, 9))
    _mark(scene, customer, Change(start, start + max(2, int(customer.gap)), amount=times), kind, noted=noted)


def _single_other_purchase(scene: Scene, customer: Customer, start: int, kind: str, *, noted: bool) -> None:
    """Something that it never bought, once."""
    section = int(scene.chain.rng.integers(0, len(SECTIONS)))
    _mark(scene, customer, Change(start, start + max(2, int(customer.gap)), section=section), kind, noted=noted)


def _busy_week(scene: Scene, customer: Customer, start: int, kind: str, *, noted: bool) -> None:
    """An urgent job: twice as many visits for a week."""
    _mark(scene, customer, Change(start, start + 6, pace=2.2), kind, noted=noted)


def _mark(scene: Scene, customer: Customer, change: Change, kind: str, *, noted: bool) -> None:
    customer.changes.append(change)
    if noted:
        scene.note(kind, customer, change.start, change.end)


def _refurbished(scene: Scene) -> None:
    """One shop is closed at the end, another was a year ago; their customers go to the one next door."""
    chain = scene.chain
    (shut,) = scene.closed
    earlier = (shut + 2) % (len(STORES) - 1)
    start = chain.length - 26
    for store, first, last in ((earlier, chain.length // 2, chain.length // 2 + 24), (shut, start, scene.end)):
        chain.closures.append((store, first, last, (store + 1) % (len(STORES) - 1)))
    for customer in scene.take(lambda one: one.stores[0] == shut and one.gap < 9, 45):
        scene.note("shop_closed_for_works", customer, start)


def _seasonal(scene: Scene) -> None:
    """Beach bars: they shut every winter and open at Easter."""
    builder = SEGMENTS[0]
    for _ in range(26):
        customer = scene.chain.customer(builder)
        customer.stores = (_BEACH, 2)
        customer.gap = float(scene.chain.rng.uniform(2.5, 6))
        for start, end in _winters(scene):
            customer.changes.append(Change(start, end, pace=0.0))
            scene.note("shut_every_winter", customer, start, end)


def _winters(scene: Scene) -> list[tuple[int, int]]:
    """First and last day of each winter's rest, from mid-November to mid-March."""
    shut = [(day.month, day.day) >= (11, 12) or (day.month, day.day) <= (3, 14) for day in scene.chain.days]
    edges = np.flatnonzero(np.diff(np.array([False, *shut, False]).astype(int)))
    return [(int(start), int(end) - 1) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _newcomers(scene: Scene) -> None:
    """First visits in the last weeks."""
    chain = scene.chain
    for _ in range(28):
        customer = chain.customer(SEGMENTS[int(chain.rng.integers(len(SEGMENTS)))])
        customer.first = chain.length - int(chain.rng.integers(10, 45))
        scene.note("new_customer", customer, customer.first)


def _irregular(scene: Scene) -> None:
    """They come in bursts, with long pauses between, and always have."""
    for _ in range(22):
        customer = scene.chain.customer(SEGMENTS[1])
        customer.regularity, customer.gap = 0.45, float(scene.chain.rng.uniform(4, 9))
        scene.note("always_irregular", customer, scene.chain.length - RECENT)


def _elsewhere_at_christmas(scene: Scene) -> None:
    """They work near another shop every Christmas."""
    for customer in scene.take(lambda one: one.first == 0 and one.gap < 8, 16):
        store = int(scene.chain.rng.integers(0, _BEACH))
        for start, day in enumerate(scene.chain.days):
            if (day.month, day.day) == (12, 19):
                last = min(start + 21, scene.end)
                customer.changes.append(Change(start, last, store=store))
                scene.note("elsewhere_every_christmas", customer, start, last)


def _campaign(scene: Scene) -> None:
    """A campaign for one segment, as there is one every quarter: its customers come more often."""
    chain = scene.chain
    last = chain.length - 18
    for start in range(last, 30, -91):
        chain.activity["installer"].append(Change(start, start + 12, pace=1.7))
    for customer in scene.take(lambda one: one.segment.name == "installer" and one.gap < 6, 30):
        scene.note("campaign", customer, last, last + 12)


def _returned(scene: Scene) -> None:
    """Away for two months, as others were before, and back."""
    chain = scene.chain
    for customer in scene.take(lambda one: one.first < chain.length - 300 and one.gap < 8, 8):
        start, back = chain.length - 80, chain.length - int(chain.rng.integers(12, 24))
        customer.changes.append(Change(start, back, pace=0.0))
        scene.note("back_after_a_pause", customer, start)
    for customer in scene.customers:
        if chain.rng.random() < 0.02:
            start = int(chain.rng.integers(200, chain.length - 160))
            customer.changes.append(Change(start, start + 60, pace=0.0))


def _drifting(scene: Scene) -> None:
    """A little more or less every month, over two years."""
    rng = scene.chain.rng
    for customer in scene.take(lambda one: one.first == 0, 20):
        customer.drift = float(rng.choice([-1, 1]) * rng.uniform(0.25, 0.5))
        scene.note("slow_drift", customer, scene.chain.length - RECENT)

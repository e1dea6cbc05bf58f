"""What is planted among the customers: changes that whoever looks after them would want to hear of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flows.demo.customers_habits import SECTIONS, STORES, Change, Customer
from flows.demo.customers_scene import Happening, Scene


def plant_all(scene: Scene) -> None:
    """Plant every kind, each as often as `_PLANTED` says."""
    for kind, plant, times in _PLANTED:
        for _ in range(times):
            plant(scene, kind)


def _last_days(scene: Scene, low: int, high: int) -> int:
    """A day so many days before the end."""
    return scene.chain.length - int(scene.chain.rng.integers(low, high + 1))


def _change(scene: Scene, kind: str, customer: Customer, change: Change) -> None:
    customer.changes.append(change)
    scene.planted.append(Happening(kind, customer.id, change.start, change.end))


def _stopped(scene: Scene, kind: str) -> None:
    """No visit for six gaps of its own and more, although it came like clockwork."""
    customer = scene.pick(lambda one: one.gap <= 7 and one.regularity >= 1.6)
    start = scene.chain.length - max(int(customer.gap * 10), 56) - int(scene.chain.rng.integers(0, 18))
    _change(scene, kind, customer, Change(start, scene.end, pace=0.0))


def _slower(scene: Scene, kind: str) -> None:
    """A fifth of the visits that it used to make."""
    customer = scene.pick(lambda one: one.gap <= 3.6 and one.regularity >= 1.6)
    _change(scene, kind, customer, Change(_last_days(scene, 84, 105), scene.end, pace=0.22))


def _faster(scene: Scene, kind: str) -> None:
    """Three times the visits: it orders for somebody else, or resells."""
    customer = scene.pick(lambda one: 2.6 <= one.gap <= 7)
    _change(scene, kind, customer, Change(_last_days(scene, 26, 34), scene.end, pace=3.2))


def _moved(scene: Scene, kind: str) -> None:
    """From one day on it buys in a shop where it never was."""
    customer = scene.pick(lambda one: one.gap <= 4.2 and one.loyalty > 0.85)
    store = _elsewhere(scene, customer)
    _change(scene, kind, customer, Change(_last_days(scene, 26, 34), scene.end, store=store, share=0.95))


def _larger(scene: Scene, kind: str) -> None:
    customer = scene.pick(lambda one: one.gap <= 4.2)
    _change(scene, kind, customer, Change(_last_days(scene, 27, 34), scene.end, amount=3.0))


def _smaller(scene: Scene, kind: str) -> None:
    customer = scene.pick(lambda one: one.gap <= 4.2)
    _change(scene, kind, customer, Change(_last_days(scene, 27, 34), scene.end, amount=0.3))


def _other_things(scene: Scene, kind: str) -> None:
    """Most of what it buys is of a section of which it hardly bought anything."""
    customer = scene.pick(lambda one: one.gap <= 4.2)
    section = int(np.argmin(customer.mix))
    _change(scene, kind, customer, Change(_last_days(scene, 26, 34), scene.end, section=section, share=0.85))


def _taken_over(scene: Scene, kind: str) -> None:
    """Somebody else buys on the account: machines, in another shop, for much more money."""
    customer = scene.pick(lambda one: one.gap <= 6 and one.mix[SECTIONS.index("machines")] < 0.1)
    change = Change(
        _last_days(scene, 22, 28),
        scene.end,
        pace=2.0,
        store=_elsewhere(scene, customer),
        section=SECTIONS.index("machines"),
        share=0.9,
        amount=1.5,
    )
    _change(scene, kind, customer, change)


def _elsewhere(scene: Scene, customer: Customer) -> int:
    """A shop that is none of the customer's own, and open."""
    others = [at for at in range(len(STORES) - 1) if at not in customer.stores and at not in scene.closed]
    return int(scene.chain.rng.choice(others))


_PLANTED: tuple[tuple[str, Callable[[Scene, str], None], int], ...] = (
    ("stopped", _stopped, 9),
    ("slower", _slower, 6),
    ("faster", _faster, 6),
    ("moved_place", _moved, 7),
    ("larger_basket", _larger, 5),
    ("smaller_basket", _smaller, 5),
    ("other_things", _other_things, 6),
    ("account_taken_over", _taken_over, 4),
)
RULE_LIKE = {kind: False for kind, _, _ in _PLANTED}
"""None of them is found by a plain rule: each is a change against the customer's own habits."""

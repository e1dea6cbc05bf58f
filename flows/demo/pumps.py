"""How a centrifugal pump behaves: from speed and the state of plant and machine to its readings, by the minute.

Affinity laws and a quadratic pump curve against a quadratic system curve: head H = h0 u^2 - c q^2 meets
H = hs + r q^2, with u the speed over its nominal value and q the flow. Power goes with q H, bearing temperature
follows power and ambient air with a lag, vibration grows with the square of the speed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Curve = NDArray[np.float64]

NOMINAL_SPEED = 1450.0
SHUT_OFF_HEAD = 60.0
STATIC_HEAD = 12.0
PUMP_LOSS = 0.0006
SYSTEM_LOSS = 0.00088
METRES_PER_BAR = 10.2
STANDING_PRESSURE = 1.15
MEASURES = ("speed", "flow", "pressure", "vibration", "temperature", "current")
UNITS = {"speed": "rpm", "flow": "m3/h", "pressure": "bar", "vibration": "mm/s", "temperature": "°C", "current": "A"}
_STEP = {"speed": 1.0, "flow": 0.1, "pressure": 0.01, "vibration": 0.01, "temperature": 0.1, "current": 0.1}


def slow_noise(rng: np.random.Generator, count: int, memory: float, deviation: float) -> Curve:
    """First-order autoregressive noise of the given standard deviation; `memory` in minutes."""
    keep = float(np.exp(-1 / memory))
    drive = rng.normal(0, deviation * np.sqrt(1 - keep**2), size=count)
    drive[0] = rng.normal(0, deviation)
    noise: Curve = lfilter([1.0], [1.0, -keep], drive)
    return noise


def lag(target: Curve, minutes: float) -> Curve:
    """First-order lag behind a target, at rest in the beginning."""
    keep = float(np.exp(-1 / minutes))
    followed: Curve = lfilter([1 - keep], [1.0, -keep], target - target[0]) + target[0]
    return followed


@dataclass
class Pump:
    """State of one pump over time; events change these curves before the readings are taken."""

    name: str
    setpoint: Curve
    """Wanted speed in rpm, 0 where the pump stands."""
    resistance: Curve = field(init=False)
    """Factor on the system's loss coefficient: below 1 a leak, above 1 a blockage."""
    head: Curve = field(init=False)
    """Factor on the pump's shut-off head."""
    extra_vibration: Curve = field(init=False)
    """mm/s added while it runs."""
    unrest: Curve = field(init=False)
    """Factor on the short-term noise of flow and pressure."""
    heat: Curve = field(init=False)
    """Degrees that the bearing would settle above its usual temperature."""
    overcurrent: Curve = field(init=False)
    """Factor on the motor's current."""

    def __post_init__(self) -> None:
        count = len(self.setpoint)
        for factor in ("resistance", "head", "unrest", "overcurrent"):
            setattr(self, factor, np.ones(count))
        for added in ("extra_vibration", "heat"):
            setattr(self, added, np.zeros(count))

    @property
    def running(self) -> NDArray[np.bool_]:
        """Where the pump is wanted to turn."""
        return self.setpoint > 0

    def read(self, rng: np.random.Generator, ambient: Curve) -> dict[str, Curve]:
        """What the sensors read, in the units of `UNITS`."""
        count = len(self.setpoint)
        speed = np.clip(lag(self.setpoint, 1.5), 0, None)
        turning = speed > 30
        ratio = speed / NOMINAL_SPEED
        losses = PUMP_LOSS + SYSTEM_LOSS * self.resistance * (1 + slow_noise(rng, count, 600, 0.012))
        lift = np.clip(SHUT_OFF_HEAD * self.head * ratio**2 - STATIC_HEAD, 0, None)
        flow = np.sqrt(lift / losses)
        head = np.where(
            flow > 0, STATIC_HEAD + losses * flow**2 - PUMP_LOSS * flow**2, SHUT_OFF_HEAD * self.head * ratio**2
        )
        pressure = np.maximum(head / METRES_PER_BAR, STANDING_PRESSURE * np.ones(count))
        power = flow * head / 7_300 + 0.15 * ratio**3
        current = np.where(turning, (11 + 44 * power) * self.overcurrent, 0.0)
        warmth = ambient + np.where(turning, 9 + 0.42 * current + self.heat, 1.0)
        resonance = 0.35 * np.exp(-(((ratio - 0.89) / 0.025) ** 2))
        vibration = np.where(turning, 0.35 + 1.35 * ratio**2 + resonance + self.extra_vibration, 0.06)
        short = {measure: slow_noise(rng, count, 2.5, 1.0) for measure in MEASURES}
        jolt = rng.normal(size=count) * (self.unrest - 1)
        exact = {
            "speed": speed + np.where(turning, 1.5 * short["speed"], 0),
            "flow": flow * (1 + 0.007 * short["flow"] * self.unrest) + 0.6 * jolt * turning,
            "pressure": pressure
            + np.where(turning, 0.022 * short["pressure"] * self.unrest + 0.012 * jolt, 0.004 * short["flow"]),
            "vibration": vibration * (1 + 0.045 * short["vibration"] + 0.02 * np.abs(jolt)),
            "temperature": lag(warmth, 40) + 0.12 * short["temperature"],
            "current": current * (1 + 0.009 * short["current"]),
        }
        floor = {measure: -40.0 if measure == "temperature" else 0.0 for measure in MEASURES}
        return {
            measure: np.round(np.maximum(values, floor[measure]) / _STEP[measure]) * _STEP[measure]
            for measure, values in exact.items()
        }


def ambient_air(rng: np.random.Generator, hours: Curve) -> Curve:
    """Air temperature in the pump house: cool before dawn, warm at five in the afternoon, and some weather."""
    weather = slow_noise(rng, len(hours), 2.5 * 1_440, 1.6)
    air: Curve = 19 + 4.5 * np.cos((hours - 17) / 24 * 2 * np.pi) + weather
    return air

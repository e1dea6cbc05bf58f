"""The working calendar of the simulated company, as offsets in days from the first day of its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int64]
Instants = NDArray[np.datetime64]

# National holidays with a fixed date: on these days nobody works and no run is made.
HOLIDAYS = {
    (1, 1): "Año Nuevo",
    (1, 6): "Epifanía del Señor",
    (5, 1): "Fiesta del Trabajo",
    (8, 15): "Asunción de la Virgen",
    (10, 12): "Fiesta Nacional de España",
    (11, 1): "Todos los Santos",
    (12, 6): "Día de la Constitución",
    (12, 8): "Inmaculada Concepción",
    (12, 25): "Natividad del Señor",
}
RUN_WEEKDAYS = (1, 3)


@dataclass(frozen=True)
class Workdays:
    """Working days, payment runs and months of `length` days ending with `end`."""

    end: date
    length: int
    batch: int

    @property
    def start(self) -> date:
        """The ledger's first day."""
        return self.end - timedelta(days=self.length - 1)

    @property
    def batch_start(self) -> int:
        """Offset of the batch's first day."""
        return self.length - self.batch

    def on(self, offset: int) -> date:
        """The date at an offset."""
        return self.start + timedelta(days=int(offset))

    def works(self, offset: int) -> bool:
        """Whether the office works on that day."""
        day = self.on(offset)
        return day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS

    def holidays(self) -> list[int]:
        """Offsets of the batch's holidays that fall on weekdays."""
        days = ((day, self.on(day)) for day in range(self.batch_start, self.length))
        return [offset for offset, day in days if day.weekday() < 5 and (day.month, day.day) in HOLIDAYS]

    def closes_month(self, offset: int) -> bool:
        """Whether it is the last working day of a month."""
        later = next(day for day in range(int(offset) + 1, int(offset) + 12) if self.works(day))
        return self.works(offset) and self.on(later).month != self.on(offset).month

    def snap(self, offsets: Days, weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Days:
        """Each offset moved to the next working day among `weekdays`; also before the ledger starts."""
        low, high = int(offsets.min(initial=0)), int(offsets.max(initial=0)) + 22
        span = range(low, high + 1)
        good = np.array([self.works(day) and self.on(day).weekday() in weekdays for day in span])
        candidates = np.arange(low, high + 1)[good]
        snapped: Days = candidates[np.searchsorted(candidates, offsets)]
        return snapped

    def run_days(self, offsets: Days) -> Days:
        """Each offset moved to the next payment run: Tuesdays, Thursdays and the last working day of a month."""
        runs = self.snap(offsets, RUN_WEEKDAYS)
        closing = np.array([day for day in range(self.length) if self.closes_month(day)], dtype=np.int64)
        if closing.size == 0:
            return runs
        position = np.searchsorted(closing, offsets)
        nearest = np.where(position < closing.size, closing[np.minimum(position, closing.size - 1)], np.int64(10**6))
        return np.minimum(runs, nearest)

    def monthly(self, day: int) -> Days:
        """The working days on or after the `day` of each month, as far as they lie in the ledger."""
        wanted = [offset for offset in range(self.length) if self.on(offset).day == day]
        snapped = self.snap(np.array(wanted, dtype=np.int64))
        return snapped[snapped < self.length]

    def at(self, offsets: Days, seconds: Days | int) -> Instants:
        """Local instants at so many seconds after midnight of each day."""
        first = np.datetime64(self.start.isoformat(), "s")
        instants: Instants = first + (offsets * 86_400 + seconds).astype("timedelta64[s]")
        return instants

    def offset_of(self, instants: Instants) -> Days:
        """Day offsets of local instants."""
        first = np.datetime64(self.start.isoformat(), "D")
        return (instants.astype("datetime64[D]") - first).astype(np.int64)

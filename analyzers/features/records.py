"""History and batch side by side, in an order that does not depend on the order of files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.columns import Columns, Role
from analyzers.learnt_history import outdated
from analyzers.settings import Material

_HASH_SEED = 7
_SETTLING_DAYS = 21
"""Three of the longest windows that records are counted in."""
_LEAST_SETTLED = 2_000


def canonical_order(frame: pl.DataFrame, columns: Columns) -> NDArray[np.int64]:
    """Row numbers of `frame` by time and then by content, of shape (n_rows,).

    Rows of equal content stand next to each other, so whatever is sampled or summed along this order is the same
    however the rows were shuffled. `record_id` takes no part: it may count occurrences in file order. Persons decide
    last, between rows that are otherwise equal: their masks are the workspace's own, and another workspace should
    find the same.
    """
    used = [column for column in columns.columns if column.role is not Role.IGNORE]
    persons = [column.name for column in used if column.role is Role.PERSON]
    others = [column.name for column in used if column.role is not Role.PERSON]
    keys = pl.DataFrame(
        {
            "content": frame.select(others).hash_rows(_HASH_SEED) if others else pl.zeros(frame.height, eager=True),
            "persons": frame.select(persons).hash_rows(_HASH_SEED) if persons else pl.zeros(frame.height, eager=True),
            "row": pl.int_range(frame.height, eager=True),
        }
    )
    time = columns.one(Role.TIME)
    if time is not None:
        keys = keys.with_columns(time=frame[time])
    by = ["time"] * (time is not None) + ["content", "persons"]
    return keys.sort(by, nulls_last=True, maintain_order=True)["row"].to_numpy().astype(np.int64)


@dataclass(frozen=True)
class Records:
    """All records of a run: history first, then the batch.

    `reference` says which rows others are compared with: the history, or without one all rows. A reference row is
    compared with the other reference rows, never with itself.
    """

    frame: pl.DataFrame
    columns: Columns
    n_history: int
    batch_rows: NDArray[np.int64]
    """For each batch record in this order, its row in the batch frame."""
    outdated: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    """By entity column, which records are of before their entity's new normal, of shape (height,)."""

    @classmethod
    def of(cls, material: Material) -> Records:
        """History and batch in canonical order, one below the other."""
        history_order = canonical_order(material.history, material.columns) if material.history.height else None
        batch_order = canonical_order(material.batch, material.columns)
        names = material.batch.columns
        parts = [material.batch[batch_order]]
        if history_order is not None:
            parts.insert(0, material.history.select(names)[history_order])
        frame = pl.concat(parts, how="vertical_relaxed")
        before = {name: outdated(material, name) for name in material.columns.names(Role.ENTITY)}
        masks = {name: frame.select(past)[name].to_numpy() for name, past in before.items() if past is not None}
        return cls(frame, material.columns, frame.height - len(batch_order), batch_order, masks)

    @property
    def height(self) -> int:
        """Number of records, history and batch together."""
        return self.frame.height

    @property
    def ranking(self) -> bool:
        """Whether the batch is compared with itself."""
        return self.n_history == 0

    @cached_property
    def reference(self) -> NDArray[np.bool_]:
        """Which records others are compared with, of shape (height,)."""
        mask = np.ones(self.height, dtype=bool)
        if not self.ranking:
            mask[self.n_history :] = False
        return mask

    @cached_property
    def n_reference(self) -> int:
        """Number of reference records."""
        return int(self.reference.sum())

    @cached_property
    def microseconds(self) -> NDArray[np.int64] | None:
        """Instant of each record in microseconds since 1970, UTC (the earliest one where it is null)."""
        name = self.columns.one(Role.TIME)
        if name is None or self.frame[name].null_count() == self.height:
            return None
        instants = self.frame[name].cast(pl.Datetime("us")).cast(pl.Int64)
        return instants.fill_null(strategy="min").to_numpy().astype(np.int64)

    @cached_property
    def settled(self) -> NDArray[np.bool_]:
        """Reference records with enough of the history before them to be compared as the batch is, of shape (height,).

        What a record shows against the past (more than ever before) is the more common the less past there is. So
        with times the first weeks of a history are past only, unless too few records remain.
        """
        if self.ranking or self.microseconds is None:
            return self.reference
        settled = self.reference & (self.microseconds >= self.microseconds.min() + _SETTLING_DAYS * 86_400_000_000)
        return settled if settled.sum() >= _LEAST_SETTLED else self.reference

    def values(self, name: str) -> NDArray[np.float64]:
        """A column of numbers, of shape (height,); nulls and infinities are NaN."""
        values = self.frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
        values[~np.isfinite(values)] = np.nan
        return values

    def own_codes(self, entity: str) -> NDArray[np.int64]:
        """`codes` of an entity column; what an entity did before its new normal counts as another's."""
        return self._own_codes[entity]

    @cached_property
    def _own_codes(self) -> dict[str, NDArray[np.int64]]:
        own = {}
        for entity in self.columns.names(Role.ENTITY):
            codes, past = self.codes(entity), self.outdated.get(entity)
            own[entity] = codes if past is None else np.where(past, codes + int(codes.max(initial=0)) + 1, codes)
        return own

    def codes(self, *names: str) -> NDArray[np.int64]:
        """A number from 0 for each distinct (combination of) value, of shape (height,); null is a value."""
        if len(names) == 1:
            texts = self.frame[names[0]].cast(pl.String).fill_null("")
            return np.asarray(texts.cast(pl.Categorical).to_physical().to_numpy(), dtype=np.int64)
        first, second = self.codes(names[0]), self.codes(*names[1:])
        joined = first * (int(second.max(initial=0)) + 1) + second
        return np.asarray(np.unique(joined, return_inverse=True)[1], dtype=np.int64)

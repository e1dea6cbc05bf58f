"""History and batch side by side, in an order that does not depend on the order of files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.columns import Columns, Role
from analyzers.features.groups import EVERY, Rows
from analyzers.learnt_history import outdated
from analyzers.settings import Material

_HASH_SEED = 7
_NO_ROWS = np.empty(0, dtype=np.int64)
_SETTLING_DAYS = 21
"""Three of the longest windows that records are counted in."""
_LEAST_SETTLED = 2_000
MOST_FEATURED = 400_000
"""Most history records that get features: more than the detectors are fitted, calibrated and compared on."""


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
            "content": _hashes(frame, others),
            "persons": _hashes(frame, persons),
            "row": pl.int_range(frame.height, eager=True),
        }
    )
    time = columns.one(Role.TIME)
    if time is not None:
        keys = keys.with_columns(time=frame[time])
    by = ["time"] * (time is not None) + ["content", "persons"]
    return keys.sort(by, nulls_last=True, maintain_order=True)["row"].to_numpy().astype(np.int64)


def _mask(frame: pl.DataFrame, condition: pl.Expr) -> NDArray[np.bool_]:
    return frame.select(condition.alias("it holds"))["it holds"].to_numpy()


def _hashes(frame: pl.DataFrame, names: list[str]) -> pl.Series:
    if not names:
        return pl.zeros(frame.height, eager=True)
    # By its text: the number that stands for a category is another one in the next process.
    texts = [pl.col(name).cast(pl.String) for name in names if frame.schema[name] == pl.Categorical]
    return frame.select(names).with_columns(texts).hash_rows(_HASH_SEED)


@dataclass(frozen=True)
class Records:
    """All records of a run: history first, then the batch.

    `reference` says which rows others are compared with: the history, or without one all rows. A reference row is
    compared with the other reference rows, never with itself. The frames stay as they are and columns are put in
    order when they are asked for: a second frame of ten million records takes two gigabytes.
    """

    history: pl.DataFrame
    batch: pl.DataFrame
    columns: Columns
    history_rows: NDArray[np.int64]
    """For each history record in this order, its row in the history frame."""
    batch_rows: NDArray[np.int64]
    """For each batch record in this order, its row in the batch frame."""
    outdated: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    """By entity column, which records are of before their entity's new normal, of shape (height,)."""

    @classmethod
    def of(cls, material: Material) -> Records:
        """History and batch in canonical order, one below the other."""
        frames = (material.history, material.batch)
        past, new = (canonical_order(frame, material.columns) if frame.height else _NO_ROWS for frame in frames)
        before = {name: outdated(material, name) for name in material.columns.names(Role.ENTITY)}
        masks = {
            name: np.concatenate(
                [_mask(frame, outmoded)[order] for frame, order in zip(frames, (past, new), strict=True)]
            )
            for name, outmoded in before.items()
            if outmoded is not None
        }
        return cls(material.history, material.batch, material.columns, past, new, masks)

    @property
    def n_history(self) -> int:
        """Number of history records; they come first."""
        return len(self.history_rows)

    @property
    def height(self) -> int:
        """Number of records, history and batch together."""
        return len(self.history_rows) + len(self.batch_rows)

    def column(self, name: str) -> pl.Series:
        """One column of all records in their order, of length `height`."""
        batch = self.batch[name].gather(self.batch_rows)
        if self.ranking:
            return batch
        past = self.history.select(name).to_series().gather(self.history_rows)
        return pl.concat([past.to_frame(), batch.to_frame()], how="vertical_relaxed").to_series()

    def cell(self, name: str, row: int) -> Any:
        """What one record holds in a column."""
        return self._cell(name, row)[0]

    def text(self, name: str, row: int) -> str:
        """What one record holds in a column, as text; empty where it is null."""
        return str(self._cell(name, row).cast(pl.String).fill_null("")[0])

    def _cell(self, name: str, row: int) -> pl.Series:
        if row < self.n_history:
            return self.history[name].slice(int(self.history_rows[row]), 1)
        return self.batch[name].slice(int(self.batch_rows[row - self.n_history]), 1)

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
        if name is None:
            return None
        times = self.column(name)
        if times.null_count() == self.height:
            return None
        instants = times.cast(pl.Datetime("us")).cast(pl.Int64)
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

    @cached_property
    def featured(self) -> Rows:
        """The records that get features: the batch, and of a long history as many as the detectors may see.

        What features compare with (an entity's past, how rare a value is) is counted among all records all the same.
        """
        settled = np.flatnonzero(self.settled)
        if self.ranking or len(settled) <= MOST_FEATURED:
            return EVERY
        drawn = np.random.default_rng(_HASH_SEED).choice(settled, MOST_FEATURED, replace=False)
        return np.concatenate([np.sort(drawn), np.arange(self.n_history, self.height)])

    @property
    def n_past(self) -> int:
        """Number of history records among the featured; they come first."""
        return self.n_history if isinstance(self.featured, slice) else MOST_FEATURED

    def values(self, name: str) -> NDArray[np.float64]:
        """A column of numbers, of shape (height,); nulls and infinities are NaN."""
        values = self.column(name).cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
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
            texts = self.column(names[0]).cast(pl.String).fill_null("")
            # Categories of its own: those that all share would not count from 0 here.
            categories = pl.Categorical(pl.Categories.random())
            return np.asarray(texts.cast(categories).to_physical().to_numpy(), dtype=np.int64)
        first, second = self.codes(names[0]), self.codes(*names[1:])
        joined = first * (int(second.max(initial=0)) + 1) + second
        return np.asarray(np.unique(joined, return_inverse=True)[1], dtype=np.int64)

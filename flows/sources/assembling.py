"""Columns built up from the batches of many text files, so that no more than a part of them is held as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
from polars.exceptions import PolarsError

from flows.sources import column_types
from flows.sources.column_types import Reading, TypedColumn
from flows.sources.instants import ClockChanges
from flows.sources.kinds import Kind
from flows.sources.reading import TORN, RawFile, unreadable

BATCH = 200_000
"""Records in a batch; so many also decide what a column is, before the rest is read by that."""


@dataclass
class _Builder:
    """One column while it grows."""

    name: str
    stated: Kind | None
    parts: list[TypedColumn] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    present: int = 0
    doubtful: bool = False

    def add(self, text: pl.Series, offset: int, reading: Reading) -> None:
        """Read a further part by the rule that the first one gave."""
        if not self.parts:
            part = self._decide(text, reading)
        else:
            rule = self.parts[0].rule
            part = column_types.read_column(text, rule, reading)
            unsure = not rule.certain and (part.bad.height > 0 or (rule.kind.kind is Kind.TEXT and text.count() > 0))
            code = rule.kind.kind is Kind.NUMBER and not rule.kind.stated and column_types.is_code(text)
            self.doubtful = self.doubtful or unsure or code
        self.parts.append(part)
        self.offsets.append(offset)
        self.present += text.count()

    def finish(self, whole: Callable[[], pl.Series], reading: Reading) -> TypedColumn:
        """The column; where a later part contradicts the first, the whole text is read again and decides."""
        column = self._join()
        inferred = self.stated is None
        if self.doubtful or (inferred and column_types.fits_badly(column, self.present)):
            column = self._decide(whole(), reading)
        if not inferred:
            column_types.check_stated(column, self.present)
        return column

    def _decide(self, text: pl.Series, reading: Reading) -> TypedColumn:
        if self.stated is None:
            return column_types.infer_column(text, reading)
        return column_types.state_column(text, self.stated, reading)

    def _join(self) -> TypedColumn:
        parts, self.parts = self.parts, []
        values = [part.values for part in parts]
        if len({part.dtype for part in values}) > 1:
            values = [part.cast(pl.Float64) for part in values]
        bad = [part.bad.with_columns(pl.col("row") + offset) for part, offset in zip(parts, self.offsets, strict=True)]
        absent, repeated = (sum(getattr(part.clock_changes, name) for part in parts) for name in ("absent", "repeated"))
        joined = pl.concat(values, rechunk=False).alias(self.name)
        return TypedColumn(joined, parts[0].rule, pl.concat(bad), ClockChanges(absent, repeated))


def assemble(
    files: Sequence[RawFile], stated: Mapping[str, Kind], timezone: str
) -> tuple[dict[str, TypedColumn], pl.Series]:
    """All columns of text files, in order of first appearance, and the rows that are torn."""
    builders = {name: _Builder(name, stated.get(name)) for file in files for name in file.names}
    torn: list[pl.Series] = []
    reading = Reading(timezone)
    rows = 0
    for number, (batch, hits) in enumerate(_batches(files, list(builders))):
        if number == 0:
            reading = Reading(timezone, column_types.decimal_sign(batch))
        for builder in builders.values():
            builder.add(batch[builder.name], rows, reading)
        torn.append(hits.arg_true().cast(pl.Int64) + rows)
        rows += batch.height
    columns = {
        name: builder.finish(lambda name=name: _whole(files, name), reading)  # type: ignore[misc]
        for name, builder in builders.items()
    }
    return columns, pl.concat(torn)


def _batches(files: Sequence[RawFile], names: list[str]) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    """Batches of `BATCH` records or more over all files, and which of their records are torn; at least one."""
    held: list[pl.DataFrame] = []
    height = 0
    for file in files:
        for part in _parts(file):
            held.append(part)
            height += part.height
            if height >= BATCH:
                yield _united(held, names)
                held, height = [], 0
    if held:
        yield _united(held, names)


def _parts(file: RawFile) -> Iterator[pl.DataFrame]:
    """The records of one file in parts, by their own names, with `torn` last; one empty part where it has none."""
    empty = True
    try:
        for lines in file.lines.collect_batches(chunk_size=BATCH, maintain_order=True):
            empty = False
            yield _named(lines, file)
    except PolarsError as error:
        raise unreadable(file.path, error) from None
    if empty:
        yield _named(file.lines.head(0).collect(), file)


def _named(lines: pl.DataFrame, file: RawFile) -> pl.DataFrame:
    if TORN not in lines.columns:
        lines = lines.with_columns(pl.lit(False).alias(TORN))
    # A source may itself have a column "torn": the flag moves to a name that no source can have.
    lines.columns = [*file.names, ""]
    return lines


def _united(held: list[pl.DataFrame], names: list[str]) -> tuple[pl.DataFrame, pl.Series]:
    joined = held[0] if len(held) == 1 else pl.concat(held, how="diagonal")
    return joined.select(pl.Series(name, joined[name]) for name in names), joined[""]


def _whole(files: Sequence[RawFile], name: str) -> pl.Series:
    parts = [file.column(name).collect().to_series() for file in files]
    return pl.concat(parts).alias(name)

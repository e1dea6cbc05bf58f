"""Columns built up from the batches of many text files, so that no more than a part of them is held as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from analyzers.cores import on_all_cores
from flows.sources import column_types
from flows.sources.column_types import Reading, TypedColumn
from flows.sources.instants import ClockChanges
from flows.sources.kinds import Kind
from flows.sources.reading import BATCH, RawFile, check_rows


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

    @property
    def contradicted(self) -> bool:
        """Whether later parts say something else than the first, so that the whole text must decide."""
        bad = sum(part.bad.height for part in self.parts)
        return self.doubtful or (self.stated is None and column_types.fit_badly(bad, self.present))

    def finish(self, whole: pl.Series | None, reading: Reading) -> TypedColumn:
        """The column: its parts joined, or the whole text where that had to be read again."""
        column = self._join() if whole is None else self._decide(whole, reading)
        if self.stated is not None:
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
        on_all_cores(_adder(batch, rows, reading), list(builders.values()))
        torn.append(hits.arg_true().cast(pl.Int64) + rows)
        rows += batch.height
        check_rows(files[0].path, rows)
    doubtful = [builder.name for builder in builders.values() if builder.contradicted]
    again = _texts(files, doubtful)
    columns = {name: builder.finish(again.get(name), reading) for name, builder in builders.items()}
    return columns, pl.concat(torn)


def _adder(batch: pl.DataFrame, offset: int, reading: Reading) -> Callable[[_Builder], None]:
    return lambda builder: builder.add(batch[builder.name], offset, reading)


def _batches(files: Sequence[RawFile], names: list[str]) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    """Batches of `BATCH` records or more over all files, and which of their records are torn; at least one."""
    held: list[tuple[pl.DataFrame, pl.Series]] = []
    height = 0
    for file in files:
        for lines, torn in file.parts():
            held.append((_named(lines, file, names), torn))
            height += lines.height
            if height >= BATCH:
                yield pl.concat([part for part, _ in held]), pl.concat([hits for _, hits in held])
                held, height = [], 0
    if held:
        yield pl.concat([part for part, _ in held]), pl.concat([hits for _, hits in held])


def _named(lines: pl.DataFrame, file: RawFile, names: Sequence[str]) -> pl.DataFrame:
    """The named columns of one part; null where the file lacks them."""
    position = {name: i for i, name in enumerate(file.names)}
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, lines.height)
    columns = lines.get_columns()
    return pl.DataFrame([(columns[position[name]] if name in position else nothing).alias(name) for name in names])


def _texts(files: Sequence[RawFile], names: list[str]) -> dict[str, pl.Series]:
    """The whole text of some columns, read once more."""
    if not names:
        return {}
    frame = pl.concat([_named(lines, file, names) for file in files for lines, _ in file.parts()])
    return {name: frame[name] for name in names}

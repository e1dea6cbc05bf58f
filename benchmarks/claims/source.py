"""The input as the checker reads it: DuckDB reads the file, text stays text, numbers and times are cast on demand."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_DAY_FIRST = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y")
_MOSTLY = 0.9
"""Share of readable cells from which a column is one of numbers, or of times."""
_COMMA = r"^[-+]?(\d{1,3}(\.\d{3})+|\d+),\d+$"


def read_table(paths: Sequence[Path]) -> pl.DataFrame:
    """Files of one kind, one below the other; every cell of a CSV is text."""
    frames = []
    with duckdb.connect() as connection:
        for path in paths:
            reader = "read_parquet(?)" if path.suffix == ".parquet" else "read_csv(?, all_varchar=true, header=true)"
            frames.append(connection.sql(f"SELECT * FROM {reader}", params=[str(path)]).pl())
    whole: pl.DataFrame = pl.concat(frames, how="diagonal_relaxed")
    return whole


@dataclass(frozen=True)
class Settings:
    """What the text was written under, and cannot be read from the input."""

    zone: str = "UTC"
    currency: str | None = None
    mask_key: bytes = b"sereno scan"
    limits: tuple[float, ...] = ()
    office_hours: tuple[int, int] | None = None
    plausible: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    references: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    """Reference tables by name: vendors, employees, holidays."""
    running: tuple[str, float] | None = None
    """Column and value above which a machine runs; other readings are not scored."""
    until: float | None = None
    """Where the batch ends, in seconds since 1970; just behind the last record where it is not known."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Printed name of a column by its name, where the monitor gives it one."""


@dataclass(frozen=True)
class Source:
    """Judged rows first, then the baseline; `n` judged rows. Arrays are aligned with the rows of `frame`."""

    frame: pl.DataFrame
    n: int
    settings: Settings = field(default_factory=Settings)
    _numbers: dict[str, Floats] = field(default_factory=dict)
    _labels: dict[str, NDArray[np.object_]] = field(default_factory=dict)
    _times: dict[str, Floats] = field(default_factory=dict)
    _called: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, judged: pl.DataFrame, baseline: pl.DataFrame | None, settings: Settings | None = None) -> Source:
        """Judged rows, and normal history where there is one."""
        parts = [judged] if baseline is None else [judged, baseline]
        return cls(pl.concat(parts, how="diagonal_relaxed"), judged.height, settings or Settings())

    @property
    def ranking(self) -> bool:
        """Whether the rows are compared with each other, for want of a baseline."""
        return self.frame.height == self.n

    @cached_property
    def reference(self) -> NDArray[np.int64]:
        """Rows that others are compared with: the baseline, or all."""
        rows = np.arange(0 if self.ranking else self.n, self.frame.height)
        return rows[self.readable[rows]]

    @cached_property
    def readable(self) -> NDArray[np.bool_]:
        """Rows without a cell that is no number in a column of numbers, or no time in one of times.

        A scan keeps such rows apart.
        """
        whole = np.ones(self.frame.height, dtype=bool)
        for name, dtype in self.frame.schema.items():
            if dtype != pl.String:
                continue
            filled = np.array([bool(str(cell).strip()) for cell in self.labels(name)])
            values = self.seconds(name) if _may_be_time(self.frame[name]) else self.numbers(name)
            if filled.any() and np.isfinite(values[filled]).mean() > _MOSTLY:
                whole &= np.isfinite(values) | ~filled
        return whole

    def others(self, row: int) -> NDArray[np.int64]:
        """Reference rows but for the row itself."""
        return np.asarray(self.reference[self.reference != row], dtype=np.int64)

    @property
    def columns(self) -> list[str]:
        """Column names of the input."""
        return self.frame.columns

    def numbers(self, name: str) -> Floats:
        """A column as numbers, NaN where a cell holds none; decimal commas are known by their look."""
        if name not in self._numbers:
            self._numbers[name] = _numbers(self.frame[name])
        return self._numbers[name]

    def labels(self, name: str) -> NDArray[np.object_]:
        """A column as text, empty where a cell is."""
        if name not in self._labels:
            text = self.frame[name].cast(pl.String).fill_null("")
            self._labels[name] = np.array(text.to_list(), dtype=object)
        return self._labels[name]

    def seconds(self, name: str) -> Floats:
        """A column as seconds since 1970 in UTC, NaN where a cell is no time."""
        if name not in self._times:
            self._times[name] = _seconds(self.frame[name], self.settings.zone)
        return self._times[name]

    def offsets(self, name: str) -> Floats:
        """Seconds by which local time is ahead of UTC, for each cell of a time column."""
        hours, which = np.unique(np.nan_to_num(self.seconds(name)) // 3600, return_inverse=True)
        offsets = np.array([_offset(float(hour), self.settings.zone) for hour in hours], dtype=np.float64)
        return np.asarray(offsets[which])

    def dates(self, name: str) -> NDArray[Any]:
        """Local days of a time column, NaT where there is none."""
        local = self.seconds(name) + self.offsets(name)
        days = np.full(len(local), np.datetime64("NaT"), dtype="datetime64[D]")
        known = np.isfinite(local)
        days[known] = (local[known] // 86400).astype(np.int64).astype("datetime64[D]")
        return days

    @cached_property
    def time_columns(self) -> list[str]:
        """Columns most of whose cells are times."""
        named = [name for name in self.columns if _may_be_time(self.frame[name])]
        return [name for name in named if np.isfinite(self.seconds(name)).mean() > 0.5]

    @cached_property
    def number_columns(self) -> list[str]:
        """Columns that hold a number somewhere, and no times."""
        return [n for n in self.columns if n not in self.time_columns and np.isfinite(self.numbers(n)).any()]

    @cached_property
    def text_columns(self) -> list[str]:
        """Columns that can name somebody: all but fractions and times."""
        return [
            name
            for name, dtype in self.frame.schema.items()
            if not dtype.is_temporal() and not dtype.is_float() and name not in self.time_columns
        ]

    def mask(self, value: str) -> str:
        """What a person is called in texts: a keyed BLAKE2b hash of the name without case and outer space."""
        key = self.settings.mask_key[:64]
        digest = hashlib.blake2b(value.strip().casefold().encode(), key=key, digest_size=5, person=b"person")
        return f"person-{digest.hexdigest()}"

    def is_called(self, stated: str, value: str) -> bool:
        """Whether a printed name is that of a cell, in full, cut off, masked, or an account's last digits."""
        if same_name(stated, value) or (stated.startswith("person-") and self.mask(value) == stated):
            return True
        return bool(re.fullmatch(r"….{1,4}", stated)) and len(value) >= 4 and value.endswith(stated[1:])

    def called(self, stated: str) -> list[tuple[str, str]]:
        """Columns, and cells in them, that have a printed name."""
        if stated not in self._called:
            self._called[stated] = [
                (name, cell)
                for name in self.text_columns
                for cell in ([stated] if stated in self._cells[name] else self._cells[name])
                if self.is_called(stated, cell)
            ]
        return self._called[stated]

    @cached_property
    def _cells(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(str(cell) for cell in self.labels(name)) for name in self.text_columns}

    def column(self, stated: str) -> str | None:
        """The column of a printed name."""
        named = {label: name for name, label in self.settings.labels.items()}
        wanted = named.get(stated, stated)
        exact = [name for name in self.columns if same_name(wanted, name)]
        loose = [name for name in self.columns if same_name(wanted.lower(), name.lower())]
        return next(iter(exact or loose), None)


def plain(text: str) -> str:
    """A name without quotes, controls and doubled spaces, so that two spellings of it compare."""
    kept = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(re.sub("[\"'“”„«»‹›`]", "'", kept).split())


def same_name(stated: str, value: str) -> bool:
    """Whether a printed name is that of a cell; a long one may be cut off with an ellipsis."""
    one, other = plain(stated), plain(value)
    if one == other:
        return True
    return one.endswith("…") and len(one) > 20 and other.startswith(one[:-1].rstrip())


def _numbers(series: pl.Series) -> Floats:
    if series.dtype == pl.String:
        text = series.str.strip_chars()
        filled = text.filter(text.is_not_null() & (text != ""))
        if len(filled) and _mostly(filled, _COMMA):
            text = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        series = text.cast(pl.Float64, strict=False)
    elif series.dtype == pl.Boolean or not (series.dtype.is_numeric() or series.dtype.is_decimal()):
        return np.full(len(series), np.nan)
    values = series.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _mostly(text: pl.Series, pattern: str) -> bool:
    """Whether more than half of the texts match."""
    share = text.str.contains(pattern).mean()
    return isinstance(share, float) and share > 0.5


def _may_be_time(series: pl.Series) -> bool:
    if series.dtype.is_temporal():
        return True
    if series.dtype != pl.String:
        return False
    sample = series.drop_nulls().head(200)
    return len(sample) > 0 and bool(_mostly(sample, r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"))


def _seconds(series: pl.Series, zone: str) -> Floats:
    """Naive times are read in the zone."""
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = '{ZoneInfo(zone).key}'")
        frame = pl.DataFrame({"value": series})
        connection.register("cells", frame.to_arrow())
        value = "value" if series.dtype.is_temporal() else "trim(value)"
        if series.dtype == pl.String and _mostly(series, r"^\d{1,2}[/.]\d{1,2}[/.]\d{4}"):
            formats = "[" + ", ".join(f"'{one}'" for one in _DAY_FIRST) + "]"
            value = f"try_strptime(trim(value), {formats})"
        query = f"SELECT epoch(try_cast({value} AS TIMESTAMPTZ)) AS at FROM cells"
        seconds: pl.Series = connection.sql(query).pl()["at"]
    return seconds.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)


def _offset(hour: float, zone: str) -> float:
    moment = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(zone))
    offset = moment.utcoffset()
    return offset.total_seconds() if offset is not None else 0.0

"""Roles of columns that nobody described, inferred from types, values and names, each with its reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from analyzers.column_names import Hint, suggested_field, suggests, words_of
from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.errors import SourceError, UsageError

_FEW = 50
"""Up to so many distinct values a column of numbers may be codes."""
_SAMPLE = 20_000
"""Rows looked at where the order of all rows does not matter."""

_FIELD_ROLES = {
    Field.BANK_ACCOUNT: Role.IGNORE,
    Field.INVOICE: Role.IGNORE,
    Field.DOCUMENT: Role.IGNORE,
    Field.DUE_DATE: Role.IGNORE,
    Field.ENTRY_DATE: Role.IGNORE,
    Field.POSTING_DATE: Role.IGNORE,
    Field.REVERSES: Role.IGNORE,
    Field.CREATED_BY: Role.PERSON,
    Field.APPROVED_BY: Role.PERSON,
}
"""Roles that an audit field settles; columns of the other fields are categories."""
_DATE_FIELDS = (Field.DUE_DATE, Field.ENTRY_DATE, Field.POSTING_DATE)


@dataclass(frozen=True)
class Profile:
    """What the values of one column are like; `distinct` counts values that are not null."""

    name: str
    dtype: pl.DataType
    rows: int
    filled: int
    distinct: int

    @property
    def number(self) -> bool:
        """Whether it holds numbers (booleans are none)."""
        return self.dtype.is_numeric()

    @property
    def integer(self) -> bool:
        """Whether it holds whole numbers."""
        return self.dtype.is_integer()

    @property
    def text(self) -> bool:
        """Whether it holds strings."""
        return self.dtype in (pl.String, pl.Categorical) or isinstance(self.dtype, pl.Enum)

    @property
    def instant(self) -> bool:
        """Whether it holds dates or instants."""
        return self.dtype == pl.Date or isinstance(self.dtype, pl.Datetime)

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 1 and self.distinct == self.rows

    @property
    def nearly_unique(self) -> bool:
        """Whether nine values in ten occur once."""
        return self.filled > 1 and self.distinct > 0.9 * self.filled

    @property
    def repeats(self) -> float:
        """How often a value occurs on average."""
        return self.filled / max(self.distinct, 1)


def profile_columns(frame: pl.DataFrame) -> dict[str, Profile]:
    """A profile of every column, by name, in source order."""
    if not frame.width or frame.is_empty():
        return {}
    counted = frame.select(
        *(pl.col(name).drop_nulls().len().alias(f"filled {i}") for i, name in enumerate(frame.columns)),
        *(pl.col(name).drop_nulls().n_unique().alias(f"distinct {i}") for i, name in enumerate(frame.columns)),
    ).row(0, named=True)
    return {
        name: Profile(name, dtype, frame.height, counted[f"filled {i}"], counted[f"distinct {i}"])
        for i, (name, dtype) in enumerate(frame.schema.items())
    }


@dataclass
class _Draft:
    """The decisions so far, by column name: role, field and reason."""

    roles: dict[str, Column]

    def decide(self, name: str, role: Role, reason: str | None, field: Field | None = None) -> None:
        """Settle a column that is still open."""
        if name not in self.roles:
            taken = {column.field for column in self.roles.values()}
            bound = field if field not in taken else None
            self.roles[name] = Column(name=name, role=role, reason=reason, field=bound)

    def has(self, *roles: Role) -> bool:
        """Whether a column has one of these roles."""
        return any(column.role in roles for column in self.roles.values())


def infer_columns(
    frame: pl.DataFrame,
    *,
    shape: Shape | None = None,
    time: str | None = None,
    key: str | None = None,
    entities: Sequence[str] = (),
    exposure: str | None = None,
    ignore: Sequence[str] = (),
) -> Columns:
    """Roles of the columns of a typed frame, each with its reason; what the caller names wins.

    Parameters
    ----------
    frame : polars.DataFrame
        Strings, numbers, booleans, dates and instants as the source has them. The order of its rows plays no part.
    shape : Shape, optional
        Inferred where None: regular samples of numbers over time are a series, everything else events.
    time, key, entities, exposure, ignore
        Columns whose role the caller knows.

    Raises
    ------
    UsageError
        If a named column does not exist or cannot have that role.
    SourceError
        If no column can be analyzed: there is no usable number and no category.
    """
    profiles = profile_columns(frame)
    if not profiles:
        raise SourceError("the source has no records; check that the file holds a header and at least one row")
    draft = _Draft({})
    _apply_overrides(draft, profiles, time, key, entities, exposure, ignore)
    _drop_empty_and_constant(draft, profiles)
    _find_time(frame, draft, profiles)
    if shape is Shape.LONG or (shape is None and _is_long(draft, profiles)):
        return _long_columns(draft, profiles)
    open_or_entity = {name for name in profiles if name not in draft.roles or draft.roles[name].role is Role.ENTITY}
    grid = _regular_entity(frame, draft, profiles, open_or_entity)
    if shape is Shape.SERIES or (shape is None and grid is not None):
        return _series_columns(draft, profiles, grid or "")
    _find_events(frame, draft, profiles)
    return _finished(Shape.EVENTS, draft, profiles)


def _finished(shape: Shape, draft: _Draft, profiles: dict[str, Profile]) -> Columns:
    columns = Columns(shape=shape, columns=tuple(draft.roles[name] for name in profiles))
    if not draft.has(Role.MEASURE, Role.EXPOSURE, Role.CATEGORY, Role.STATE):
        raise SourceError(
            f"none of the {len(profiles)} columns can be analyzed (no number and no category that varies and repeats);"
            " check the separator and the decimal sign, or name the roles in a monitor"
        )
    return columns


# -- what the caller says ------------------------------------------------------------------------------------------


def _apply_overrides(
    draft: _Draft,
    profiles: dict[str, Profile],
    time: str | None,
    key: str | None,
    entities: Sequence[str],
    exposure: str | None,
    ignore: Sequence[str],
) -> None:
    wanted = [(name, Role.IGNORE) for name in ignore]
    wanted += [(time, Role.TIME)] if time is not None else []
    wanted += [(key, Role.KEY)] if key is not None else []
    wanted += [(exposure, Role.EXPOSURE)] if exposure is not None else []
    wanted += [(name, Role.ENTITY) for name in entities]
    for name, role in wanted:
        _require_column(name, role, profiles)
        if name in draft.roles and draft.roles[name].role is not role:
            raise UsageError(f"column {name!r} is named as {draft.roles[name].role} and as {role}; name it once")
        field = suggested_field(name) if role is not Role.TIME else None
        draft.decide(name, role, None, field)


def _require_column(name: str, role: Role, profiles: dict[str, Profile]) -> None:
    if name not in profiles:
        folded = {other.casefold(): other for other in profiles}
        near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
        there = ", ".join(repr(folded[match]) for match in near) or ", ".join(repr(other) for other in [*profiles][:5])
        raise UsageError(f"there is no column {name!r} to use as {role}; nearest columns: {there}")
    if role is Role.TIME and not profiles[name].instant:
        raise UsageError(f"column {name!r} cannot be the time: it holds no dates or instants; name another column")
    if role is Role.EXPOSURE and not profiles[name].number:
        raise UsageError(f"column {name!r} cannot be the exposure: it holds no numbers; name another column")


# -- what every shape needs ----------------------------------------------------------------------------------------


def _drop_empty_and_constant(draft: _Draft, profiles: dict[str, Profile]) -> None:
    for name, profile in profiles.items():
        if not profile.filled:
            draft.decide(name, Role.IGNORE, "it is empty", suggested_field(name))
        elif profile.distinct == 1 and profile.rows > 1:
            draft.decide(name, Role.IGNORE, "it holds one value only", suggested_field(name))
        elif suggests(name, Hint.VERDICT) and profile.distinct <= 2:
            draft.decide(name, Role.IGNORE, "its name is that of a verdict about the record, not of a property")


def _find_time(frame: pl.DataFrame, draft: _Draft, profiles: dict[str, Profile]) -> None:
    candidates = [p for name, p in profiles.items() if p.instant and name not in draft.roles]
    with_hours = {p.name for p in candidates if _has_hours(frame[p.name])}
    if candidates and not draft.has(Role.TIME):
        best = max(
            candidates,
            key=lambda p: (
                not suggests(p.name, Hint.OTHER_DATE),
                p.name in with_hours,
                p.filled,
                suggests(p.name, Hint.TIME),
            ),
        )
        draft.decide(best.name, Role.TIME, "it holds the dates or instants of the records")
    for profile in candidates:
        field = suggested_field(profile.name)
        bound = field if field in _DATE_FIELDS else None
        draft.decide(profile.name, Role.IGNORE, "it is a date beside the record's time", bound)


def _has_hours(values: pl.Series) -> bool:
    """Whether values have a time of day: the times past the hour or the hours themselves differ."""
    if not isinstance(values.dtype, pl.Datetime):
        return False
    return values.dt.time().n_unique() > 2 + values.is_null().any()


# -- series --------------------------------------------------------------------------------------------------------


def _is_long(draft: _Draft, profiles: dict[str, Profile]) -> bool:
    """Whether there are a time, a tag and a value, and at most a quality or unit beside them."""
    free = [profile for name, profile in profiles.items() if name not in draft.roles]
    tags = [p for p in free if p.text and suggests(p.name, Hint.TAG) and p.repeats >= 3]
    values = [p for p in free if p.number and suggests(p.name, Hint.VALUE)]
    return draft.has(Role.TIME) and len(tags) == 1 and len(values) == 1 and len(free) <= 4


def _long_columns(draft: _Draft, profiles: dict[str, Profile]) -> Columns:
    free = [profile for name, profile in profiles.items() if name not in draft.roles]
    named = [profiles[name] for name, column in draft.roles.items() if column.role is Role.ENTITY]
    tag = next(iter(named), None) or _preferred(Hint.TAG, [p for p in free if not p.dtype.is_float()])
    value = _preferred(Hint.VALUE, [p for p in free if p.number and p is not tag])
    if tag is None or value is None or not draft.has(Role.TIME):
        raise UsageError("a long table needs a time, a tag and a value column; name them, or choose another --shape")
    draft.roles.pop(tag.name, None)
    draft.decide(tag.name, Role.ENTITY, "it names the tag of each reading", Field.TAG)
    draft.decide(value.name, Role.MEASURE, "it holds the readings", Field.VALUE)
    for profile in free:
        quality = Field.QUALITY if suggests(profile.name, Hint.QUALITY) else None
        unit = Field.UNIT if suggests(profile.name, Hint.UNIT) and profile.text else None
        draft.decide(profile.name, Role.IGNORE, "it is neither tag nor reading", quality or unit)
    for name in profiles:
        draft.decide(name, Role.IGNORE, "it is neither tag nor reading")
    return _finished(Shape.LONG, draft, profiles)


def _preferred(hint: Hint, candidates: list[Profile]) -> Profile | None:
    """The candidate whose name suggests it, else the only one, else None."""
    hinted = [profile for profile in candidates if suggests(profile.name, hint)]
    if hinted:
        return hinted[0]
    return candidates[0] if len(candidates) == 1 else None


def _regular_entity(
    frame: pl.DataFrame, draft: _Draft, profiles: dict[str, Profile], names: Iterable[str]
) -> str | None:
    """`""` where the rows are regular samples, an entity's column where they are so per entity, else None."""
    time = next((name for name, column in draft.roles.items() if column.role is Role.TIME), None)
    usable = [profiles[name] for name in profiles if name in set(names)]
    measures = [p for p in usable if p.number]
    if time is None or not measures or frame.height < 20:
        return None
    texts = [p for p in usable if p.text]
    groups = [p for p in usable if 2 <= p.distinct <= frame.height / 10 and (p.text or _entity_like(p))]
    groups = [p for p in groups if p.name in draft.roles or not p.number or suggests(p.name, Hint.ENTITY)]
    many_words = [p for p in texts if p.distinct > 20]
    if not many_words and _is_regular(frame[time]):
        return ""
    for group in groups:
        others = [p for p in many_words if p is not group]
        if not others and _is_regular_grid(frame, time, group.name):
            return group.name
    return None


def _is_regular(times: pl.Series) -> bool:
    """Whether most steps between neighbouring instants are equal, and hardly any instant repeats."""
    ordered = times.drop_nulls().unique().sort()
    if len(ordered) < max(20, 0.95 * len(times)):
        return False
    steps = ordered.cast(pl.Datetime("us")).cast(pl.Int64).diff().drop_nulls()
    usual = steps.median()
    return isinstance(usual, float) and usual > 0 and _share((steps - usual).abs() <= 0.1 * usual) >= 0.9


def _is_regular_grid(frame: pl.DataFrame, time: str, group: str) -> bool:
    """Whether every value of `group` has its own row at most of the same regular instants."""
    pairs = frame.select(pl.col(time), pl.col(group)).drop_nulls()
    instants, groups = pairs[time].n_unique(), pairs[group].n_unique()
    distinct = pairs.n_unique()
    complete = distinct >= 0.7 * instants * groups and distinct >= 0.99 * frame.height
    return complete and _is_regular(pairs[time].unique())


def _share(true: pl.Series) -> float:
    return int(true.sum()) / max(len(true), 1)


def _series_columns(draft: _Draft, profiles: dict[str, Profile], entity: str) -> Columns:
    if not draft.has(Role.TIME):
        raise UsageError("a series needs a column of dates or instants; name it with --time, or use --shape events")
    if entity:
        draft.decide(entity, Role.ENTITY, "its values share one regular time grid")
    for name, profile in profiles.items():
        if profile.number:
            draft.decide(name, Role.MEASURE, "it is sampled at regular times")
        elif suggests(name, Hint.STATE) and profile.distinct <= 20:
            draft.decide(name, Role.STATE, "its name is that of an operating state")
        elif profile.text and suggests(name, Hint.ENTITY) and profile.repeats >= 20:
            draft.decide(name, Role.ENTITY, "its name is that of an asset")
        else:
            draft.decide(name, Role.IGNORE, "it is not a number")
    return _finished(Shape.SERIES, draft, profiles)


# -- events --------------------------------------------------------------------------------------------------------


def _find_events(frame: pl.DataFrame, draft: _Draft, profiles: dict[str, Profile]) -> None:
    _find_key(frame, draft, profiles)
    counters = _counters(frame, draft, profiles)
    _find_exposure(draft, {name: p for name, p in profiles.items() if name not in counters})
    for name, profile in profiles.items():
        if name in draft.roles:
            continue
        if name in counters:
            draft.decide(name, Role.IGNORE, counters[name])
        elif profile.number:
            _decide_number(draft, profile)
        elif profile.dtype == pl.Boolean:
            draft.decide(name, Role.CATEGORY, "it is true or false", _field_of_category(name))
        elif profile.text:
            _decide_text(frame, draft, profile)
        else:
            draft.decide(name, Role.IGNORE, f"values of type {profile.dtype} are not analyzed")
    if not draft.has(Role.MEASURE, Role.EXPOSURE, Role.CATEGORY):
        for name in counters:
            if profiles[name].number:
                draft.roles[name] = Column(name=name, role=Role.MEASURE, reason="there is no other number")


def _find_key(frame: pl.DataFrame, draft: _Draft, profiles: dict[str, Profile]) -> None:
    candidates = [
        profile
        for name, profile in profiles.items()
        if name not in draft.roles
        and profile.unique
        and (profile.text or (profile.integer and suggests(name, Hint.IDENTIFIER)))
        and not suggests(name, Hint.TEXT)
        and not _is_prose(frame, profile)
    ]
    if candidates and not draft.has(Role.KEY):
        best = max(candidates, key=lambda p: (suggests(p.name, Hint.IDENTIFIER), p.text))
        draft.decide(best.name, Role.KEY, "no value occurs twice", suggested_field(best.name))
    for profile in candidates:
        draft.decide(profile.name, Role.IGNORE, "no value occurs twice", suggested_field(profile.name))


def _counters(frame: pl.DataFrame, draft: _Draft, profiles: dict[str, Profile]) -> dict[str, str]:
    """Whole numbers that only count the rows or follow the time, with the reason."""
    time = next((name for name, column in draft.roles.items() if column.role is Role.TIME), None)
    found: dict[str, str] = {}
    for name, profile in profiles.items():
        if name in draft.roles or not profile.integer or profile.distinct < 20:
            continue
        values = frame[name].drop_nulls()
        span = int(values.max()) - int(values.min()) + 1  # type: ignore[arg-type]
        if profile.unique and span <= 1.05 * profile.rows:
            found[name] = "it numbers the rows"
        elif time is not None and _follows(frame, time, name):
            found[name] = "it only rises with time"
    return found


def _follows(frame: pl.DataFrame, time: str, name: str) -> bool:
    ordered = frame.select(pl.col(time), pl.col(name)).drop_nulls().sort(time, name)[name]
    return _share(ordered.diff().drop_nulls() >= 0) >= 0.999


def _find_exposure(draft: _Draft, profiles: dict[str, Profile]) -> None:
    numbers = [p for name, p in profiles.items() if name not in draft.roles and p.number]
    hinted = [p for p in numbers if suggests(p.name, Hint.EXPOSURE) and not suggests(p.name, Hint.IDENTIFIER)]
    if hinted and not draft.has(Role.EXPOSURE):
        best = min(hinted, key=lambda p: ("amount" not in words_of(p.name), p.dtype != pl.Decimal))
        draft.decide(best.name, Role.EXPOSURE, "its name is that of an amount of money")


def _entity_like(profile: Profile) -> bool:
    return suggests(profile.name, Hint.ENTITY) and not suggests(profile.name, Hint.CODE)


def _decide_number(draft: _Draft, profile: Profile) -> None:
    name = profile.name
    identifier = suggests(name, Hint.IDENTIFIER)
    if profile.integer and (identifier or _entity_like(profile)) and profile.nearly_unique and identifier:
        draft.decide(name, Role.IGNORE, "it is a number that identifies, and hardly repeats", suggested_field(name))
    elif profile.integer and profile.distinct >= 2 and profile.repeats >= 3 and (identifier or _entity_like(profile)):
        role = Role.ENTITY if _entity_like(profile) or profile.distinct > _FEW else Role.CATEGORY
        draft.decide(name, role, "it is a number that identifies, and repeats", suggested_field(name))
    elif profile.integer and suggests(name, Hint.CODE) and profile.distinct <= _FEW and profile.repeats >= 5:
        draft.decide(name, Role.CATEGORY, "its name is that of a code, and it has few values", _field_of_category(name))
    else:
        draft.decide(name, Role.MEASURE, "it is a number")


def _field_of_category(name: str) -> Field | None:
    field = suggested_field(name)
    return field if field not in _FIELD_ROLES else None


def _decide_text(frame: pl.DataFrame, draft: _Draft, profile: Profile) -> None:
    name = profile.name
    field = suggested_field(name)
    if field in _FIELD_ROLES:
        role = _FIELD_ROLES[field]
        draft.decide(name, role, f"its name is that of the field {field.value}", field)
    elif suggests(name, Hint.PERSON):
        draft.decide(name, Role.PERSON, "its name is that of a person's")
    elif suggests(name, Hint.TEXT) or (profile.repeats < 5 and _is_prose(frame, profile)):
        draft.decide(name, Role.TEXT, "it is free text")
    elif _entity_like(profile) and profile.repeats >= 2 and field is not Field.ACCOUNT:
        draft.decide(name, Role.ENTITY, "its name is that of a party or an asset, and values repeat")
    elif profile.nearly_unique or profile.repeats < 1.5:
        draft.decide(name, Role.IGNORE, "hardly any value repeats", field)
    elif profile.distinct > _FEW and profile.repeats >= 3 and suggests(name, Hint.IDENTIFIER):
        draft.decide(name, Role.ENTITY, "it identifies, and values repeat", field)
    else:
        draft.decide(name, Role.CATEGORY, "values repeat", field)


def _is_prose(frame: pl.DataFrame, profile: Profile) -> bool:
    """Whether values are words with spaces between them, long on average."""
    if not profile.text:
        return False
    values = frame[profile.name].drop_nulls().head(_SAMPLE).cast(pl.String)
    length, spaces = values.str.len_chars().mean(), values.str.count_matches(" ", literal=True).mean()
    return isinstance(length, float) and isinstance(spaces, float) and length > 20 and spaces >= 2

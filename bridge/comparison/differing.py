"""Comparing two answers: which fields of which rows differ, and which of that is declared. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from bridge.comparison.answers import ORDER, ROW, Answer, Declared, Place, Row

TIMES: Final = ("_at", "activity")
"""How the names of fields end that hold a moment."""


class Difference(Struct, frozen=True, kw_only=True):
    """One field of one row; never what is in it."""

    key: str
    """The row's id; empty for what is about all rows."""
    field: str
    """Its name; empty where one side has no such row."""
    where: str
    """both, old or new: who has the row at all."""


class Verdict(Struct, frozen=True, kw_only=True):
    """How two answers compare."""

    differences: tuple[Difference, ...] = ()
    declared: tuple[str, ...] = ()
    """Names of declared differences that were seen."""

    @property
    def is_match(self) -> bool:
        """Tell whether nothing differs but what is meant to."""
        return not self.differences


def compare(old: Answer, new: Answer, declared: Sequence[Declared] = ()) -> Verdict:
    """Compare every field that the old answer has; what the new one has beside them is allowed."""
    differences: list[Difference] = []
    seen: set[str] = set()
    for place in _places(old, new):
        excuse = next((one.name for one in declared if one.covers(place)), None)
        if excuse is not None:
            seen.add(excuse)
        else:
            differences.append(Difference(key=place.key, field=place.field, where=_where(place)))
    return Verdict(differences=tuple(differences), declared=tuple(sorted(seen)))


def _where(place: Place) -> str:
    if place.field != ROW:
        return "both"
    return "old" if place.new is None else "new"


def _places(old: Answer, new: Answer) -> Iterator[Place]:
    for key in [*old.rows, *(key for key in new.rows if key not in old.rows)]:
        before, after = old.rows.get(key), new.rows.get(key)
        for field in _fields(before, after):
            yield Place(key=key, field=field, old=before, new=after, hints=old.hints)
    if old.moment is not None and _order(old, new) != _order(new, old):
        yield Place(key="", field=ORDER, old=None, new=None, hints=old.hints)


def _fields(old: Row | None, new: Row | None) -> Sequence[str]:
    if old is None or new is None:
        return (ROW,)
    return [field for field in old if not is_same(field, old[field], new.get(field))]


def _order(one: Answer, other: Answer) -> Sequence[object]:
    """Return the moments of the rows that both have, as they stand: rows of one moment may change places."""
    field = one.moment or ""
    shared = ((row, other.rows[key]) for key, row in one.rows.items() if key in other.rows)
    return [
        canonical(field, row.get(field))
        for row, twin in shared
        if row.get(field) is not None and is_same(field, row.get(field), twin.get(field))
    ]


def is_same(field: str, one: object, other: object) -> bool:
    """Tell whether two values mean the same."""
    return canonical(field, one) == canonical(field, other)


def canonical(field: str, value: object) -> object:
    """Return a value in one form: moments are printed in more than one way."""
    if isinstance(value, str) and field.endswith(TIMES):
        return moment(value) or value
    return value


def moment(text: object) -> datetime | None:
    """Read a moment as PostgREST, its stand-ins and the bridge print it."""
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def flat(row: Mapping[str, object]) -> Row:
    """Return a row whose embedded rows are fields of its own: `sender.username`."""
    made: dict[str, object] = {}
    for field, value in row.items():
        if isinstance(value, dict) and field in EMBEDDED:
            made |= {f"{field}.{name}": inner for name, inner in value.items()}
        elif not (value is None and field in EMBEDDED):
            made[field] = value
    return made


EMBEDDED: Final = frozenset({"sender", "reply_to", "users"})

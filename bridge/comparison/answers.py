"""What is compared: rows of two sides, places where they differ, and the differences that are meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

Row = Mapping[str, object]

ROW: Final = ""
"""As the name of a field: the whole row."""
ORDER: Final = "order"
"""As the name of a field: where the rows stand."""


Hints = Mapping[str, frozenset[str]]
"""What the old side knows beyond its rows, by name."""


class Answer(Struct, frozen=True, kw_only=True):
    """What one side answered: rows by their key, in the order in which they came."""

    rows: Mapping[str, Row]
    moment: str | None = None
    """The field by which they are ordered, if the order matters."""
    hints: Hints = {}
    """What declared differences need to know beyond the rows, as far as it was known at once."""


class Place(Struct, frozen=True, kw_only=True):
    """Where the two sides differ; contents may be looked at here, and never leave."""

    key: str
    field: str
    old: Row | None
    new: Row | None
    hints: Hints

    def hint(self, name: str) -> frozenset[str]:
        """Return what the old side found out under this name."""
        return self.hints.get(name, frozenset())

    @property
    def values(self) -> tuple[object, object]:
        """Return the old value and the new one."""
        return (self.old or {}).get(self.field), (self.new or {}).get(self.field)


class Declared(Struct, frozen=True, kw_only=True):
    """A difference that is meant, so it does not count as a mismatch; how often it was seen is reported."""

    name: str
    why: str
    """In one sentence, what is different and since when that is right."""
    covers: Callable[[Place], bool]

"""Differences that more than one comparison declares."""

from __future__ import annotations

from typing import Final

from bridge.comparison.answers import Declared, Place
from bridge.comparison.differing import moment
from bridge.content import JUNK, ColumnType, read_copy

_HEX: Final = "\\x"
_UNSEEN: Final = frozenset({"sealed", "unavailable"})


def text_of(printed: object) -> str | None:
    """Return the text of a bytea column as PostgREST prints it; None where it is none."""
    if not isinstance(printed, str) or not printed.startswith(_HEX):
        return None
    return read_copy(printed, ColumnType.BYTEA)


def _is_hex(place: Place) -> bool:
    old, new = place.values
    return "content" in place.field and text_of(old) == new and new is not None


def _is_sealed(place: Place) -> bool:
    if "content" not in place.field or place.new is None:
        return False
    states = {place.new.get("content_state"), place.new.get("reply_to.content_state")}
    old = place.values[0]
    return bool(states & _UNSEEN) or (text_of(old) or old) == JUNK


def is_expired(place: Place, field: str = "expires_at") -> bool:
    """Tell whether the old row was over when it was asked for."""
    at, now = moment((place.old or {}).get(field)), moment(next(iter(place.hint("now")), ""))
    return at is not None and now is not None and at <= now


HEX: Final = Declared(
    name="bytes_as_hex",
    why="A bytea column reached legacy clients as `\\x…`; the bridge shows the text.",
    covers=_is_hex,
)
SEALED: Final = Declared(
    name="sealed",
    why="Of a sealed message the old answer holds a serialised buffer, the bridge's the viewer's own copy or nothing.",
    covers=_is_sealed,
)

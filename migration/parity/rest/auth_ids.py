"""The old lists' common fault: they ask with the auth id, and rows hold the users.id (contract failures F1)."""

from __future__ import annotations

from typing import Final

from bridge.comparison.answers import ROW, Declared, Hints, Place

_NAME: Final = "asked_with_auth_id"


def hints(*, is_asked: bool) -> Hints:
    """Return what `declared` needs to know: whether this list may have been asked for with the auth id."""
    return {_NAME: frozenset({"yes"} if is_asked else ())}


def declared(why: str) -> Declared:
    """Return the difference: rows that the old list lacks."""
    return Declared(name=_NAME, why=why, covers=_is_hidden)


def _is_hidden(place: Place) -> bool:
    return place.field == ROW and place.old is None and bool(place.hint(_NAME))

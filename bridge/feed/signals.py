"""What a feed says about itself."""

from __future__ import annotations

from msgspec import Struct


class Live(Struct, frozen=True):
    """From here on changes arrive; whatever was committed before may be missing."""


class Lost(Struct, frozen=True):
    """Changes no longer arrive."""

    reason: str
    unpublished: str | None = None
    """The needed table that is to blame, if Realtime named one that nobody publishes."""


class TableLive(Struct, frozen=True):
    """From here on changes of this optional table arrive as well."""

    table: str


class TableLost(Struct, frozen=True):
    """Changes of this optional table do not arrive."""

    table: str
    is_unpublished: bool = False
    """Whether that is because nobody publishes it."""

"""What a feed says about itself."""

from __future__ import annotations

from msgspec import Struct


class Live(Struct, frozen=True):
    """From here on changes arrive; whatever was committed before may be missing."""


class Lost(Struct, frozen=True):
    """Changes no longer arrive."""

    reason: str

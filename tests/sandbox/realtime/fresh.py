"""Row ids no other test uses."""

from __future__ import annotations

import itertools

_NUMBERS = itertools.count(1_000_000, 10_000)


def fresh_id() -> int:
    """Return a number with ten thousand free ones behind it."""
    return next(_NUMBERS)

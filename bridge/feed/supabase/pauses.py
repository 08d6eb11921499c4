"""How long the feed waits between epochs that fail: longer and longer, and long enough where the server asked for less.

Projects were suspended for reconnecting in a loop (supabase.md 2.7).
"""

from __future__ import annotations

import re
from typing import Final

from tenacity import RetryCallState, wait_random_exponential

MULTIPLIER: Final = 0.5
LONGEST_SECONDS: Final = 30.0
AFTER_RATE_LIMIT_SECONDS: Final = 30.0

_RATE_LIMITED: Final = re.compile(r"RateLimitReached|\b429\b|too many", re.IGNORECASE)

_grow: Final = wait_random_exponential(multiplier=MULTIPLIER, max=LONGEST_SECONDS)


class EpochEnded(Exception):
    """This client is of no more use; the text says why."""

    @property
    def is_rate_limited(self) -> bool:
        """Tell whether it was because we asked for too much (supabase.md 2.5, reason prefixes)."""
        return _RATE_LIMITED.search(str(self)) is not None


class EpochReplaced(Exception):
    """This client is of no more use, and another one listens already: nothing is lost."""


def pause_after(state: RetryCallState) -> float:
    """Return the seconds to wait: a random part of a growing limit, and after a rate limit half a minute more."""
    error = state.outcome.exception() if state.outcome else None
    floor = AFTER_RATE_LIMIT_SECONDS if isinstance(error, EpochEnded) and error.is_rate_limited else 0.0
    return floor + _grow(state)


def http_status(error: Exception) -> int | None:
    """Return with which status the server refused a handshake, if it did."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None

"""A row of our own whose changes must come back: the one check that sees what Realtime does not know of itself.

A rate limit drops changes without a word, a poller gets stuck, somebody edits the publication: the connection is fine,
heartbeats are answered, and nothing arrives (supabase.md sections 3 and 4). Pure: whoever writes the row says so, and
so does whoever hears of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bridge.clock import Clock

HEARD_WITHIN_SECONDS: Final = 10.0
SCHEMA: Final = "chat_bridge"
TABLE: Final = "canary"


class Canary:
    """What was written last, and whether it was heard."""

    def __init__(self, row_id: str, clock: Clock, *, is_there: Callable[[], bool] = lambda: False) -> None:
        self.row_id = row_id
        self.is_there = is_there
        """Tell whether the database has a place for it."""
        self._clock = clock
        self._is_listening = False
        self._beat = 0
        self._began_at: float | None = None
        self._written_at: float | None = None
        self.lag_seconds: float | None = None
        """How long the last one took, from before it was written until it was heard; None while nobody listens."""

    @property
    def is_listening(self) -> bool:
        """Tell whether Realtime has promised to tell of the row."""
        return self._is_listening

    @property
    def is_overdue(self) -> bool:
        """Tell whether a row that was certainly written has not been heard of in time."""
        return self._written_at is not None and self._clock.monotonic() - self._written_at > HEARD_WITHIN_SECONDS

    def listen(self, *, listening: bool) -> None:
        """Take in that changes of the row arrive from here on, or no longer; what was written before may be lost."""
        self._is_listening = listening
        self._began_at = self._written_at = None
        if not listening:
            self.lag_seconds = None

    def begin(self) -> int:
        """Return the number to write next."""
        self._beat += 1
        self._began_at, self._written_at = self._clock.monotonic(), None
        return self._beat

    def written(self, beat: int) -> None:
        """Take in that a number is in the table, unless it was heard already."""
        if beat == self._beat and self._began_at is not None:
            self._written_at = self._clock.monotonic()

    def heard(self, beat: object) -> None:
        """Take in that Realtime tells of a number; of an old one that says nothing."""
        if beat == self._beat and self._began_at is not None:
            self.lag_seconds = self._clock.monotonic() - self._began_at
            self._began_at = self._written_at = None

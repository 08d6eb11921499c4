"""Times of our own writes: the server's clock, never going back within a conversation (design decision 6, F24)."""

from __future__ import annotations

from datetime import datetime, timedelta

from bridge.clock import Clock
from bridge.models import ConversationId
from bridge.recent import Recent

CAPACITY = 50_000
TICK = timedelta(microseconds=1)


class SendTimes:
    """The last time given per conversation."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: Recent[ConversationId, datetime] = Recent(CAPACITY)

    def next(self, conversation_id: ConversationId) -> datetime:
        """Return a time later than every one given for this conversation before."""
        last = self._last.get(conversation_id)
        now = self._clock.now()
        given = now if last is None or now > last else last + TICK
        self._last.put(conversation_id, given)
        return given

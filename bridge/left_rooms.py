"""What the connections that ended had open, for those that come back: they only authenticate (contract F27).

A client that lost its connection sends `auth` and nothing else, yet typing goes only to where a conversation is open.
Messages do not depend on this. Nor do rights: an open conversation only narrows what a member is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from bridge.clock import Clock
from bridge.models import ConversationId, UserId
from bridge.recent import Recent

USERS = 20_000
CONNECTIONS_OF_A_USER = 8
ROOMS_OF_A_CONNECTION = 50
ENDS_APART_SECONDS = 60.0
"""Ends that are closer together than this count as the first of them."""

Left = tuple[float, tuple[ConversationId, ...]]


class LeftRooms:
    """The open conversations of ended connections by user; each is taken up once, the last one left first."""

    def __init__(self, clock: Clock, max_age_seconds: float) -> None:
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._ends: Recent[UserId, tuple[float, ...]] = Recent(
            USERS, clock=clock, max_age_seconds=max_age_seconds + ENDS_APART_SECONDS
        )
        self._elsewhere: Recent[UserId, float] = Recent(USERS, clock=clock, max_age_seconds=max_age_seconds)
        self._left: Recent[UserId, tuple[Left, ...]] = Recent(USERS, clock=clock, max_age_seconds=max_age_seconds)

    def leave(
        self,
        user_id: UserId,
        joined: Iterable[ConversationId],
        *,
        told_until: float | None = None,
        knows_its_place: bool = False,
    ) -> None:
        """Keep what a connection that ends had open, in the order of joining; nothing is not worth keeping.

        `told_until`: when it was told something last, if that was before its end, for its token had expired.
        `knows_its_place`: it shows a cursor when it comes back, so nobody has to remember when it ended.
        """
        rooms = tuple(joined)[-ROOMS_OF_A_CONNECTION:]
        now = self._clock.monotonic()
        if not knows_its_place:
            self._note_end(user_id, now if told_until is None else told_until)
        if rooms:
            earlier = self._left.get(user_id) or ()
            self._left.put(user_id, (*earlier, (now, rooms))[-CONNECTIONS_OF_A_USER:])

    def hear(self, user_id: UserId, *, seconds_ago: float) -> None:
        """Take in when somebody was connected elsewhere: if that bridge is gone, its clients come here."""
        self._elsewhere.put(user_id, self._clock.monotonic() - max(0.0, seconds_ago))

    def ended_at(self, user_id: UserId) -> float | None:
        """Return until when the user's connection that ended first was told things, by the monotonic clock.

        Of those that are remembered; None if none ended. Which of them comes back nobody knows: that another device, or
        another tab, has come since says nothing about this one.
        """
        return next(iter(self._remembered(user_id)), None)

    def _note_end(self, user_id: UserId, at: float) -> None:
        ends = self._remembered(user_id)
        if not ends or at < ends[0]:
            self._ends.put(user_id, (at, *ends))
        elif at - ends[-1] >= ENDS_APART_SECONDS:
            self._ends.put(user_id, (*ends, at))

    def _remembered(self, user_id: UserId) -> tuple[float, ...]:
        oldest = self._clock.monotonic() - self._max_age_seconds - ENDS_APART_SECONDS
        return tuple(at for at in self._ends.get(user_id) or () if at >= oldest)

    def seen_elsewhere_at(self, user_id: UserId) -> float | None:
        """Return the last sign of life of the user that another bridge has written, by the monotonic clock."""
        return self._elsewhere.get(user_id)

    def take(self, user_id: UserId) -> tuple[ConversationId, ...]:
        """Return what the connection that ended last had open, and forget it; nothing if that is too long ago."""
        left = self._left.discard(user_id) or ()
        if not left or self._clock.monotonic() - left[-1][0] > self._max_age_seconds:
            return ()
        if len(left) > 1:
            self._left.put(user_id, left[:-1])
        return left[-1][1]

"""Who is typing where: told when it changes, ended by itself, written to the table now and then (contract F36).

Synchronous and in memory. The table's rows, which legacy readers see, follow through `unwritten`, throttled: a
keystroke is not a write.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

from bridge.clock import Clock
from bridge.events import TypingChanged
from bridge.hub import Hub
from bridge.models import ConversationId, Profile, UserId
from bridge.recent import Recent

ENDS_AFTER_SECONDS = 5.0
WRITE_AT_MOST_EVERY_SECONDS = 5.0
OWN_WRITE_REMEMBERED_SECONDS = 30.0
CAPACITY = 10_000

Place = tuple[ConversationId, UserId]


@dataclass(slots=True)
class _Typing:
    """One person typing in one conversation."""

    typist: Profile
    members: Set[str]
    ends_at: float


class TypingState:
    """The people who are typing."""

    def __init__(self, hub: Hub, clock: Clock, known_members: Callable[[ConversationId], Set[str] | None]) -> None:
        self._hub = hub
        self._clock = clock
        self._known_members = known_members
        self._typing: dict[Place, _Typing] = {}
        self._unwritten: dict[Place, bool] = {}
        self._written_at: Recent[Place, float] = Recent(CAPACITY)
        self._written: Recent[Place, bool] = Recent(CAPACITY)

    def begin(
        self, conversation_id: ConversationId, typist: Profile, members: Set[str], *, is_ours: bool = True
    ) -> None:
        """Take in a keystroke; the first one is told to the other members. `is_ours`: the table has to follow."""
        place = (conversation_id, typist.id)
        is_news = place not in self._typing
        self._typing[place] = _Typing(typist, members, self._clock.monotonic() + ENDS_AFTER_SECONDS)
        if is_news:
            self._tell(place, is_typing=True, write=is_ours)

    def end(self, conversation_id: ConversationId, user_id: UserId, *, is_ours: bool = True) -> None:
        """Take in that somebody stopped: said so, sent, left or is gone. Twice tells once."""
        place = (conversation_id, user_id)
        if place in self._typing:
            self._tell(place, is_typing=False, write=is_ours)
            del self._typing[place]

    def end_overdue(self) -> None:
        """End whoever has not typed for a while: the browser may have vanished."""
        now = self._clock.monotonic()
        for conversation_id, user_id in [place for place, one in self._typing.items() if one.ends_at <= now]:
            self.end(conversation_id, user_id)

    def is_own_echo(self, conversation_id: ConversationId, user_id: UserId) -> bool:
        """Tell whether a changed row is likely what we wrote ourselves; a late echo of "true" must not start anew."""
        at = self._written_at.get((conversation_id, user_id))
        return at is not None and self._clock.monotonic() - at < OWN_WRITE_REMEMBERED_SECONDS

    def take_unwritten(self) -> list[tuple[Place, bool]]:
        """Return the rows that are due for writing and take them as written; the last state of each counts."""
        now = self._clock.monotonic()
        due: list[tuple[Place, bool]] = []
        for place, is_typing in list(self._unwritten.items()):
            last = self._written_at.get(place)
            if last is not None and now - last < WRITE_AT_MOST_EVERY_SECONDS:
                continue
            del self._unwritten[place]
            if self._written.get(place) is not is_typing:
                self._written_at.put(place, now)
                self._written.put(place, is_typing)
                due.append((place, is_typing))
        return due

    def _tell(self, place: Place, *, is_typing: bool, write: bool) -> None:
        one = self._typing[place]
        # Somebody may have been removed since the last key: the end is none of their business any more (contract F8).
        current = self._known_members(place[0])
        members = one.members if current is None else one.members & current
        self._hub.publish(TypingChanged(topic=place[0], typist=one.typist, is_typing=is_typing), members)
        if write:
            self._unwritten[place] = is_typing

"""Writes of our own that are on their way, each with its place in the order of its conversation.

Synchronous, like the hub, which alone knows what is published to whom.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Set
from enum import Enum

from bridge.events import Event
from bridge.models import ConversationId


class _State(Enum):
    PENDING = "pending"
    SETTLED = "settled"
    ABANDONED = "abandoned"


class Reservation:
    """The place of a write of our own in the order of its conversation, taken before the write begins.

    It does two things. The echo of the write, should the feed bring it before the write returns, waits here: a sender
    gets its `message_sent` before its own `message_received`. And writes of one conversation that overlap are published
    in the order of their times, whichever returns first: live order and loaded order agree.
    """

    __slots__ = ("_release", "echo", "event", "followers", "key", "members", "removed", "state", "topic")

    def __init__(self, topic: ConversationId, key: str, release: Callable[[Reservation], None]) -> None:
        self._release = release
        self.topic = topic
        self.key = key
        self.state = _State.PENDING
        self.event: Event | None = None
        self.echo: Event | None = None
        self.members: Set[str] = frozenset()
        self.removed: Set[str] = frozenset()
        """Who was removed while this stood in line: not for them, whatever the members of its moment were."""
        self.followers: list[tuple[Event, Set[str]]] = []

    def settle(self, event: Event, members: Set[str]) -> None:
        """Publish what was written, as soon as earlier writes of the conversation are out."""
        self.state, self.event, self.members = _State.SETTLED, event, members
        self._release(self)

    def abandon(self) -> None:
        """Give the place up: the write failed, or nobody knows. An echo that came all the same is published."""
        if self.state is _State.PENDING:
            self.state = _State.ABANDONED
            self._release(self)


class Reservations:
    """The writes on their way, by key and in line."""

    def __init__(self) -> None:
        self._by_key: dict[str, Reservation] = {}
        self._lines: dict[ConversationId, deque[Reservation]] = {}
        self._waiting: list[tuple[set[Reservation], Callable[[], None]]] = []

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def add(self, reservation: Reservation) -> None:
        """Give a write the last place in the line of its conversation."""
        self._by_key[reservation.key] = reservation
        self._lines.setdefault(reservation.topic, deque()).append(reservation)

    def of(self, topic: ConversationId) -> Iterable[Reservation]:
        """Return the line of a conversation."""
        return self._lines.get(topic, ())

    def hold_back(self, event: Event, members: Set[str], after: str | None) -> bool:
        """Keep the echo of a write on its way, or what follows one, and say whether it was kept."""
        reservation = self._by_key.get(event.key) if event.key is not None else None
        earlier = self._by_key.get(after) if after is not None else None
        if reservation is not None:
            reservation.echo, reservation.members = event, members
        elif earlier is not None:
            earlier.followers.append((event, members))
        return reservation is not None or earlier is not None

    def when_told(self, then: Callable[[], None]) -> None:
        """Call `then` as soon as all writes that are on their way now are told, or given up."""
        awaited = {one for line in self._lines.values() for one in line}
        if awaited:
            self._waiting.append((awaited, then))
        else:
            then()

    def release(self, topic: ConversationId) -> Iterator[tuple[Event, Set[str]]]:
        """Yield what no longer waits for an earlier write, in order; afterwards call those who waited for it."""
        line = self._lines[topic]
        released: set[Reservation] = set()
        while line and line[0].state is not _State.PENDING:
            first = line.popleft()
            released.add(first)
            if self._by_key.get(first.key) is first:
                del self._by_key[first.key]
            # An echo may have come after the write was given up, while it still stood in line behind a slower one.
            event = first.event or first.echo
            if event is not None:
                yield event, first.members - first.removed
            for follower, members in first.followers:
                yield follower, members - first.removed
        if not line:
            del self._lines[topic]
        self._call_those_who_waited(released)

    def _call_those_who_waited(self, released: Set[Reservation]) -> None:
        waiting = [(awaited - released, then) for awaited, then in self._waiting]
        self._waiting = [(awaited, then) for awaited, then in waiting if awaited]
        for awaited, then in waiting:
            if not awaited:
                then()

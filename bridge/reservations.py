"""Writes of our own that are on their way, each with its place in the order of its conversation.

Synchronous, like the hub, which alone knows what is published to whom.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Set
from datetime import datetime
from enum import Enum

from bridge.events import Event, MessageSent, Topicless
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

    __slots__ = ("_release", "at", "began", "echo", "event", "followers", "key", "members", "removed", "state", "topic")

    def __init__(
        self, topic: ConversationId, key: str, at: datetime, began: int, release: Callable[[Reservation], None]
    ) -> None:
        self._release = release
        self.at = at
        """The time that the message is to have."""
        self.began = began
        """What was told before this moment is a repeat, unless the write turns out to have made its row anew."""
        self.topic = topic
        self.key = key
        self.state = _State.PENDING
        self.event: MessageSent | None = None
        self.echo: MessageSent | None = None
        self.members: Set[str] = frozenset()
        self.removed: Set[str] = frozenset()
        """Who was removed while this stood in line: not for them, whatever the members of its moment were."""
        self.followers: list[tuple[Event, Set[str]]] = []

    @property
    def known(self) -> MessageSent | None:
        """Return what is known to be written, by its answer or its echo."""
        return self.event or self.echo

    def is_new(self, event: MessageSent) -> bool:
        """Tell whether this write made the row: then it was not there when the place was taken."""
        return event.message.created_at == self.at

    def settle(self, event: MessageSent, members: Set[str]) -> None:
        """Publish what was written, as soon as earlier writes of the conversation are out.

        If the row is new, whatever had been told of its key, or passed over, was of an earlier row that is gone.
        """
        self.state, self.event, self.members = _State.SETTLED, event, members
        self.began = self.began if self.is_new(event) else 0
        self._release(self)

    def forget_echo(self) -> None:
        """Take in that what the echo told of is undone."""
        self.echo = None

    def abandon(self) -> None:
        """Give the place up: the write failed, or nobody knows. An echo that came all the same is published."""
        if self.state is _State.PENDING:
            self.state = _State.ABANDONED
            self._release(self)


Due = tuple[Event, Set[str], int]
"""What is to be published, to whom, and from which moment on it would be a repeat."""


class Reservations:
    """The writes on their way, by key and in line."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[ConversationId, str], Reservation] = {}
        self._lines: dict[ConversationId, deque[Reservation]] = {}
        self._waiting: list[tuple[set[Reservation], Callable[[], None]]] = []

    def __contains__(self, place: tuple[ConversationId, str]) -> bool:
        return place in self._by_key

    def add(self, reservation: Reservation) -> None:
        """Give a write the last place in the line of its conversation."""
        self._by_key[reservation.topic, reservation.key] = reservation
        self._lines.setdefault(reservation.topic, deque()).append(reservation)

    def of(self, topic: ConversationId) -> Iterable[Reservation]:
        """Return the line of a conversation."""
        return self._lines.get(topic, ())

    def hold_back(self, event: Event, members: Set[str], after: str | None) -> bool:
        """Keep the echo of a write on its way, or what follows one, and say whether it was kept."""
        reservation, earlier = self._with_key(event, event.key), self._with_key(event, after)
        if reservation is not None and isinstance(event, MessageSent):
            reservation.echo, reservation.members = event, members
        elif earlier is not None:
            earlier.followers.append((event, members))
        return reservation is not None or earlier is not None

    def _with_key(self, event: Event, key: str | None) -> Reservation | None:
        """Return who has this key in the event's conversation; in another one it is a mistake, to be refused."""
        return None if key is None or isinstance(event, Topicless) else self._by_key.get((event.topic, key))

    def when_told(self, then: Callable[[], None]) -> None:
        """Call `then` as soon as all writes that are on their way now are told, or given up."""
        awaited = {one for line in self._lines.values() for one in line}
        if awaited:
            self._waiting.append((awaited, then))
        else:
            then()

    def release(self, topic: ConversationId) -> Iterator[Due]:
        """Yield what no longer waits for an earlier write, in order; afterwards call those who waited for it."""
        line = self._lines[topic]
        released: set[Reservation] = set()
        while line and line[0].state is not _State.PENDING:
            first = line.popleft()
            if first.known is not None and first.known.message.created_at > first.at:
                _insert(line, first, first.known.message.created_at)
                continue
            released.add(first)
            if self._by_key.get((first.topic, first.key)) is first:
                del self._by_key[first.topic, first.key]
            # An echo may have come after the write was given up, while it still stood in line behind a slower one.
            if first.known is not None:
                yield first.known, first.members - first.removed, first.began if first.event else 0
            for follower, members in first.followers:
                yield follower, members - first.removed, 0
        if not line:
            del self._lines[topic]
        self._call_those_who_waited(released)

    def _call_those_who_waited(self, released: Set[Reservation]) -> None:
        waiting = [(awaited - released, then) for awaited, then in self._waiting]
        self._waiting = [(awaited, then) for awaited, then in waiting if awaited]
        for awaited, then in waiting:
            if not awaited:
                then()


def _insert(line: deque[Reservation], one: Reservation, at: datetime) -> None:
    """Put one into the line where it belongs by the time that its message has.

    That is later than its place if the same send, repeated, was quicker and wrote the row; in between are others, which
    would be told too late.
    """
    one.at = at
    line.insert(sum(other.at <= at for other in line), one)

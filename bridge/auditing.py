"""Which messages this process has told: ids only, as digests for each conversation, so that an audit can compare.

Made from what is kept for clients that come back (`bridge.history`), so it costs nothing while nobody asks. Told means
that the hub has had the message, for whoever was connected; one that nobody was connected for counts, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from bridge.clock import Clock
from bridge.events import MessageSent
from bridge.history import History
from bridge.models import ConversationId, MessageId


class Digest(Struct, frozen=True, kw_only=True):
    """Stands for a set of messages."""

    messages: int
    sha256: str
    """Of their ids, sorted, one a line."""


class Told(Struct, frozen=True, kw_only=True):
    """What was told of the messages that are dated within a window."""

    since: datetime
    until: datetime
    known_from: datetime
    """From when on everything that this process told is known; a window that begins earlier proves nothing."""
    conversations: Mapping[ConversationId, Digest]


class ToldIds(Struct, frozen=True, kw_only=True):
    """The messages themselves, of one conversation."""

    ids: tuple[MessageId, ...]


class Audit:
    """Answers from the history of this process."""

    def __init__(self, history: History, clock: Clock) -> None:
        self._history = history
        self._clock = clock

    def told(self, since: datetime, until: datetime) -> Told:
        """Return digests of the messages dated from `since` until before `until`, by conversation."""
        found: dict[ConversationId, set[MessageId]] = {}
        for event in self._within(since, until):
            found.setdefault(event.topic, set()).add(event.message.id)
        age = self._clock.monotonic() - self._history.known_from
        return Told(
            since=since,
            until=until,
            known_from=self._clock.now() - timedelta(seconds=age),
            conversations={conversation_id: digest(ids) for conversation_id, ids in found.items()},
        )

    def ids(self, conversation_id: str, since: datetime, until: datetime) -> ToldIds:
        """Return the ids behind a digest."""
        events = self._within(since, until)
        return ToldIds(ids=tuple(sorted({one.message.id for one in events if one.topic == conversation_id})))

    def _within(self, since: datetime, until: datetime) -> Iterator[MessageSent]:
        for entry in self._history.since(0.0):
            event = entry.event
            if isinstance(event, MessageSent) and since <= event.message.created_at < until:
                yield event


def digest(ids: Iterable[str]) -> Digest:
    """Return what stands for these ids, in any order."""
    ordered = sorted(set(ids))
    return Digest(messages=len(ordered), sha256=hashlib.sha256("\n".join(ordered).encode()).hexdigest())

"""Who still uses what, and what is written past the bridge: counted by day, never with contents.

The port to where the counts are kept: a table of the bridge's own in the chat's database, or a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from msgspec import Struct, field

from bridge.ids import fresh_id
from bridge.models import ConversationId, UserId

NOBODY: Final = UserId("")
"""Stands for a caller who is not known: not signed in, or refused before anybody asked who it is."""

COUNTED_ONCE_WITHIN: Final = timedelta(minutes=10)
"""Longer than a row is heard of: by echo, by catch-up after a gap or a restart, by other bridges."""

BATCHES_KNOWN_FOR: Final = timedelta(days=1)
"""For how long a batch whose answer was lost may be added again without being counted twice."""


class RequestsCounted(Struct, frozen=True, kw_only=True):
    """How often somebody's program asked an endpoint on one day (UTC); `user_id` is empty where nobody is known."""

    day: date
    endpoint: str
    client: str
    version: str
    user_id: UserId
    count: int
    last_seen: datetime


class WritesCounted(Struct, frozen=True, kw_only=True):
    """How many rows of a table a conversation got on one day (UTC): by bridges, and by legacy writers past them."""

    day: date
    table: str
    conversation_id: ConversationId
    by_bridge: int
    by_legacy: int


class RowWritten(Struct, frozen=True, kw_only=True):
    """A row that was written; `row` tells it from other rows of the table, for it may be heard of more than once."""

    day: date
    table: str
    conversation_id: ConversationId
    row: str
    by_bridge: bool


class Batch(Struct, frozen=True, kw_only=True):
    """What is to be added to the counts, all of it or nothing; by its id it counts once, however often it is added."""

    id: str = field(default_factory=fresh_id)
    requests: Sequence[RequestsCounted] = ()
    rows: Sequence[RowWritten] = ()

    def __bool__(self) -> bool:
        """Tell whether there is anything to add."""
        return bool(self.requests or self.rows)


class UsageUnavailable(Exception):
    """The counts cannot be reached now."""


class UsageStore(Protocol):
    """Where the counts are kept across restarts; any number of bridges may add to them at the same time."""

    @property
    def available(self) -> bool:
        """Tell whether counts can be kept here: a database has the tables for it only where they were installed."""
        ...

    async def add(self, batch: Batch) -> None:
        """Add a batch, unless it was added in the last day: whoever got no answer adds it again.

        A row that was counted in the last ten minutes, by this bridge or another, is not counted again. But if it was
        counted as a legacy writer's and is now said to be a bridge's, its count is corrected: only the bridge that
        wrote it knows, and others may have told of it first.

        Raises:
            UsageUnavailable: it cannot be added now, or nobody said that it was.

        """
        ...

    async def requests(self, since: date, limit: int) -> Sequence[RequestsCounted]:
        """Return the counts from that day on, the latest day first, the most frequent of a day first.

        Raises:
            UsageUnavailable: they cannot be read.

        """
        ...

    async def writes(self, since: date, limit: int) -> Sequence[WritesCounted]:
        """Return the counts from that day on, the latest day first, the conversation with most legacy rows first.

        Raises:
            UsageUnavailable: they cannot be read.

        """
        ...

    async def forget(self, before: date) -> None:
        """Delete the counts of days before that one.

        Raises:
            UsageUnavailable: they cannot be deleted now.

        """
        ...

    async def close(self) -> None:
        """Let go of what is open."""
        ...

"""Who still uses what, and what is written past the bridge: counted by day, never with contents.

The port to where the counts are kept. Its methods block; whoever calls them from an event loop does so in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from msgspec import Struct

from bridge.models import ConversationId, UserId

NOBODY = UserId("")
"""Stands for a caller who is not known: not signed in, or refused before anybody asked who it is."""


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
    """What is to be added to the counts, all of it or nothing."""

    requests: Sequence[RequestsCounted] = ()
    rows: Sequence[RowWritten] = ()

    def __bool__(self) -> bool:
        """Tell whether there is anything to add."""
        return bool(self.requests or self.rows)


class UsageUnavailable(Exception):
    """The counts cannot be reached now; nothing was added."""


class UsageStore(Protocol):
    """Where the counts are kept across restarts. May be used from any thread."""

    def add(self, batch: Batch, now: datetime) -> None:
        """Add a batch; a row that was counted in the last minutes, by this process or another, is not counted again.

        Raises:
            UsageUnavailable: it cannot be added now.

        """
        ...

    def requests(self, since: date, limit: int) -> Sequence[RequestsCounted]:
        """Return the counts from that day on, the latest day first, the most frequent of a day first.

        Raises:
            UsageUnavailable: they cannot be read.

        """
        ...

    def writes(self, since: date, limit: int) -> Sequence[WritesCounted]:
        """Return the counts from that day on, the latest day first, the conversation with most legacy rows first.

        Raises:
            UsageUnavailable: they cannot be read.

        """
        ...

    def forget(self, before: date) -> None:
        """Delete the counts of days before that one.

        Raises:
            UsageUnavailable: they cannot be deleted now.

        """
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...

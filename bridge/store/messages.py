"""The ports to messages, their sealed copies, and who has read them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bridge.models import ConversationId, Identity, Message, MessageId, NewMessage, Position, Quote, UserId
from bridge.sealed import Copies


class MessageStore(Protocol):
    """Messages."""

    async def insert(self, message: NewMessage) -> Message:
        """Write a message once and return the row; a repeat of the same id returns the row already there.

        The row has no sender and no quote. Raises StoreRefused for a message_type the table does not know.
        """
        ...

    async def withdraw(self, message: NewMessage) -> bool:
        """Delete what this very attempt to insert wrote, and say whether there was something: for undoing.

        A row that an earlier attempt wrote has an earlier created_at, and may have been answered already: it stays.
        """
        ...

    async def page(
        self, conversation_id: ConversationId, viewer: Identity, *, before: Position | None, limit: int, now: datetime
    ) -> Sequence[Message]:
        """Return the newest `limit` messages older than `before`, ascending by (created_at, id), with sender and quote.

        What is sealed holds the viewer's own copies. Deleted messages and those expired at `now`, or whose copy for the
        viewer is, are left out; a quote from another conversation too (contract F10).
        """
        ...

    async def position(self, conversation_id: ConversationId, message_id: MessageId) -> Position | None:
        """Return where a message of this conversation is, deleted or not; None if it is not there."""
        ...

    async def quote(self, message_id: MessageId) -> Quote | None:
        """Return what a reply to this message shows; None if there is no such message or it is deleted."""
        ...

    async def by_ids(self, ids: Collection[MessageId]) -> Sequence[Message]:
        """Return those that exist, as they are now, ascending by (created_at, id), without sender and quote."""
        ...

    async def positions_since(self, moment: datetime, *, after: Position | None, limit: int) -> Sequence[Position]:
        """Return where the messages of all conversations created at or after `moment` stand, ascending, page by page.

        `after` is the last position of the page before. Deleted messages are left out.
        """
        ...

    async def changed_since(
        self, moment: datetime, *, written_since: datetime, after: Position | None, limit: int
    ) -> Sequence[Position]:
        """Return where the messages edited or deleted at or after `moment` stand, ascending, page by page.

        Only those created at or after `written_since`, for the times of editing and deleting have no index.
        """
        ...


class CopyStore(Protocol):
    """Sealed copies, one per recipient (DB-3)."""

    @property
    def available(self) -> bool:
        """Tell whether this database can hold sealed copies."""
        ...

    async def of(self, ids: Collection[MessageId], now: datetime) -> Copies:
        """Return everybody's copies of these messages that are not expired at `now`; none without the table."""
        ...

    async def seal(self, message_id: MessageId, copies: Mapping[UserId, str]) -> None:
        """Write the copies of one message, all or none; those that are there already stay as they are.

        Raises StoreRefused for a message or a recipient that does not exist, and where nothing can be sealed.
        """
        ...


class ReceiptStore(Protocol):
    """Who has read what; nobody but the service role can write it (contract F43)."""

    async def unread_among(
        self, conversation_id: ConversationId, reader: Identity, ids: Collection[MessageId]
    ) -> Sequence[MessageId]:
        """Return those of `ids` that are messages of others in this conversation without a 'read' row of the reader."""
        ...

    async def mark_read(self, reader_id: UserId, ids: Collection[MessageId], now: datetime) -> None:
        """Write a 'read' row for each message, in place of whatever status was there."""
        ...

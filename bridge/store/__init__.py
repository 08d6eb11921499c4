"""The port to the tables: three nouns, each with the few questions the bridge asks.

Every method raises StoreRefused or StoreDown and nothing else. Adapters are made by the composition roots only;
tests/contract/store.py holds for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bridge.models import (
    AuthId,
    ConversationId,
    ConversationSummary,
    Identity,
    Message,
    MessageId,
    NewMessage,
    Participant,
    Position,
    Profile,
    Quote,
    User,
    UserId,
)


class UserStore(Protocol):
    """People."""

    async def by_auth_id(self, auth_id: AuthId) -> Sequence[User]:
        """Return every row with this auth_user_id, oldest first, then the row whose id it is.

        Several rows may share an auth_user_id; which one counts is the identity rule's business.
        """
        ...

    async def by_phone(self, numbers: Collection[str]) -> Sequence[User]:
        """Return the rows with one of these phone numbers, oldest first."""
        ...

    async def profiles(self, ids: Collection[UserId]) -> Mapping[UserId, Profile]:
        """Return the profiles there are; unknown ids are absent."""
        ...


class ConversationStore(Protocol):
    """Conversations and who is in them."""

    async def participants(self, conversation_id: ConversationId) -> Sequence[Participant]:
        """Return all participant rows, those who left included; empty for an unknown conversation."""
        ...

    async def summaries(self, identity: Identity, now: datetime) -> Sequence[ConversationSummary]:
        """Return the conversations with an active row of this identity set, newest activity first.

        Deleted messages and those expired at `now` are neither the latest nor unread.
        """
        ...


class MessageStore(Protocol):
    """Messages."""

    async def insert(self, message: NewMessage) -> Message:
        """Write a message once and return the row; a repeat of the same id returns the row already there.

        The row has no sender and no quote. Raises StoreRefused for a message_type the table does not know.
        """
        ...

    async def page(
        self, conversation_id: ConversationId, *, before: Position | None, limit: int, now: datetime
    ) -> Sequence[Message]:
        """Return the newest `limit` messages older than `before`, ascending by (created_at, id), with sender and quote.

        Deleted messages and those expired at `now` are left out; a quote from another conversation too (contract F10).
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


class TypingStore(Protocol):
    """Typing rows, for legacy readers and other bridges; nobody but the service role can write them (contract F31)."""

    async def set(self, conversation_id: ConversationId, user_id: UserId, *, is_typing: bool, now: datetime) -> None:
        """Write the state; a row that was not there is written as false first, for legacy readers listen to UPDATE."""
        ...


class Store(Protocol):
    """The tables."""

    @property
    def users(self) -> UserStore:
        """People."""
        ...

    @property
    def conversations(self) -> ConversationStore:
        """Conversations and participants."""
        ...

    @property
    def messages(self) -> MessageStore:
        """Messages."""
        ...

    @property
    def receipts(self) -> ReceiptStore:
        """Who has read what."""
        ...

    @property
    def typing(self) -> TypingStore:
        """Typing rows."""
        ...

    async def check(self) -> None:
        """Ask for one row, to learn at start-up whether address and key work."""
        ...

    async def close(self) -> None:
        """Give back connections; called once."""
        ...

"""A row change as Realtime prints it, decoded into what it means for the bridge. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from bridge.content import ColumnType
from bridge.models import (
    Conversation,
    ConversationId,
    Message,
    MessageId,
    Participant,
    ParticipantId,
    Presence,
    PresenceStatus,
    UserId,
)
from bridge.schema import DB_1
from bridge.tables import (
    ConversationRecord,
    MessageRecord,
    ParticipantRecord,
    PresenceRecord,
    moment,
    moment_or_earliest,
)

Kind = Literal["INSERT", "UPDATE", "DELETE"]

TABLES = ("messages", "conversation_participants")
"""The tables the bridge has to hear of."""
OPTIONAL_TABLES = ("typing_indicators", "message_status", "user_presence", "conversations")
"""The tables whose changes are nice to have; a project may not publish them."""


class MessageInserted(Struct, frozen=True):
    """Somebody wrote a message; without sender and quote."""

    message: Message


class MessageUnread(Struct, frozen=True):
    """A message was written but its row did not come as it is: over 1 MiB, an error, or bytes. Read it by id."""

    id: MessageId


class MessageWritten(Struct, frozen=True, kw_only=True):
    """A message that was there was written again: edited, deleted or something of no interest.

    Nothing here that may be large: such columns are left out where they stayed the same, and an absent column is
    unknown, not null (supabase.md 2.4). Whoever needs the row reads it by id.
    """

    id: MessageId
    conversation_id: ConversationId
    created_at: datetime
    deleted_at: datetime | None


class MessageRowDeleted(Struct, frozen=True):
    """A message's row is gone; Realtime tells its primary key only."""

    id: MessageId


class ParticipantChanged(Struct, frozen=True):
    """A participant row was written; `left_at` says whether it is active."""

    participant: Participant


class ParticipantDeleted(Struct, frozen=True):
    """A participant row is gone; Realtime tells its primary key only (supabase.md 2.4)."""

    id: ParticipantId


class ConversationWritten(Struct, frozen=True, kw_only=True):
    """A conversations row was written; `conversation` is None where it did not come whole."""

    id: ConversationId
    is_new: bool
    conversation: Conversation | None


class ConversationRowDeleted(Struct, frozen=True):
    """A conversation is gone, and with it its participants and messages."""

    id: ConversationId


class TypingRowChanged(Struct, frozen=True, kw_only=True):
    """A typing row was written; the first of a pair is an INSERT, which legacy readers do not see (contract F31)."""

    conversation_id: ConversationId
    user_id: UserId
    is_typing: bool


class ReceiptWritten(Struct, frozen=True, kw_only=True):
    """A message_status row was written."""

    message_id: MessageId
    user_id: UserId
    status: str
    timestamp: str | None = None


class PresenceWritten(Struct, frozen=True):
    """A user_presence row was written, or deleted, which says offline; its primary key is the user's id."""

    presence: Presence


class Unreadable(Struct, frozen=True):
    """A change of one of our tables that we cannot understand: reason enough for a catch-up."""

    table: str


MessageChange = MessageInserted | MessageUnread | MessageWritten | MessageRowDeleted
ListChange = ParticipantChanged | ParticipantDeleted | ConversationWritten | ConversationRowDeleted
Change = MessageChange | ListChange | PresenceWritten | ReceiptWritten | TypingRowChanged | Unreadable


class RowChange(Struct, frozen=True, kw_only=True):
    """The part of a postgres_changes event that matters (supabase.md 2.4)."""

    table: str
    type: Kind
    record: Mapping[str, object] = {}
    old_record: Mapping[str, object] = {}
    errors: list[str] | None = None
    columns: list[_Column] = []
    commit_timestamp: str | None = None

    @property
    def is_binary(self) -> bool:
        """Tell whether there are bytes in it, which servers print in more than one way."""
        return any(column.type == ColumnType.BYTEA for column in self.columns)


class _Column(Struct, frozen=True):
    name: str
    type: str


class _Key(Struct, frozen=True):
    id: str


class _UserKey(Struct, frozen=True):
    user_id: UserId


class _WrittenRecord(_Key, frozen=True):
    conversation_id: ConversationId
    created_at: str | None
    deleted_at: str | None


def read_change(change: RowChange) -> Change | None:
    """Return what the change means; None for one that concerns nobody, like the end of a typing row."""
    try:
        if change.table == "messages":
            return _read_message(change)
        if change.table == "conversation_participants":
            return _read_participant(change)
        if change.table == "conversations":
            return _read_conversation(change)
        if change.table == "typing_indicators" and change.type != "DELETE":
            return msgspec.convert(change.record, TypingRowChanged)
        if change.table == "message_status" and change.type != "DELETE":
            return msgspec.convert(change.record, ReceiptWritten)
        if change.table == "user_presence":
            return _read_presence(change)
    except msgspec.ValidationError:
        return Unreadable(change.table)
    return None


def _read_message(change: RowChange) -> Change:
    if change.type == "DELETE":
        return MessageRowDeleted(MessageId(_key(change.old_record)))
    if change.type == "UPDATE":
        return _read_written_message(change)
    if change.errors or change.is_binary:
        return MessageUnread(MessageId(_key(change.record)))
    return MessageInserted(msgspec.convert(change.record, MessageRecord).model(DB_1))


def _read_written_message(change: RowChange) -> Change:
    record = msgspec.convert(change.record, _WrittenRecord)
    return MessageWritten(
        id=MessageId(record.id),
        conversation_id=record.conversation_id,
        created_at=moment_or_earliest(record.created_at),
        deleted_at=moment(record.deleted_at),
    )


def _read_conversation(change: RowChange) -> Change:
    if change.type == "DELETE":
        return ConversationRowDeleted(ConversationId(_key(change.old_record)))
    conversation_id = ConversationId(_key(change.record))
    return ConversationWritten(
        id=conversation_id, is_new=change.type == "INSERT", conversation=_whole_conversation(change.record)
    )


def _whole_conversation(record: Mapping[str, object]) -> Conversation | None:
    """Return the row unless a column is absent, for that is unknown and not null."""
    try:
        return msgspec.convert(record, ConversationRecord).model()
    except msgspec.ValidationError:
        return None


def _key(record: Mapping[str, object]) -> str:
    return msgspec.convert(record, _Key).id


def _read_participant(change: RowChange) -> Change:
    if change.type == "DELETE":
        return ParticipantDeleted(ParticipantId(_key(change.old_record)))
    return ParticipantChanged(msgspec.convert(change.record, ParticipantRecord).model())


def _read_presence(change: RowChange) -> Change:
    if change.type == "DELETE":
        gone = msgspec.convert(change.old_record, _UserKey)
        return PresenceWritten(Presence(user_id=gone.user_id, status=PresenceStatus.OFFLINE, last_seen=None))
    return PresenceWritten(msgspec.convert(change.record, PresenceRecord).model())

"""A row change as Realtime prints it, decoded into what it means for the bridge. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from bridge.content import ColumnType
from bridge.models import (
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
from bridge.tables import MessageRecord, ParticipantRecord, PresenceRecord

Kind = Literal["INSERT", "UPDATE", "DELETE"]

TABLES = ("messages", "conversation_participants")
"""The tables the bridge has to hear of."""
OPTIONAL_TABLES = ("typing_indicators", "message_status", "user_presence")
"""The tables whose changes are nice to have; a project may not publish them."""


class MessageInserted(Struct, frozen=True):
    """Somebody wrote a message; without sender and quote."""

    message: Message


class MessageUnread(Struct, frozen=True):
    """A message was written but its row did not come as it is: over 1 MiB, an error, or bytes. Read it by id."""

    id: MessageId


class ParticipantChanged(Struct, frozen=True):
    """A participant row was written; `left_at` says whether it is active."""

    participant: Participant


class ParticipantDeleted(Struct, frozen=True):
    """A participant row is gone; Realtime tells its primary key only (supabase.md 2.4)."""

    id: ParticipantId


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


Change = (
    PresenceWritten
    | ReceiptWritten
    | TypingRowChanged
    | MessageInserted
    | MessageUnread
    | ParticipantChanged
    | ParticipantDeleted
    | Unreadable
)


class RowChange(Struct, frozen=True, kw_only=True):
    """The part of a postgres_changes event that matters (supabase.md 2.4)."""

    table: str
    type: Kind
    record: Mapping[str, object] = {}
    old_record: Mapping[str, object] = {}
    errors: list[str] | None = None
    columns: list[_Column] = []

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


def read_change(change: RowChange) -> Change | None:
    """Return what the change means; None for one that concerns nobody, like the update of a message."""
    try:
        if change.table == "messages":
            return _read_message(change)
        if change.table == "conversation_participants":
            return _read_participant(change)
        if change.table == "typing_indicators" and change.type != "DELETE":
            return msgspec.convert(change.record, TypingRowChanged)
        if change.table == "message_status" and change.type != "DELETE":
            return msgspec.convert(change.record, ReceiptWritten)
        if change.table == "user_presence":
            return _read_presence(change)
    except msgspec.ValidationError:
        return Unreadable(change.table)
    return None


def _read_message(change: RowChange) -> Change | None:
    if change.type != "INSERT":
        return None
    if change.errors or change.is_binary:
        return MessageUnread(MessageId(msgspec.convert(change.record, _Key).id))
    return MessageInserted(msgspec.convert(change.record, MessageRecord).model(DB_1))


def _read_participant(change: RowChange) -> Change:
    if change.type == "DELETE":
        return ParticipantDeleted(ParticipantId(msgspec.convert(change.old_record, _Key).id))
    return ParticipantChanged(msgspec.convert(change.record, ParticipantRecord).model())


def _read_presence(change: RowChange) -> Change:
    if change.type == "DELETE":
        gone = msgspec.convert(change.old_record, _UserKey)
        return PresenceWritten(Presence(user_id=gone.user_id, status=PresenceStatus.OFFLINE, last_seen=None))
    return PresenceWritten(msgspec.convert(change.record, PresenceRecord).model())

"""What the optional change log says happened (docs/change-log.md): which row, never what is in it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from bridge.models import ConversationId, UserId


class Operation(StrEnum):
    """What was done to a row; TRUNCATE to all of them."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    TRUNCATE = "TRUNCATE"


class LogEntry(Struct, frozen=True, kw_only=True):
    """Something that was done to a row of a table."""

    table: str
    operation: Operation
    at: datetime
    row_id: str | None = None
    """The primary key; of message_status the message's id."""
    conversation_id: ConversationId | None = None
    user_id: UserId | None = None


class LogPage(Struct, frozen=True, kw_only=True):
    """Entries that are settled, in the order of their transactions, and where to go on."""

    end: str
    """The place behind the last entry; opaque."""
    is_gapless: bool
    """False: more has happened since the place before than is recorded; what that was only the tables can tell."""
    is_last: bool
    entries: tuple[LogEntry, ...] = ()

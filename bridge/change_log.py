"""What the optional change log says happened (docs/change-log.md): which row, never what is in it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from bridge.models import ConversationId, UserId


class Operation(StrEnum):
    """What was done to a row; TRUNCATE to all of them."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    TRUNCATE = "TRUNCATE"


class Mark(NamedTuple):
    """A moment in the order of transactions: whatever those below `xid` did has been told."""

    xid: int
    check: int
    """Tells one log, as far as it is gapless, from another; a byte, so once in 256 times it does not."""


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


class Missed(Struct, frozen=True, kw_only=True):
    """What concerns somebody since a mark, and in which log that was looked up."""

    log: str
    entries: Sequence[LogEntry] | None
    """In the order of their transactions; None if it is not known completely."""


def mark_of(end: str) -> Mark | None:
    """Return the mark that the end of a last page stands for; None if it stands in the middle of a transaction."""
    log_id, xid, seq, missed = end.split("/")
    return Mark(int(xid), check_of(f"{log_id}/{missed}")) if seq == "0" else None


def check_of(log: str) -> int:
    """Return what the marks of a log have in common."""
    return zlib.crc32(log.encode()) & 0xFF

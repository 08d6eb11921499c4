"""A relay that is live, with clients that asked for changes of messages and one that did not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from bridge.capabilities import Capability
from bridge.feed.changes import MessageInserted, MessageRowDeleted, MessageWritten
from bridge.models import Message
from tests.listened import Listened
from tests.people import BIRTH, A, B, X, message_id
from tests.receivers import Receiver

LATER = BIRTH + timedelta(minutes=5)
UPDATED, DELETED = "message_updated", "message_deleted"


class Setting(Listened):
    """A relay with an old client of A, newer ones of B, and X, a stranger with a newer one."""

    def __init__(self) -> None:
        super().__init__()
        self.a = self.listening(A)
        self.b, self.x = (self.listening(person, Capability.MESSAGE_CHANGES) for person in (B, X))

    async def inserted(self, row: Message) -> Message:
        """Let somebody write a message."""
        await self.relay.handle(MessageInserted(self.legacy_insert(row)))
        return row

    async def written(self, row: Message) -> None:
        """Let somebody write a row again."""
        self.legacy_insert(row)
        await self.relay.handle(written(row))

    async def removed(self, number: int) -> None:
        """Let somebody delete a row."""
        self.tables.messages_by_id.pop(message_id(number), None)
        await self.relay.handle(MessageRowDeleted(message_id(number)))


def written(row: Message) -> MessageWritten:
    """Return what the feed tells of a row that was written again."""
    return MessageWritten(
        id=row.id, conversation_id=row.conversation_id, created_at=row.created_at, deleted_at=row.deleted_at
    )


def edited(row: Message, content: str, at: datetime | None = LATER) -> Message:
    """Return the row with another content."""
    return replace(row, content=content, edited_at=at)


def changes(receiver: Receiver) -> list[tuple[str, Any]]:
    """Return the edits by content and the deletions by message and time."""
    return [
        (name, payload["message"]["encrypted_content"])
        if name == UPDATED
        else (name, (payload["messageId"], payload["deletedAt"]))
        for name, payload in receiver.told
        if name in (UPDATED, DELETED)
    ]

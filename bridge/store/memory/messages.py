"""The messages of the port, in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from bridge.content import ColumnType, read_content
from bridge.errors import StoreRefused
from bridge.models import (
    ConversationId,
    Identity,
    Message,
    MessageId,
    NewMessage,
    Position,
    Quote,
)
from bridge.sealed import opened
from bridge.store.memory.tables import Tables, position_of, quote_of

MESSAGE_TYPES = frozenset({"text", "image", "file", "system"})
RETENTION = timedelta(days=30)


class MemoryMessages:
    """Messages; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    async def insert(self, message: NewMessage) -> Message:
        """See the port."""
        self._store.note("messages.insert")
        if message.message_type not in MESSAGE_TYPES:
            raise StoreRefused("23514")
        content = read_content(message.content, ColumnType.TEXT, message.id)
        written = Message(
            id=message.id,
            conversation_id=message.conversation_id,
            sender_id=message.sender_id,
            reply_to_id=message.reply_to_id,
            message_type=message.message_type,
            content=content.text,
            state=content.state,
            content_hash=None,
            metadata=message.metadata,
            edited_at=None,
            deleted_at=None,
            created_at=message.created_at,
            expires_at=message.created_at + RETENTION,
        )
        return self._store.messages_by_id.setdefault(message.id, written)

    async def withdraw(self, message: NewMessage) -> bool:
        """See the port."""
        self._store.note("messages.withdraw")
        written = self._store.messages_by_id.get(message.id)
        is_ours = written is not None and written.created_at == message.created_at
        if is_ours:
            del self._store.messages_by_id[message.id]
            self._store.sealed.pop(message.id, None)
        return is_ours

    async def page(
        self, conversation_id: ConversationId, viewer: Identity, *, before: Position | None, limit: int, now: datetime
    ) -> Sequence[Message]:
        """See the port."""
        self._store.note("messages.page")
        visible = self._store.visible(conversation_id, now)
        older = [message for message in visible if before is None or position_of(message) < before]
        whole = (self._store.with_surroundings(message) for message in older[-limit:])
        return [opened(message, self._store.sealed, viewer) for message in whole]

    async def position(self, conversation_id: ConversationId, message_id: MessageId) -> Position | None:
        """See the port."""
        self._store.note("messages.position")
        message = self._store.messages_by_id.get(message_id)
        return position_of(message) if message and message.conversation_id == conversation_id else None

    async def quote(self, message_id: MessageId) -> Quote | None:
        """See the port."""
        self._store.note("messages.quote")
        message = self._store.messages_by_id.get(message_id)
        return quote_of(message) if message else None

    async def by_ids(self, ids: Collection[MessageId]) -> Sequence[Message]:
        """See the port."""
        self._store.note("messages.by_ids")
        found = [self._store.messages_by_id[one] for one in set(ids) if one in self._store.messages_by_id]
        return sorted(found, key=position_of)

    async def positions_since(self, moment: datetime, *, after: Position | None, limit: int) -> Sequence[Position]:
        """See the port."""
        self._store.note("messages.positions_since")
        positions = [
            position_of(message)
            for message in self._store.messages_by_id.values()
            if message.created_at >= moment and message.deleted_at is None
        ]
        return sorted(one for one in positions if after is None or one > after)[:limit]

    async def changed_since(
        self, moment: datetime, *, written_since: datetime, after: Position | None, limit: int
    ) -> Sequence[Position]:
        """See the port."""
        self._store.note("messages.changed_since")
        positions = [
            position_of(message)
            for message in self._store.messages_by_id.values()
            if message.created_at >= written_since
            and any(at is not None and at >= moment for at in (message.edited_at, message.deleted_at))
        ]
        return sorted(one for one in positions if after is None or one > after)[:limit]

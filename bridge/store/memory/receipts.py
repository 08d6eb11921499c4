"""The receipts of the port, in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from bridge.models import ConversationId, Identity, MessageId, UserId
from bridge.store.memory.tables import Tables


class MemoryReceipts:
    """Receipts; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    async def unread_among(
        self, conversation_id: ConversationId, reader: Identity, ids: Collection[MessageId]
    ) -> Sequence[MessageId]:
        """See the port."""
        self._store.note("receipts.unread_among")
        found = [self._store.messages_by_id[one] for one in dict.fromkeys(ids) if one in self._store.messages_by_id]
        return [
            message.id
            for message in found
            if message.conversation_id == conversation_id
            and message.sender_id not in reader.ids
            and (message.id, reader.user_id) not in self._store.read
        ]

    async def mark_read(self, reader_id: UserId, ids: Collection[MessageId], now: datetime) -> None:
        """See the port."""
        self._store.note("receipts.mark_read")
        self._store.read.update((one, reader_id) for one in ids)

"""The typing rows of the port, in memory."""

from __future__ import annotations

from datetime import datetime

from bridge.models import ConversationId, UserId
from bridge.store.memory.tables import Tables


class MemoryTyping:
    """Typing rows; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    async def set(self, conversation_id: ConversationId, user_id: UserId, *, is_typing: bool, now: datetime) -> None:
        """See the port."""
        self._store.note("typing.set")
        self._store.typing_rows[conversation_id, user_id] = is_typing

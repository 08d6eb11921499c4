"""What conversations are like, in memory."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.models import Conversation, ConversationId
from bridge.store.memory.tables import Tables


class MemoryTraits:
    """What conversations are like; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    async def of(self, conversation_id: ConversationId) -> Conversation | None:
        """See the port."""
        self._store.note("traits.of")
        return self._store.conversation_rows.get(conversation_id)

    async def make_group(self, conversation_id: ConversationId, name: str) -> Conversation | None:
        """See the port."""
        self._store.note("traits.make_group")
        return self._turn(conversation_id, "direct", "group", name)

    async def make_direct(self, conversation_id: ConversationId, name: str | None) -> None:
        """See the port."""
        self._store.note("traits.make_direct")
        self._turn(conversation_id, "group", "direct", name)

    async def set_timer(self, conversation_id: ConversationId, days: int | None) -> Conversation | None:
        """See the port."""
        self._store.note("traits.set_timer")
        row = self._store.conversation_rows.get(conversation_id)
        if row is None:
            return None
        timer = {"disappearing_messages_enabled": days is not None, "disappearing_messages_duration_days": days}
        return self._store.add_conversation(replace(row, **timer))

    def _turn(self, conversation_id: ConversationId, old: str, new: str, name: str | None) -> Conversation | None:
        row = self._store.conversation_rows.get(conversation_id)
        if row is None or row.type != old:
            return row
        return self._store.add_conversation(replace(row, type=new, name=name))

"""What conversations are like, through PostgREST."""

from __future__ import annotations

from collections.abc import Mapping

from supabase import AsyncClient

from bridge.models import Conversation, ConversationId
from bridge.store.supabase.query import CONVERSATION, rows
from bridge.tables import ConversationRecord


class SupabaseTraits:
    """What conversations are like; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def of(self, conversation_id: ConversationId) -> Conversation | None:
        """See the port."""
        query = self._client.table("conversations").select(CONVERSATION).eq("id", conversation_id)
        found = await rows(query, ConversationRecord)
        return found[0].model() if found else None

    async def make_group(self, conversation_id: ConversationId, name: str) -> Conversation | None:
        """See the port."""
        made = await self._update(conversation_id, {"type": "group", "name": name}, type="direct")
        return made or await self.of(conversation_id)

    async def make_direct(self, conversation_id: ConversationId, name: str | None) -> None:
        """See the port."""
        await self._update(conversation_id, {"type": "direct", "name": name}, type="group")

    async def set_timer(self, conversation_id: ConversationId, days: int | None) -> Conversation | None:
        """See the port."""
        timer = {"disappearing_messages_enabled": days is not None, "disappearing_messages_duration_days": days}
        return await self._update(conversation_id, timer)

    async def _update(
        self, conversation_id: ConversationId, columns: Mapping[str, object], **condition: str
    ) -> Conversation | None:
        query = self._client.table("conversations").update(dict(columns)).match({"id": conversation_id, **condition})
        found = await rows(query, ConversationRecord)
        return found[0].model() if found else None

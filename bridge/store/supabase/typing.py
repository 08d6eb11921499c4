"""The typing rows of the port, through PostgREST."""

from __future__ import annotations

from datetime import datetime

from supabase import AsyncClient

from bridge.models import ConversationId, UserId
from bridge.recent import Recent
from bridge.store.supabase.query import rows

KNOWN_ROWS = 10_000


class SupabaseTyping:
    """Typing rows; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._there: Recent[tuple[ConversationId, UserId], bool] = Recent(KNOWN_ROWS)

    async def set(self, conversation_id: ConversationId, user_id: UserId, *, is_typing: bool, now: datetime) -> None:
        """See the port."""
        place = (conversation_id, user_id)
        if place not in self._there:
            await self._upsert(conversation_id, user_id, now, is_typing=False, ignore_duplicates=True)
            self._there.put(place, True)  # only the key matters
        await self._upsert(conversation_id, user_id, now, is_typing=is_typing, ignore_duplicates=False)

    async def _upsert(
        self,
        conversation_id: ConversationId,
        user_id: UserId,
        now: datetime,
        *,
        is_typing: bool,
        ignore_duplicates: bool,
    ) -> None:
        row = {
            "conversation_id": conversation_id,
            "user_id": user_id,
            "is_typing": is_typing,
            "updated_at": now.isoformat(),
        }
        query = self._client.table("typing_indicators").upsert(
            row, on_conflict="conversation_id,user_id", ignore_duplicates=ignore_duplicates
        )
        await rows(query, dict[str, object])

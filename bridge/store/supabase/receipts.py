"""The receipts of the port, through PostgREST."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct
from supabase import AsyncClient

from bridge.models import ConversationId, Identity, MessageId, UserId
from bridge.store.supabase.query import rows

IDS_AT_ONCE = 100
"""Ids in one address: 100 uuids are 4 kB, well below what proxies take."""


class _IdRecord(Struct, frozen=True):
    id: MessageId


class SupabaseReceipts:
    """Who has read what; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def unread_among(
        self, conversation_id: ConversationId, reader: Identity, ids: Collection[MessageId]
    ) -> Sequence[MessageId]:
        """See the port."""
        wanted = sorted(set(ids))
        unread: set[MessageId] = set()
        for start in range(0, len(wanted), IDS_AT_ONCE):
            query = (
                self._client.table("messages")
                .select("id,message_status()")
                .eq("conversation_id", conversation_id)
                .in_("id", wanted[start : start + IDS_AT_ONCE])
                .filter("sender_id", "not.in", f"({','.join(sorted(reader.ids))})")
                .eq("message_status.user_id", reader.user_id)
                .eq("message_status.status", "read")
                .is_("message_status", "null")
            )
            unread.update(record.id for record in await rows(query, _IdRecord))
        return [one for one in dict.fromkeys(ids) if one in unread]

    async def mark_read(self, reader_id: UserId, ids: Collection[MessageId], now: datetime) -> None:
        """See the port."""
        receipts = [
            {"message_id": one, "user_id": reader_id, "status": "read", "timestamp": now.isoformat()} for one in ids
        ]
        query = self._client.table("message_status").upsert(receipts, on_conflict="message_id,user_id")
        await rows(query, dict[str, object])

"""The messages of the port, through PostgREST."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct
from supabase import AsyncClient

from bridge.errors import StoreDown
from bridge.models import (
    ConversationId,
    Message,
    MessageId,
    NewMessage,
    Position,
    Quote,
)
from bridge.store.clauses import after_clause, before_clause, unexpired_clause
from bridge.store.supabase.query import MESSAGE, QUOTE, SENDER, rows
from bridge.tables import (
    MessageRecord,
    QuoteRecord,
    moment_or_earliest,
)


class _PositionRecord(Struct, frozen=True):
    id: MessageId
    created_at: str | None

    def model(self) -> Position:
        return Position(moment_or_earliest(self.created_at), self.id)


class SupabaseMessages:
    """Messages; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def insert(self, message: NewMessage) -> Message:
        """See the port. A repeat is ignored by the database, on the id (supabase.md section 6)."""
        row = {
            "id": message.id,
            "conversation_id": message.conversation_id,
            "sender_id": message.sender_id,
            "reply_to_id": message.reply_to_id,
            "message_type": message.message_type,
            "encrypted_content": message.content,
            "metadata": dict(message.metadata),
            "created_at": message.created_at.isoformat(),
        }
        query = self._client.table("messages").upsert(row, on_conflict="id", ignore_duplicates=True)
        written = await rows(query, MessageRecord)
        if written:
            return written[0].model()
        already = await self.by_ids([message.id])
        if not already:
            raise StoreDown("a duplicate that is not there")
        return already[0]

    async def page(
        self, conversation_id: ConversationId, *, before: Position | None, limit: int, now: datetime
    ) -> Sequence[Message]:
        """See the port."""
        query = (
            self._client.table("messages")
            .select(f"{MESSAGE},{SENDER},reply_to:messages!messages_reply_to_id_fkey({QUOTE},deleted_at)")
            .eq("conversation_id", conversation_id)
            .is_("deleted_at", "null")
            .order("created_at", desc=True)
            .order("id", desc=True)
            .limit(limit)
        )
        # One and= for both: two or= parameters would be two filters only where the server keeps them apart.
        unexpired = f"or({unexpired_clause(now)})"
        older = f",or({before_clause(before)})" if before else ""
        query.request.params = query.request.params.add("and", f"({unexpired}{older})")
        return [record.model() for record in reversed(await rows(query, MessageRecord))]

    async def position(self, conversation_id: ConversationId, message_id: MessageId) -> Position | None:
        """See the port."""
        query = (
            self._client.table("messages")
            .select("id,created_at")
            .eq("id", message_id)
            .eq("conversation_id", conversation_id)
        )
        found = await rows(query, _PositionRecord)
        return found[0].model() if found else None

    async def quote(self, message_id: MessageId) -> Quote | None:
        """See the port."""
        query = self._client.table("messages").select(QUOTE).eq("id", message_id).is_("deleted_at", "null")
        found = await rows(query, QuoteRecord)
        return found[0].model() if found else None

    async def by_ids(self, ids: Collection[MessageId]) -> Sequence[Message]:
        """See the port."""
        query = self._client.table("messages").select(MESSAGE).in_("id", sorted(ids)).order("created_at").order("id")
        return [record.model() for record in await rows(query, MessageRecord)]

    async def positions_since(self, moment: datetime, *, after: Position | None, limit: int) -> Sequence[Position]:
        """See the port."""
        query = (
            self._client.table("messages")
            .select("id,created_at")
            .is_("deleted_at", "null")
            .gte("created_at", moment.isoformat())
            .order("created_at")
            .order("id")
            .limit(limit)
        )
        if after is not None:
            query = query.or_(after_clause(after))
        return [record.model() for record in await rows(query, _PositionRecord)]

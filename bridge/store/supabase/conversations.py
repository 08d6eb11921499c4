"""The conversations of the port, through PostgREST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from supabase import AsyncClient

from bridge.models import (
    ConversationId,
    ConversationSummary,
    Identity,
    Participant,
)
from bridge.store.clauses import unexpired_clause
from bridge.store.summaries import ConversationRecord, UnreadRecord, summarise
from bridge.store.supabase.query import MESSAGE, PAGE, PROFILE, SENDER, rows
from bridge.tables import (
    ParticipantRecord,
)


class SupabaseConversations:
    """Conversations; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def participants(self, conversation_id: ConversationId) -> Sequence[Participant]:
        """See the port."""
        found: list[ParticipantRecord] = []
        while True:
            query = (
                self._client.table("conversation_participants")
                .select("id,conversation_id,user_id,left_at")
                .eq("conversation_id", conversation_id)
                .order("id")
                .limit(PAGE)
            )
            page = await rows(query.gt("id", found[-1].id) if found else query, ParticipantRecord)
            found += page
            if len(page) < PAGE:
                return [record.model() for record in found]

    async def summaries(self, identity: Identity, now: datetime) -> Sequence[ConversationSummary]:
        """See the port. Two requests per 1000 conversations, however many messages there are in them."""
        found: list[ConversationSummary] = []
        last_id: ConversationId | None = None
        while True:
            page = await self._conversations(identity, now, last_id)
            unread = await self._unread(identity, now, last_id) if page else {}
            found += [summarise(record, identity, unread.get(record.id, 0)) for record in page]
            if len(page) < PAGE:
                break
            last_id = page[-1].id
        return sorted(found, key=lambda one: one.latest.created_at if one.latest else one.created_at, reverse=True)

    async def _conversations(
        self, identity: Identity, now: datetime, last_id: ConversationId | None
    ) -> list[ConversationRecord]:
        query = (
            self._client.table("conversations")
            .select(
                "id,type,name,avatar_url,group_id,created_at,group:groups(name),mine:conversation_participants!inner(id),"
                f"members:conversation_participants(user_id,left_at,user:users({PROFILE})),"
                f"last:messages({MESSAGE},{SENDER})"
            )
            .in_("mine.user_id", sorted(identity.ids))
            .is_("mine.left_at", "null")
            .is_("last.deleted_at", "null")
            .or_(unexpired_clause(now), reference_table="last")
            .order("created_at", desc=True, foreign_table="last")
            .order("id", desc=True, foreign_table="last")
            .limit(1, foreign_table="last")
            .order("id")
            .limit(PAGE)
        )
        return await rows(query.gt("id", last_id) if last_id else query, ConversationRecord)

    async def _unread(
        self, identity: Identity, now: datetime, last_id: ConversationId | None
    ) -> Mapping[ConversationId, int]:
        """Count messages of others without a 'read' row of mine: an anti-join, for the row may be missing (DB-1)."""
        query = (
            self._client.table("conversations")
            .select("id,mine:conversation_participants!inner(id),messages(count,message_status())")
            .in_("mine.user_id", sorted(identity.ids))
            .is_("mine.left_at", "null")
            .is_("messages.deleted_at", "null")
            .or_(unexpired_clause(now), reference_table="messages")
            .filter("messages.sender_id", "not.in", f"({','.join(sorted(identity.ids))})")
            .eq("messages.message_status.user_id", identity.user_id)
            .eq("messages.message_status.status", "read")
            .is_("messages.message_status", "null")
            .order("id")
            .limit(PAGE)
        )
        page = await rows(query.gt("id", last_id) if last_id else query, UnreadRecord)
        return {record.id: record.messages[0].count if record.messages else 0 for record in page}

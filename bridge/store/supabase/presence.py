"""The presence rows of the port, through PostgREST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from supabase import AsyncClient

from bridge.clock import row_time
from bridge.models import ConversationId, Presence, PresenceStatus, UserId
from bridge.store.supabase.attempts import Query
from bridge.store.supabase.query import PAGE, all_rows, rows
from bridge.tables import PresenceRecord

_ROW = "user_id,status,last_seen"


class _UserRecord(Struct, frozen=True):
    id: UserId
    presence: PresenceRecord | None


class _SeatRecord(Struct, frozen=True):
    id: str
    user: _UserRecord


class SupabasePresence:
    """Presence rows; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def write(self, presences: Sequence[Presence]) -> None:
        """See the port. One request, one statement."""
        written = [
            {"user_id": one.user_id, "status": one.status, "last_seen": row_time(one.last_seen)} for one in presences
        ]
        query = self._client.table("user_presence").upsert(written, on_conflict="user_id")
        await rows(query, dict[str, object])

    async def in_conversation(self, conversation_id: ConversationId) -> Mapping[UserId, Presence | None]:
        """See the port. One request per 1000 members; the embed through users leaves out ids of nobody."""

        def page_after(last: _SeatRecord | None) -> Query:
            query = (
                self._client.table("conversation_participants")
                .select(f"id,user:users!inner(id,presence:user_presence({_ROW}))")
                .eq("conversation_id", conversation_id)
                .is_("left_at", "null")
                .order("id")
                .limit(PAGE)
            )
            return query.gt("id", last.id) if last else query

        people = [seat.user for seat in await all_rows(page_after, _SeatRecord)]
        return {one.id: one.presence.model() if one.presence else None for one in people}

    async def alive_since(self, moment: datetime) -> Sequence[Presence]:
        """See the port. One request per 1000 people."""

        def page_after(last: PresenceRecord | None) -> Query:
            query = (
                self._client.table("user_presence")
                .select(_ROW)
                .neq("status", PresenceStatus.OFFLINE.value)
                .gte("last_seen", moment.isoformat())
                .order("user_id")
                .limit(PAGE)
            )
            return query.gt("user_id", last.user_id) if last else query

        return [record.model() for record in await all_rows(page_after, PresenceRecord)]

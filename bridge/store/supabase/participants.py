"""Participants, through PostgREST."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from supabase import AsyncClient

from bridge.errors import StoreRefused
from bridge.models import ConversationId, Identity, Member, OwnTimer, ParticipantId, UserId
from bridge.schema import Dialect
from bridge.store.supabase.attempts import Query
from bridge.store.supabase.query import PAGE, PROFILE, all_rows, rows
from bridge.tables import ProfileRecord, moment, moment_or_earliest

_TABLE = "conversation_participants"
_UNKNOWN_COLUMN = "PGRST204"


class _MemberRecord(Struct, frozen=True):
    id: ParticipantId
    user_id: UserId
    role: str | None
    joined_at: str | None
    user: ProfileRecord | None

    def model(self) -> Member:
        return Member(
            user_id=self.user_id,
            role=self.role,
            joined_at=moment(self.joined_at),
            profile=self.user.model() if self.user else None,
        )


class _TimerRecord(Struct, frozen=True):
    disappear_seconds: int | None
    start_on: str | None


class SupabaseParticipants:
    """Participants; see the port."""

    def __init__(self, client: AsyncClient, dialect: Dialect) -> None:
        self._client = client
        self._dialect = dialect

    @property
    def has_timers(self) -> bool:
        """See the port."""
        return self._dialect.schema.has_own_timers

    async def active(self, conversation_id: ConversationId) -> Sequence[Member]:
        """See the port. Read by id, for times may be equal and pages must not overlap."""

        def page_after(last: _MemberRecord | None) -> Query:
            query = (
                self._client.table(_TABLE)
                .select(f"id,user_id,role,joined_at,user:users({PROFILE})")
                .eq("conversation_id", conversation_id)
                .is_("left_at", "null")
                .order("id")
                .limit(PAGE)
            )
            return query.gt("id", last.id) if last else query

        found = await all_rows(page_after, _MemberRecord)
        found.sort(key=lambda record: (moment_or_earliest(record.joined_at), record.id))
        return [record.model() for record in found]

    async def timer(self, conversation_id: ConversationId, identity: Identity) -> OwnTimer | None:
        """See the port."""
        if not self.has_timers:
            return None
        query = (
            self._client.table(_TABLE)
            .select("disappear_seconds,start_on")
            .eq("conversation_id", conversation_id)
            .in_("user_id", sorted(identity.ids))
            .is_("left_at", "null")
            .limit(1)
        )
        for record in await rows(query, _TimerRecord):
            return OwnTimer(disappear_seconds=record.disappear_seconds or 0, start_on=record.start_on)
        return None

    async def set_timer(self, conversation_id: ConversationId, identity: Identity, timer: OwnTimer) -> bool:
        """See the port."""
        if not self.has_timers:
            raise StoreRefused(_UNKNOWN_COLUMN)
        query = (
            self._client.table(_TABLE)
            .update({"disappear_seconds": timer.disappear_seconds, "start_on": timer.start_on})
            .eq("conversation_id", conversation_id)
            .in_("user_id", sorted(identity.ids))
            .is_("left_at", "null")
        )
        return bool(await rows(query, _TimerRecord))

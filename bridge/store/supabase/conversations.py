"""The conversations of the port, through PostgREST."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from supabase import AsyncClient

from bridge.errors import StoreDown
from bridge.models import (
    Conversation,
    ConversationId,
    ConversationSummary,
    Identity,
    Message,
    NewConversation,
    Participant,
    UserId,
)
from bridge.schema import Dialect
from bridge.store.clauses import unexpired_clause
from bridge.store.summaries import LineRecord, RecentsRecord, summarise
from bridge.store.supabase.attempts import Query
from bridge.store.supabase.copies import SupabaseCopies
from bridge.store.supabase.damaged import damaged_directs
from bridge.store.supabase.query import CONVERSATION, PAGE, PROFILE, SENDER, all_rows, message_columns, rows
from bridge.store.supabase.seats import admit, put_back
from bridge.store.unread import UNREAD_LIMIT, UNREAD_WINDOW
from bridge.tables import ConversationRecord, ParticipantRecord

ATTEMPTS_TO_INSERT = 3
IDS_IN_A_LIST = 100
"""Conversations that one address can name."""

_TABLE = "conversation_participants"


class _DirectRecord(ConversationRecord, frozen=True):
    members: list[_UserRecord]


class _UserRecord(Struct, frozen=True):
    user_id: str


class _CompanyRecord(Struct, frozen=True):
    id: ConversationId
    members: list[_UserRecord]


class SupabaseConversations:
    """Conversations; see the port."""

    def __init__(self, client: AsyncClient, dialect: Dialect, copies: SupabaseCopies) -> None:
        self._client = client
        self._dialect = dialect
        self._copies = copies

    async def participants(self, conversation_id: ConversationId) -> Sequence[Participant]:
        """See the port."""
        found: list[ParticipantRecord] = []
        while True:
            query = (
                self._client.table("conversation_participants")
                .select("id,conversation_id,user_id,left_at,role")
                .eq("conversation_id", conversation_id)
                .order("id")
                .limit(PAGE)
            )
            page = await rows(query.gt("id", found[-1].id) if found else query, ParticipantRecord)
            found += page
            if len(page) < PAGE:
                return [record.model() for record in found]

    async def summaries(self, identity: Identity, now: datetime) -> Sequence[ConversationSummary]:
        """See the port. Two requests at most per 1000 conversations, however many messages there are in them.

        What they cost does not grow with the history if there is an index on (conversation_id, created_at, id).
        """
        found: list[ConversationSummary] = []
        last_id: ConversationId | None = None
        while True:
            page = await self._conversations(identity, now, last_id)
            found += await self._summarised(page, identity, now)
            if len(page) < PAGE:
                break
            last_id = page[-1].id
        return sorted(found, key=lambda one: one.latest.created_at if one.latest else one.created_at, reverse=True)

    async def summary(
        self, identity: Identity, conversation_id: ConversationId, now: datetime
    ) -> ConversationSummary | None:
        """See the port."""
        page = await self._conversations(identity, now, None, only=conversation_id)
        return next(iter(await self._summarised(page, identity, now)), None)

    async def directs_between(self, mine: Collection[str], theirs: Collection[str]) -> Sequence[Conversation]:
        """See the port."""
        query = (
            self._client.table("conversations")
            .select(
                f"{CONVERSATION},mine:{_TABLE}!inner(user_id),theirs:{_TABLE}!inner(user_id),members:{_TABLE}(user_id)"
            )
            .eq("type", "direct")
            .in_("mine.user_id", sorted(mine))
            .is_("mine.left_at", "null")
            .in_("theirs.user_id", sorted(theirs))
            .is_("theirs.left_at", "null")
            .is_("members.left_at", "null")
            .order("created_at")
            .order("id")
        )
        pair = {*mine, *theirs}
        found = await rows(query, _DirectRecord)
        return [record.model() for record in found if pair.issuperset(member.user_id for member in record.members)]

    async def companions(self, people: Collection[str]) -> Mapping[ConversationId, frozenset[UserId]]:
        """See the port. One request per 1000 conversations; one more for each that has 1000 members or more."""

        def page_after(last: _CompanyRecord | None) -> Query:
            query = (
                self._client.table("conversations")
                .select(f"id,mine:{_TABLE}!inner(id),members:{_TABLE}(user_id)")
                .in_("mine.user_id", sorted(people))
                .is_("mine.left_at", "null")
                .is_("members.left_at", "null")
                .order("id")
                .limit(PAGE)
            )
            return query.gt("id", last.id) if last else query

        return {record.id: await self._members(record) for record in await all_rows(page_after, _CompanyRecord)}

    async def _members(self, record: _CompanyRecord) -> frozenset[UserId]:
        if len(record.members) < PAGE:
            return frozenset(UserId(member.user_id) for member in record.members)
        rows = await self.participants(record.id)  # the cap on rows cuts an embed off as well
        return frozenset(row.user_id for row in rows if row.left_at is None)

    async def damaged_directs_between(self, mine: Collection[str], theirs: Collection[str]) -> Sequence[Conversation]:
        """See the port."""
        return await damaged_directs(self._client, mine, theirs)

    async def insert(self, conversation: NewConversation) -> Conversation:
        """See the port. The id alone decides what is a repeat, in one statement."""
        row = {
            "id": conversation.id,
            "type": conversation.type,
            "name": conversation.name,
            "created_by": conversation.created_by,
            "created_at": conversation.created_at.isoformat(),
            "updated_at": conversation.created_at.isoformat(),
            "group_id": conversation.group_id,
            "is_private": conversation.is_private,
        }
        conversations = self._client.table("conversations")
        for _ in range(ATTEMPTS_TO_INSERT):
            written = await rows(
                conversations.upsert(row, on_conflict="id", ignore_duplicates=True), ConversationRecord
            )
            if not written:
                touch = {"updated_at": row["updated_at"]}  # the table's trigger makes it the database's now()
                written = await rows(conversations.update(touch).eq("id", conversation.id), ConversationRecord)
            if written:
                return written[0].model()
        raise StoreDown("a conversation that is written and withdrawn again and again")

    async def withdraw(self, conversation: NewConversation) -> bool:
        """See the port. The times are those that `insert` sent, so no answer of its is needed."""
        at = conversation.created_at.isoformat()
        query = (
            self._client.table("conversations")
            .delete()
            .eq("id", conversation.id)
            .eq("created_by", conversation.created_by)
            .eq("created_at", at)
            .eq("updated_at", at)
        )
        return bool(await rows(query, dict[str, object]))

    async def admit(self, conversation_id: ConversationId, roles: Mapping[UserId, str]) -> None:
        """See the port."""
        await admit(self._client.table(_TABLE), "conversation_id", conversation_id, roles)

    async def put_back(self, conversation_id: ConversationId, user_id: UserId, left_at: datetime | None) -> None:
        """See the port."""
        await put_back(self._client.table(_TABLE), {"conversation_id": conversation_id, "user_id": user_id}, left_at)

    async def _summarised(
        self, page: Sequence[LineRecord], identity: Identity, now: datetime
    ) -> list[ConversationSummary]:
        unread = await self._unread(identity, now, page)
        latest = await self._latest(page, identity, now)
        return [
            summarise(record, identity, unread=unread.get(record.id, 0), latest=latest.get(record.id))
            for record in page
        ]

    async def _latest(
        self, page: Sequence[LineRecord], identity: Identity, now: datetime
    ) -> Mapping[ConversationId, Message]:
        """Return the latest message of each conversation as this identity sees it."""
        messages = [record.last[0].model(self._dialect.schema) for record in page if record.last]
        return {message.conversation_id: message for message in await self._copies.opened(messages, identity, now)}

    async def _conversations(
        self,
        identity: Identity,
        now: datetime,
        last_id: ConversationId | None,
        *,
        only: ConversationId | None = None,
    ) -> list[LineRecord]:
        query = (
            self._client.table("conversations")
            .select(
                "id,type,name,avatar_url,group_id,created_at,disappearing_messages_enabled,"
                f"disappearing_messages_duration_days,group:groups(name),mine:{_TABLE}!inner(id,user_id,role),"
                f"members:conversation_participants(user_id,left_at,user:users({PROFILE})),"
                f"last:messages({message_columns(self._dialect.schema)},{SENDER}),"
                "seen:messages(id,created_at,message_status!inner())"
            )
            .in_("mine.user_id", sorted(identity.ids))
            .is_("mine.left_at", "null")
            .is_("last.deleted_at", "null")
            .or_(unexpired_clause(now), reference_table="last")
            .order("created_at", desc=True, foreign_table="last")
            .order("id", desc=True, foreign_table="last")
            .limit(1, foreign_table="last")
            .eq("seen.message_status.user_id", identity.user_id)
            .eq("seen.message_status.status", "read")
            .gte("seen.created_at", (now - UNREAD_WINDOW).isoformat())
            .order("created_at", desc=True, foreign_table="seen")
            .order("id", desc=True, foreign_table="seen")
            .limit(1, foreign_table="seen")
            .order("id")
            .limit(PAGE)
        )
        query = query.eq("id", only) if only else query
        return await rows(query.gt("id", last_id) if last_id else query, LineRecord)

    async def _unread(
        self, identity: Identity, now: datetime, page: Sequence[LineRecord]
    ) -> Mapping[ConversationId, int]:
        """Count what is unread, asking only for conversations whose latest message has not been seen.

        And only for what is younger than anything that has been: where that is all, one request is enough.
        """
        unseen = {record.id: record for record in page if record.may_be_unread(identity)}
        if not unseen:
            return {}
        start = now - UNREAD_WINDOW
        since = min(max(start, one.seen_until.created_at) if one.seen_until else start for one in unseen.values())
        query = (
            self._client.table("conversations")
            .select("id,mine:conversation_participants!inner(),recent:messages(id,created_at,sender_id)")
            .in_("mine.user_id", sorted(identity.ids))
            .is_("mine.left_at", "null")
            .is_("recent.deleted_at", "null")
            .gte("recent.created_at", since.isoformat())
            .or_(unexpired_clause(now), reference_table="recent")
            .order("created_at", desc=True, foreign_table="recent")
            .order("id", desc=True, foreign_table="recent")
            .limit(UNREAD_LIMIT, foreign_table="recent")
            .order("id")
            .limit(PAGE)
        )
        if len(unseen) <= IDS_IN_A_LIST:
            query = query.in_("id", sorted(unseen))
        else:
            query = query.gte("id", page[0].id).lte("id", page[-1].id)
        found = await rows(query, RecentsRecord)
        return {record.id: record.unread(identity, unseen[record.id]) for record in found if record.id in unseen}

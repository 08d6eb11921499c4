"""The tables through PostgREST: supabase-py over one shared HTTP client, with the secret key.

Queries use only what is right on a real PostgREST 16 and on the sandbox's Data API alike, and none of the app's own
functions (contract F41). Nothing here filters by rights: the actions have done that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

import httpx
import msgspec
import structlog
from msgspec import Struct
from postgrest.exceptions import APIError
from supabase import AsyncClient, AsyncClientOptions

from bridge.errors import StoreDown, StoreError, StoreRefused
from bridge.models import (
    AuthId,
    ConversationId,
    ConversationSummary,
    Identity,
    Message,
    MessageId,
    NewMessage,
    Participant,
    Position,
    Profile,
    Quote,
    User,
    UserId,
)
from bridge.store.clauses import after_clause, before_clause, unexpired_clause
from bridge.store.summaries import ConversationRecord, UnreadRecord, summarise
from bridge.tables import (
    MessageRecord,
    ParticipantRecord,
    ProfileRecord,
    QuoteRecord,
    UserRecord,
    moment_or_earliest,
)

PROFILE = "id,username,display_name,avatar_url"
SENDER = f"sender:users!messages_sender_id_fkey({PROFILE})"
MESSAGE = (
    "id,conversation_id,sender_id,reply_to_id,message_type,encrypted_content,content_hash,metadata,edited_at,"
    "deleted_at,created_at,expires_at"
)
QUOTE = "id,conversation_id,sender_id,encrypted_content"
PAGE = 1000
"""Rows per answer at most: Supabase's default cap truncates silently, so a full page is never the end."""

_PASSING_CODES = frozenset({"PGRST000", "PGRST001", "PGRST002", "PGRST003", "40001", "40P01", "57014", "53300"})

log = structlog.get_logger(__name__)

R = TypeVar("R")


class Query(Protocol):
    """Anything of supabase-py that can be executed."""

    async def execute(self) -> object:
        """Send the request."""
        ...


class SupabaseStore:
    """The three nouns of the port over one PostgREST."""

    def __init__(self, *, url: str, key: str, http: httpx.AsyncClient) -> None:
        options = AsyncClientOptions(httpx_client=http, persist_session=False, auto_refresh_token=False)
        self._client = AsyncClient(url, key, options)
        self.users = SupabaseUsers(self._client)
        self.conversations = SupabaseConversations(self._client)
        self.messages = SupabaseMessages(self._client)

    async def check(self) -> None:
        """Read one id; raises StoreError with the reason."""
        await rows(self._client.table("conversations").select("id").limit(1), dict[str, str])

    async def close(self) -> None:
        """Keep the shared HTTP client open: whoever made it closes it."""


async def rows(query: Query, kind: type[R]) -> list[R]:
    """Execute and decode; every way it can fail becomes a StoreError without the row's contents.

    Raises:
        StoreRefused: the database or PostgREST said no.
        StoreDown: nobody answered, or not in a form that can be read.

    """
    try:
        answer = await query.execute()
    except APIError as error:
        raise _store_error(error) from error
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        raise StoreDown(type(error).__name__) from error
    try:
        return msgspec.convert(getattr(answer, "data", None), list[kind])  # type: ignore[valid-type]  # a runtime type
    except msgspec.ValidationError as error:
        raise StoreDown("an answer of an unexpected shape") from error


def _store_error(error: APIError) -> StoreError:
    code = str(error.code)
    # A body that is not JSON leaves the HTTP status as the code: a proxy or gateway answered.
    if code in _PASSING_CODES or (code.startswith("5") and len(code) == len("502")):
        return StoreDown(code)
    log.warning("store.refused", code=code, hint=error.hint)
    return StoreRefused(code)


class _PositionRecord(Struct, frozen=True):
    id: MessageId
    created_at: str | None

    def model(self) -> Position:
        return Position(moment_or_earliest(self.created_at), self.id)


class SupabaseUsers:
    """People; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def by_auth_id(self, auth_id: AuthId) -> Sequence[User]:
        """See the port."""
        query = (
            self._client.table("users")
            .select(f"{PROFILE},phone_number,auth_user_id")
            .or_(f"auth_user_id.eq.{auth_id},id.eq.{auth_id}")
            .order("created_at")
            .order("id")
        )
        found = [record.model() for record in await rows(query, UserRecord)]
        return sorted(found, key=lambda user: user.auth_user_id != auth_id)

    async def by_phone(self, numbers: Collection[str]) -> Sequence[User]:
        """See the port."""
        query = (
            self._client.table("users")
            .select(f"{PROFILE},phone_number,auth_user_id")
            # Quoted: a number with a plus must stay text on its way.
            .filter("phone_number", "in", "({})".format(",".join(f'"{number}"' for number in sorted(numbers))))
            .order("created_at")
            .order("id")
        )
        return [record.model() for record in await rows(query, UserRecord)]

    async def profiles(self, ids: Collection[UserId]) -> Mapping[UserId, Profile]:
        """See the port."""
        query = self._client.table("users").select(PROFILE).in_("id", sorted(ids))
        return {record.id: record.model() for record in await rows(query, ProfileRecord)}


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

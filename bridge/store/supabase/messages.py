"""The messages of the port, through PostgREST."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import structlog
from supabase import AsyncClient

from bridge.content import printed_content
from bridge.errors import StoreDown, StoreRefused
from bridge.models import (
    MOST_DAYS,
    ConversationId,
    Identity,
    Message,
    MessageId,
    NewMessage,
    Position,
    Quote,
)
from bridge.schema import Dialect
from bridge.store.clauses import after_clause, before_clause, changed_clause, unexpired_clause
from bridge.store.supabase.copies import SupabaseCopies
from bridge.store.supabase.query import QUOTE, SENDER, message_columns, rows
from bridge.tables import (
    MessageRecord,
    PositionRecord,
    QuoteRecord,
)

_DATE_OUT_OF_RANGE = "22008"

log = structlog.get_logger(__name__)


class SupabaseMessages:
    """Messages; see the port."""

    def __init__(self, client: AsyncClient, dialect: Dialect, copies: SupabaseCopies) -> None:
        self._client = client
        self._dialect = dialect
        self._copies = copies

    async def insert(self, message: NewMessage) -> Message:
        """See the port. A repeat is ignored by the database, on the id (supabase.md section 6)."""
        try:
            return await self._insert(message)
        except StoreRefused as refused:
            if refused.sqlstate != _DATE_OUT_OF_RANGE:
                raise
            await self._shorten(message)
            return await self._insert(message)

    async def _insert(self, message: NewMessage) -> Message:
        row = {
            "id": message.id,
            "conversation_id": message.conversation_id,
            "sender_id": message.sender_id,
            "reply_to_id": message.reply_to_id,
            "message_type": message.message_type,
            "encrypted_content": printed_content(message.content, self._dialect.schema.content),
            "metadata": dict(message.metadata),
            "created_at": message.created_at.isoformat(),
        }
        query = self._client.table("messages").upsert(row, on_conflict="id", ignore_duplicates=True)
        written = await rows(query, MessageRecord, repeatable=True)
        if written:
            return self._model(written[0])
        already = await self.by_ids([message.id])
        if not already:
            raise StoreDown("a duplicate that is not there")
        return already[0]

    async def _shorten(self, message: NewMessage) -> None:
        """Lower the days that anybody may write into the tables, so that the trigger's date exists.

        The trigger overwrites what the row says of its end (contract data-model section 2), so nothing else helps.
        """
        log.warning("messages.days_out_of_range", conversation_id=message.conversation_id)
        for table, column, row_id in (
            ("conversations", "disappearing_messages_duration_days", message.conversation_id),
            ("users", "default_message_retention_days", message.sender_id),
        ):
            query = self._client.table(table).update({column: MOST_DAYS}).eq("id", row_id).gt(column, MOST_DAYS)
            await rows(query, dict[str, object])

    async def withdraw(self, message: NewMessage) -> bool:
        """See the port. Its copies go by the foreign key."""
        at = message.created_at.isoformat()
        query = self._client.table("messages").delete().eq("id", message.id).eq("created_at", at)
        return bool(await rows(query, dict[str, object]))

    async def page(
        self, conversation_id: ConversationId, viewer: Identity, *, before: Position | None, limit: int, now: datetime
    ) -> Sequence[Message]:
        """See the port. Read on while copies that are expired for the viewer leave the page short."""
        found: list[Message] = []
        while len(found) < limit:
            wanted = limit - len(found)
            read = await self._read_page(conversation_id, before=before, limit=wanted, now=now)
            found = [*await self._copies.opened(read, viewer, now), *found]
            if len(read) < wanted:
                break
            before = Position(read[0].created_at, read[0].id)
        return found

    async def _read_page(
        self, conversation_id: ConversationId, *, before: Position | None, limit: int, now: datetime
    ) -> Sequence[Message]:
        query = (
            self._client.table("messages")
            .select(f"{self._columns},{SENDER},reply_to:messages!messages_reply_to_id_fkey({QUOTE},deleted_at)")
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
        return [self._model(record) for record in reversed(await rows(query, MessageRecord))]

    async def position(self, conversation_id: ConversationId, message_id: MessageId) -> Position | None:
        """See the port."""
        query = (
            self._client.table("messages")
            .select("id,created_at")
            .eq("id", message_id)
            .eq("conversation_id", conversation_id)
        )
        found = await rows(query, PositionRecord)
        return found[0].model() if found else None

    async def quote(self, message_id: MessageId) -> Quote | None:
        """See the port."""
        query = self._client.table("messages").select(QUOTE).eq("id", message_id).is_("deleted_at", "null")
        found = await rows(query, QuoteRecord)
        return found[0].model(self._dialect.schema) if found else None

    async def by_ids(self, ids: Collection[MessageId]) -> Sequence[Message]:
        """See the port."""
        wanted = self._client.table("messages").select(self._columns).in_("id", sorted(ids))
        return [self._model(record) for record in await rows(wanted.order("created_at").order("id"), MessageRecord)]

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
        return [record.model() for record in await rows(query, PositionRecord)]

    async def changed_since(
        self, moment: datetime, *, written_since: datetime, after: Position | None, limit: int
    ) -> Sequence[Position]:
        """See the port."""
        query = (
            self._client.table("messages")
            .select("id,created_at")
            .gte("created_at", written_since.isoformat())
            .order("created_at")
            .order("id")
            .limit(limit)
        )
        # One and= for both, as for a page.
        changed = f"or({changed_clause(moment)})"
        younger = f",or({after_clause(after)})" if after else ""
        query.request.params = query.request.params.add("and", f"({changed}{younger})")
        return [record.model() for record in await rows(query, PositionRecord)]

    @property
    def _columns(self) -> str:
        return message_columns(self._dialect.schema)

    def _model(self, record: MessageRecord) -> Message:
        return record.model(self._dialect.schema)

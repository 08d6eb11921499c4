"""Rows written by SQL behind an adapter's back, on a database of any generation."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import httpx
import psycopg
from httpx_aiohttp import AiohttpTransport
from psycopg.types.json import Jsonb

from bridge.content import ColumnType
from bridge.models import ConversationId, MessageId, NewMessage, User, UserId
from bridge.store.supabase import SupabaseStore
from scripts.sandbox.address import SandboxAddress


class SqlSeed:
    """Rows written by SQL, as legacy writers and administrators do."""

    def __init__(self, store: SupabaseStore, connection: psycopg.AsyncConnection) -> None:
        self.store = store
        self._connection = connection

    async def user(self, user: User) -> None:
        """Insert a users row."""
        await self._connection.execute(
            "insert into users (id, auth_user_id, username, display_name, phone_number, avatar_url, created_at) "
            "values (%s, %s, %s, %s, %s, %s, clock_timestamp())",
            (user.id, user.auth_user_id, user.username, user.display_name, user.phone_number, user.avatar_url),
        )

    async def conversation(self, kind: str, *, created_by: UserId | None = None) -> ConversationId:
        """Insert an empty conversation."""
        made = str(uuid.uuid4())
        await self._connection.execute(
            "insert into conversations (id, type, created_by) values (%s, %s, %s)", (made, kind, created_by)
        )
        return ConversationId(made)

    async def participant(self, conversation_id: ConversationId, user_id: UserId, *, left: bool = False) -> None:
        """Insert a participant row."""
        await self._connection.execute(
            "insert into conversation_participants (conversation_id, user_id, left_at) "
            "values (%s, %s, case when %s then now() end)",
            (conversation_id, user_id, left),
        )

    async def role(self, conversation_id: ConversationId, user_id: UserId) -> str | None:
        """Read a participant row."""
        cursor = await self._connection.execute(
            "select role from conversation_participants where conversation_id = %s and user_id = %s",
            (conversation_id, user_id),
        )
        row = await cursor.fetchone()
        return row[0] if row else None

    async def message(self, message: NewMessage, *, deleted: bool = False) -> None:
        """Insert a message."""
        await self._connection.execute(
            "insert into messages (id, conversation_id, sender_id, reply_to_id, message_type, encrypted_content, "
            "metadata, created_at, deleted_at) values (%s, %s, %s, %s, %s, %s, %s, %s, case when %s then now() end)",
            (
                message.id,
                message.conversation_id,
                message.sender_id,
                message.reply_to_id,
                message.message_type,
                self._stored(message.content),
                Jsonb(message.metadata),
                message.created_at,
                deleted,
            ),
        )

    async def read(self, message_id: MessageId, user_id: UserId) -> None:
        """Mark as read."""
        await self._connection.execute(
            "insert into message_status (message_id, user_id, status) values (%s, %s, 'read') "
            "on conflict (message_id, user_id) do update set status = excluded.status",
            (message_id, user_id),
        )

    async def change(
        self, message_id: MessageId, *, edited_at: datetime | None = None, deleted_at: datetime | None = None
    ) -> None:
        """Set both times."""
        await self._connection.execute(
            "update messages set edited_at = %s, deleted_at = %s where id = %s", (edited_at, deleted_at, message_id)
        )

    def _stored(self, content: str) -> str | bytes:
        """Return what the column holds."""
        is_binary = self.store.dialect.schema.content is ColumnType.BYTEA
        return content.encode() if is_binary else content


@asynccontextmanager
async def reaching(sandbox: SandboxAddress) -> AsyncIterator[SqlSeed]:
    """Reach a sandbox's tables by SQL and by the adapter, which has found out what they are like."""
    async with (
        httpx.AsyncClient(transport=AiohttpTransport()) as http,
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection,
    ):
        store = SupabaseStore(url=sandbox.url, key=sandbox.secret_key, http=http)
        await store.check()
        yield SqlSeed(store, connection)

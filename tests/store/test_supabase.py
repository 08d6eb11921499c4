"""The adapter over PostgREST keeps the promises of the Store port, on the sandbox's real tables."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from httpx_aiohttp import AiohttpTransport
from psycopg.types.json import Jsonb

from bridge.errors import StoreDown, StoreRefused
from bridge.models import ConversationId, MessageId, NewMessage, User, UserId
from bridge.store import Store
from bridge.store.supabase import SupabaseStore
from scripts.sandbox.address import SandboxAddress
from tests.contract.creating import CreatingContract
from tests.contract.groups import GroupsContract
from tests.contract.store import (
    ConversationsContract,
    MessagesContract,
    ReceiptsContract,
    TypingContract,
    UsersContract,
)


class SqlSeed:
    """Rows written by SQL, as legacy writers and administrators do."""

    def __init__(self, store: Store, connection: psycopg.AsyncConnection) -> None:
        self.store = store
        self._connection = connection

    async def user(self, user: User) -> None:
        """Insert a users row."""
        await self._connection.execute(
            "insert into users (id, auth_user_id, username, display_name, phone_number, avatar_url, created_at) "
            "values (%s, %s, %s, %s, %s, %s, clock_timestamp())",
            (user.id, user.auth_user_id, user.username, user.display_name, user.phone_number, user.avatar_url),
        )

    async def conversation(self, kind: str) -> ConversationId:
        """Insert an empty conversation."""
        made = str(uuid.uuid4())
        await self._connection.execute("insert into conversations (id, type) values (%s, %s)", (made, kind))
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
                message.content,
                Jsonb(message.metadata),
                message.created_at,
                deleted,
            ),
        )

    async def read(self, message_id: MessageId, user_id: UserId) -> None:
        """Mark as read."""
        await self._connection.execute(
            "insert into message_status (message_id, user_id, status) values (%s, %s, 'read')", (message_id, user_id)
        )


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Make the HTTP client that a bridge makes."""
    async with httpx.AsyncClient(transport=AiohttpTransport()) as client:
        yield client


@pytest.fixture
async def seed(sandbox: SandboxAddress, http: httpx.AsyncClient) -> AsyncIterator[SqlSeed]:
    """Reach the sandbox's tables by SQL and by the adapter."""
    async with await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection:
        yield SqlSeed(SupabaseStore(url=sandbox.url, key=sandbox.secret_key, http=http), connection)


class TestUsers(UsersContract):
    """The suite, for this adapter."""


class TestConversations(ConversationsContract):
    """The suite, for this adapter."""


class TestMessages(MessagesContract):
    """The suite, for this adapter."""


class TestReceipts(ReceiptsContract):
    """The suite, for this adapter."""


class TestTyping(TypingContract):
    """The suite, for this adapter."""


class TestCreating(CreatingContract):
    """The suite, for this adapter."""


class TestGroups(GroupsContract):
    """The suite, for this adapter."""


async def test_a_wrong_key_is_a_refusal(sandbox: SandboxAddress, http: httpx.AsyncClient) -> None:
    """Said at the start of the program."""
    with pytest.raises(StoreRefused):
        await SupabaseStore(url=sandbox.url, key="sb_secret_wrong", http=http).check()


async def test_nobody_answering_is_down(http: httpx.AsyncClient) -> None:
    """A retry may help."""
    with pytest.raises(StoreDown):
        await SupabaseStore(url="http://127.0.0.1:9", key="sb_secret_any", http=http).check()

"""More rows than an answer holds: Supabase's cap on rows truncates silently, in embeds too."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from httpx_aiohttp import AiohttpTransport

from bridge.models import ConversationId, UserId
from bridge.store.supabase import SupabaseStore
from bridge.store.supabase.query import PAGE
from scripts.sandbox.address import SandboxAddress

CROWD = PAGE + 1


@pytest.fixture
async def store(sandbox: SandboxAddress) -> AsyncIterator[SupabaseStore]:
    """Make the adapter that a bridge makes."""
    async with httpx.AsyncClient(transport=AiohttpTransport()) as http:
        yield SupabaseStore(url=sandbox.url, key=sandbox.secret_key, http=http)


@pytest.fixture
async def database(sandbox: SandboxAddress) -> AsyncIterator[psycopg.AsyncConnection]:
    """Reach the tables, and take everything made here back."""
    async with await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection:
        yield connection
        await connection.execute("delete from conversations where name = 'crowd'")
        await connection.execute("delete from users where bio = 'crowd'")


async def crowd(database: psycopg.AsyncConnection) -> tuple[ConversationId, set[UserId]]:
    """Make a conversation of a thousand people and one, all of them here."""
    cursor = await database.execute(
        "insert into users (username, display_name, phone_number, bio) "
        "select gen_random_uuid()::text, 'One', gen_random_uuid()::text, 'crowd' from generate_series(1, %s) "
        "returning id::text",
        (CROWD,),
    )
    people = [row[0] for row in await cursor.fetchall()]
    room = str(uuid.uuid4())
    await database.execute("insert into conversations (id, type, name) values (%s, 'room', 'crowd')", (room,))
    await database.execute(
        "insert into conversation_participants (conversation_id, user_id) select %s, unnest(%s::uuid[])", (room, people)
    )
    await database.execute(
        "insert into user_presence (user_id, status, last_seen) select unnest(%s::uuid[]), 'online', '2150-01-01'",
        (people,),
    )
    return ConversationId(room), set(people)


async def test_nobody_of_a_crowd_is_left_out(store: SupabaseStore, database: psycopg.AsyncConnection) -> None:
    """Neither of a snapshot, nor of those who are alive, nor of those who are told."""
    room, people = await crowd(database)
    present = await store.presence.in_conversation(room)
    assert present.keys() == people
    [somewhen] = {row.last_seen for row in present.values() if row}
    assert somewhen is not None
    assert {row.user_id for row in await store.presence.alive_since(somewhen)} >= people
    one = min(people)
    companions = await store.conversations.companions({one})
    assert companions == {room: people}


async def test_somebody_in_more_conversations_than_an_answer_holds(
    store: SupabaseStore, database: psycopg.AsyncConnection
) -> None:
    """Page by page."""
    cursor = await database.execute(
        "insert into users (username, display_name, phone_number, bio) "
        "values (gen_random_uuid()::text, 'One', gen_random_uuid()::text, 'crowd') returning id::text"
    )
    [[user_id]] = await cursor.fetchall()
    await database.execute(
        "with made as (insert into conversations (type, name) select 'room', 'crowd' from generate_series(1, %s) "
        "returning id) insert into conversation_participants (conversation_id, user_id) select id, %s from made",
        (CROWD, user_id),
    )
    companions = await store.conversations.companions({user_id})
    assert len(companions) == CROWD
    assert set(companions.values()) == {frozenset({user_id})}

"""The chat's own schema, DB-1, through the stand-in: what legacy clients get of it (data-model 3 and 5)."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime import Timing
from tests.sandbox.realtime.phoenix_client import PhoenixClient
from tests.sandbox.realtime.running import StandIn, run_stand_in

pytestmark = pytest.mark.sandbox


class Chat:
    """One user and one conversation, written by SQL."""

    def __init__(self, database: psycopg.AsyncConnection) -> None:
        self.user, self.auth_id, self.conversation = (str(uuid.uuid4()) for _ in range(3))
        self._database = database

    async def begin(self) -> None:
        """Write user and conversation."""
        await self._database.execute(
            "insert into users (id, auth_user_id, phone_number, username, display_name) values (%s, %s, %s, %s, 'x')",
            (self.user, self.auth_id, self.user, self.user),
        )
        await self._database.execute("insert into conversations (id) values (%s)", (self.conversation,))

    async def say(self, text: str) -> None:
        """Write a message."""
        await self._database.execute(
            "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, %s)",
            (self.conversation, self.user, text),
        )

    async def types(self, *, is_typing: bool) -> None:
        """Write the typing row, as a service would."""
        await self._database.execute(
            "insert into typing_indicators (conversation_id, user_id, is_typing) values (%s, %s, %s)"
            " on conflict (conversation_id, user_id) do update set is_typing = excluded.is_typing",
            (self.conversation, self.user, is_typing),
        )


@pytest_asyncio.fixture
async def chat(cluster_dsn: str) -> AsyncIterator[Chat]:
    """Yield a conversation in the sandbox's own database."""
    async with await psycopg.AsyncConnection.connect(cluster_dsn, autocommit=True) as database:
        chat = Chat(database)
        await chat.begin()
        yield chat


@pytest_asyncio.fixture
async def stand_in(cluster_dsn: str, keys: Keys) -> AsyncIterator[StandIn]:
    """Yield a stand-in for the sandbox's own database."""
    async with run_stand_in(dsn=cluster_dsn, keys=keys, timing=Timing.instant()) as running:
        yield running


async def test_a_legacy_join_hears_messages_and_no_typing(stand_in: StandIn, chat: Chat, keys: Keys) -> None:
    """As recorded of a legacy client: without a token, judged as anon; typing rows have no policy (legacy 4)."""
    asked = [
        {"event": "INSERT", "schema": "public", "table": "messages"},
        {"event": "UPDATE", "schema": "public", "table": "typing_indicators"},
    ]
    bindings = [{**each, "filter": f"conversation_id=eq.{chat.conversation}"} for each in asked]
    topic = f"realtime:conversation:{chat.conversation}"
    async with (
        PhoenixClient(stand_in.websocket_url, keys.anon) as legacy,
        PhoenixClient(stand_in.websocket_url, keys.secret) as server,
    ):
        await legacy.subscribe(topic, *bindings)
        await server.subscribe(topic, *bindings)
        await chat.types(is_typing=False)  # an INSERT, which nobody asked for
        await chat.types(is_typing=True)
        await chat.say("hello")
        typing = await server.expect("postgres_changes", topic)
        assert typing.record["is_typing"] is True
        for client in (server, legacy):
            assert (await client.expect("postgres_changes", topic)).record["encrypted_content"] == "hello"


async def test_a_signed_in_person_sees_no_typing_either(stand_in: StandIn, chat: Chat, keys: Keys) -> None:
    """Whoever it is: only the service role does."""
    everything = {"event": "*", "schema": "public"}
    async with PhoenixClient(stand_in.websocket_url, keys.publishable) as person:
        await person.subscribe("realtime:all", everything, token=keys.mint(chat.auth_id))
        await chat.types(is_typing=True)
        await chat.say("marker")
        assert (await person.expect("postgres_changes")).change["table"] == "messages"

"""Typing through the tables: WebSocket clients and legacy writers see each other type."""

from __future__ import annotations

import asyncio

from bridge.client import OtherPush, WireClient
from tests.e2e.conftest import RunningBridge
from tests.e2e.database import Database

ANSWER_SECONDS = 20.0


async def next_typing(client: WireClient) -> bytes:
    """Return the payload of the next typing_update."""
    async with asyncio.timeout(ANSWER_SECONDS):
        async for push in client.pushes():
            if isinstance(push, OtherPush) and push.type == "typing_update":
                return bytes(push.payload)
    raise AssertionError("no more pushes")


async def test_typing_of_a_socket_is_in_the_table(bridge: RunningBridge, database: Database) -> None:
    """Written with the service role: nobody else may (contract F43)."""
    conversation_id = await database.conversation("bob", "carol")
    async with bridge.client("bob") as bob, bridge.client("carol") as carol:
        await carol.join_conversation(conversation_id)
        await bob.request("typing_start", {"conversationId": conversation_id})
        assert b'"isTyping":true' in await next_typing(carol)
        async with asyncio.timeout(ANSWER_SECONDS):
            while not await database.is_typing(conversation_id, "bob"):  # noqa: ASYNC110  # another process writes it
                await asyncio.sleep(0.05)


async def test_the_first_typing_row_of_a_legacy_writer_is_seen(bridge: RunningBridge, database: Database) -> None:
    """An INSERT, which legacy readers themselves do not see (contract F31)."""
    conversation_id = await database.conversation("bob", "carol")
    async with bridge.client("carol") as carol:
        await carol.join_conversation(conversation_id)
        await database.type_as(conversation_id, "bob", is_typing=True)
        assert b'"isTyping":true' in await next_typing(carol)
        await database.type_as(conversation_id, "bob", is_typing=False)
        assert b'"isTyping":false' in await next_typing(carol)

"""A client that was cut off comes back with nothing but its token (contract F27)."""

from __future__ import annotations

import asyncio

import pytest

from scripts.chaos.ground import change_log
from scripts.sandbox.address import SandboxAddress
from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database
from tests.e2e.listening import next_push, pushed_so_far
from tests.e2e.test_delivery import ANSWER_SECONDS, next_message
from tests.e2e.test_typing import next_typing


@pytest.fixture
async def conversation(database: Database) -> str:
    """Return a new conversation of bob and carol."""
    return await database.conversation("bob", "carol")


async def cut_off(bridge: RunningBridge, conversation_id: str) -> None:
    """Open a conversation as carol, lose the connection without a word, and wait until the bridge has noticed."""
    before = len(bridge.parts.sockets)
    async with bridge.client("carol") as carol:
        await carol.join_conversation(conversation_id)
        carol._connection.transport.abort()
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(bridge.parts.sockets) > before:  # noqa: ASYNC110  # the bridge has no event for it
                await asyncio.sleep(0.01)


async def test_what_was_open_is_open_again(bridge: RunningBridge, conversation: str, database: Database) -> None:
    """Messages arrive, typing too; the message sent while it was away is there after loading."""
    async with bridge.client("bob") as bob:
        await cut_off(bridge, conversation)
        missed = await bob.send_message(conversation, "while you were away")
        async with bridge.client("carol") as carol:
            await bob.request("typing_start", {"conversationId": conversation})
            assert b'"isTyping":true' in await next_typing(carol)
            sent = await bob.send_message(conversation, "welcome back")
            assert (await next_message(carol)).id == sent.id
            loaded = (await carol.load_messages(conversation)).messages
            assert [message.id for message in loaded] == [missed.id, sent.id]


async def test_who_is_no_member_any_more_resumes_nothing(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """What was open gives no rights."""
    async with bridge.client("bob") as bob:
        await cut_off(bridge, conversation)
        await database.remove(conversation, "carol")
        async with asyncio.timeout(ANSWER_SECONDS):
            while database.user("carol") in await bridge.parts.context.members.of(conversation):  # type: ignore[arg-type]  # noqa: ASYNC110  # a plain id; the bridge has no event for it
                await asyncio.sleep(0.01)
        async with bridge.client("carol") as carol:
            await bob.request("typing_start", {"conversationId": conversation})
            await bob.send_message(conversation, "among ourselves")
            await next_push(bob, "message_received", of=conversation)
            assert await pushed_so_far(carol, of=conversation) == []


async def test_it_is_forgotten_after_a_while(start_bridge: StartBridge, database: Database) -> None:
    """As the setting says."""
    conversation = await database.conversation("bob", "carol")
    async with start_bridge(resume_rooms_seconds=0.001) as bridge, bridge.client("bob") as bob:
        await cut_off(bridge, conversation)
        async with bridge.client("carol") as carol:
            await bob.request("typing_start", {"conversationId": conversation})
            sent = await bob.send_message(conversation, "hello")
            name, payload = await next_push(carol, of=conversation)
            assert (name, payload["message"]["id"]) == ("message_received", sent.id)


async def test_a_client_that_shows_its_cursor_is_told_what_it_missed(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """Messages of WebSocket clients and of legacy writers alike, in order, each once, then what is live."""
    async with bridge.client("bob") as bob:
        async with bridge.client("carol") as carol:
            await bob.send_message(conversation, "seen")
            await next_message(carol)
            cursor = carol.cursor
        await bob.send_message(conversation, "missed")
        written = await database.message(conversation, "bob", "by SQL")
        await next_push(bob, "message_received", of=written)
        async with CheckedClient.connect(bridge.url) as carol:
            welcome = await carol.authenticate(str(bridge.sandbox.people["carol"].token), cursor=cursor)
            await bob.send_message(conversation, "live")
            told = [(await next_message(carol)).encrypted_content for _ in range(3)]
    assert (welcome.resumed, told) == (True, ["missed", "by SQL", "live"])


async def test_another_process_resumes_nothing_and_says_so(
    bridge: RunningBridge, start_bridge: StartBridge, conversation: str
) -> None:
    """The client has to load."""
    async with bridge.client("carol") as carol:
        cursor = carol.cursor
    async with start_bridge() as other, CheckedClient.connect(other.url) as carol:
        welcome = await carol.authenticate(str(bridge.sandbox.people["carol"].token), cursor=cursor)
    assert not welcome.resumed


async def test_another_process_tells_what_was_missed_where_there_is_a_change_log(
    sandbox: SandboxAddress, start_bridge: StartBridge, conversation: str, database: Database
) -> None:
    """A deployment: messages sent through the first bridge, by SQL while there is none, and through the second one."""
    token = str(sandbox.people["carol"].token)
    async with change_log(sandbox):
        async with start_bridge() as first, first.client("bob") as bob:
            await first.parts.relay.catch_up()
            async with CheckedClient.connect(first.url) as carol:
                await carol.authenticate(token)
                await bob.send_message(conversation, "seen")
                await next_message(carol)
                cursor = carol.cursor
            await bob.send_message(conversation, "missed")
        await database.message(conversation, "bob", "by SQL")
        async with start_bridge() as second, CheckedClient.connect(second.url) as carol:
            welcome = await carol.authenticate(token, cursor=cursor)
            async with second.client("bob") as bob:
                await bob.send_message(conversation, "live")
            told = [(await next_message(carol)).encrypted_content for _ in range(4)]
    assert welcome.resumed
    assert told == ["seen", "missed", "by SQL", "live"]  # what it had seen since the last look into the log comes again

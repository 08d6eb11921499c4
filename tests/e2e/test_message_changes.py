"""What others change about messages, on the real tables and through Realtime."""

from __future__ import annotations

import random
import string

import pytest

from tests.e2e.conftest import RunningBridge
from tests.e2e.database import Database
from tests.e2e.listening import newcomer, next_push, pushed_so_far
from tests.e2e.test_delivery import bridge_is_deaf

EDIT = "update messages set encrypted_content = %s, edited_at = now() where id = %s"
DELETE_SOFTLY = "update messages set deleted_at = now() where id = %s"
DELETE = "delete from messages where id = %s"


@pytest.fixture
async def conversation(database: Database) -> str:
    """Return a new conversation of bob and carol."""
    return await database.conversation("bob", "carol")


async def test_an_edit_is_told_whole_to_who_asked_for_it(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """With sender and original; old clients, strangers and those who ask for other things hear nothing."""
    original = await database.message(conversation, "carol", "original")
    async with (
        newcomer(bridge, "bob") as bob,
        bridge.client("carol") as old,
        newcomer(bridge, "carol", capabilities=("connection_status",)) as other,
        newcomer(bridge, "xavier") as stranger,
    ):
        reply = await database.message(conversation, "carol", "first", reply_to=original)
        await next_push(bob, of=reply)
        await database.run(EDIT, "second", reply)
        name, payload = await next_push(bob, of=reply)
        shown = payload["message"]
        assert (name, shown["id"], shown["encrypted_content"]) == ("message_updated", reply, "second")
        assert shown["edited_at"] is not None
        assert shown["sender"]["username"] == "carol"
        assert shown["reply_to"]["encrypted_content"] == "original"
        assert (await bob.load_messages(conversation)).messages[-1].encrypted_content == "second"
        marker = await database.message(conversation, "carol", "marker")
        for client in (old, other):
            assert (await next_push(client, of=reply))[0] == "message_received"
            assert (await next_push(client, of=conversation))[1]["message"]["id"] == marker
        assert await pushed_so_far(stranger, of=conversation) == []


async def test_columns_that_stayed_the_same_are_read_again(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """Realtime leaves out what is stored apart and was not touched (supabase.md 2.4)."""
    text = "".join(random.choices(string.ascii_letters, k=20_000))
    long = await database.message(conversation, "carol", text)
    async with newcomer(bridge, "bob") as bob:
        await database.run("update messages set edited_at = now() where id = %s", long)
        _, payload = await next_push(bob, "message_updated", of=long)
        assert payload["message"]["encrypted_content"] == text


@pytest.mark.parametrize("how", [DELETE_SOFTLY, DELETE])
async def test_a_deletion_is_told_once(bridge: RunningBridge, conversation: str, database: Database, how: str) -> None:
    """By its time, or by the primary key alone if the row is gone; a second deletion is none."""
    async with newcomer(bridge, "bob") as bob, newcomer(bridge, "carol") as carol:
        message = await database.message(conversation, "carol", "regretted")
        for client in (bob, carol):
            await next_push(client, "message_received", of=message)
        await database.run(how, message)
        for client in (bob, carol):
            name, payload = await next_push(client, of=message)
            assert (name, payload["conversationId"]) == ("message_deleted", conversation)
            assert (payload["deletedAt"] is None) is (how == DELETE)
        await database.run(DELETE, message)
        marker = await database.message(conversation, "carol", "marker")
        assert (await next_push(bob, of=conversation))[1]["message"]["id"] == marker


async def test_a_loaded_message_that_is_deleted_for_good_is_told(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """It was written before anybody was here; loading it says where it is."""
    message = await database.message(conversation, "carol", "old")
    async with newcomer(bridge, "bob") as bob:
        await bob.load_messages(conversation)
        await database.run(DELETE, message)
        _, payload = await next_push(bob, "message_deleted", of=message)
        assert payload == {"messageId": message, "conversationId": conversation, "deletedAt": None}


async def test_a_reply_to_a_deleted_message_shows_nothing_of_it(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """Though it was shown a moment ago."""
    async with newcomer(bridge, "bob") as bob:
        sent = await bob.send_message(conversation, "secret")
        await database.run(DELETE_SOFTLY, sent.id)
        await next_push(bob, "message_deleted", of=sent.id)
        reply = await database.message(conversation, "carol", "what did you say?", reply_to=sent.id)
        _, payload = await next_push(bob, of=reply)
        assert payload["message"]["reply_to_id"] == sent.id
        assert not payload["message"].get("reply_to")


async def test_what_a_stranger_wrote_is_not_shown_by_an_edit(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """It was not shown when it was written either (contract F7)."""
    async with newcomer(bridge, "bob") as bob:
        spam = await database.message(conversation, "xavier", "spam")
        await database.run(EDIT, "more spam", spam)
        marker = await database.message(conversation, "carol", "marker")
        _, payload = await next_push(bob, of=conversation)
        assert payload["message"]["id"] == marker


async def test_what_changed_while_realtime_was_gone_is_told_when_it_is_back(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """Edits and deletions, from the tables; what was written and deleted meanwhile is never shown (contract F30)."""
    edited, deleted = [await database.message(conversation, "carol", text) for text in ("first", "regretted")]
    async with newcomer(bridge, "bob") as bob:
        async with database.faults(refuse_connect=503):
            await database.drop_realtime()
            await bridge_is_deaf(bridge)
            await database.run(EDIT, "second", edited)
            await database.run(DELETE_SOFTLY, deleted)
            brief = await database.message(conversation, "carol", "brief")
            await database.run(DELETE_SOFTLY, brief)
        expected = {("message_updated", edited), ("message_deleted", deleted), ("message_deleted", brief)}
        while expected:  # between the first messages, which may be told late
            name, payload = await next_push(bob, of=conversation)
            message_id = payload.get("messageId") or payload["message"]["id"]
            assert (name, message_id) != ("message_received", brief)
            expected.discard((name, message_id))

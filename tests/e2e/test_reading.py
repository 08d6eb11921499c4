"""What loads show: the sample conversations of the sandbox, with everything that is awkward about them."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bridge.client import OtherPush, RequestRefused, WireClient
from bridge.rows import ConversationRow, MessageRow
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.cast import GROUP_NAME, PEOPLE
from scripts.sandbox.sample_messages import BACKSLASHES, BUFFER_JSON, EMOJI, HEX_LOOKALIKE, MESSAGES, SECRET
from tests.e2e.conftest import RunningBridge
from tests.e2e.database import Database


def place(sandbox: SandboxAddress, name: str) -> str:
    """Return the id of a sample conversation."""
    return str(sandbox.conversations[name])


async def listed(client: WireClient) -> dict[str, ConversationRow]:
    """Return the client's conversation list by id."""
    return {row.id: row for row in await client.load_conversations()}


async def walked_back(client: WireClient, conversation_id: str, page: int) -> list[MessageRow]:
    """Return all messages of a conversation, ascending, read page by page from the newest."""
    loaded = await client.load_messages(conversation_id, limit=page)
    messages = list(loaded.messages)
    while loaded.has_more:
        loaded = await client.load_more_messages(conversation_id, messages[0].id, limit=page)
        assert loaded.messages
        messages[:0] = loaded.messages
    return messages


async def test_a_direct_conversation_is_called_after_the_other_person(bridge: RunningBridge) -> None:
    """For each of the two, whatever kind of user, with the number of active members (contract F1)."""
    direct = place(bridge.sandbox, "bob-carol")
    for me, other in (("bob", "carol"), ("carol", "bob")):
        async with bridge.client(me) as client:
            row = (await listed(client))[direct]
        assert (row.name, row.conversation_name) == (PEOPLE[other].display_name,) * 2
        assert row.participant_count == 2


async def test_conversation_rows_carry_both_name_sets(bridge: RunningBridge) -> None:
    """The left set for L, W1 and early W2, the right one for W2 and W3 (contract ws-protocol section 5)."""
    async with bridge.client("alice") as client:
        row = (await listed(client))[place(bridge.sandbox, "seedlings")]
    assert (row.conversation_id, row.conversation_type, row.conversation_name) == (row.id, row.type, row.name)
    assert row.latest_message_content == row.last_message_content == "The tomatoes are up.\nAll twelve!"
    assert row.latest_message_sender_username == row.last_message_sender_username == "carol"
    assert row.latest_message_created_at == row.last_message_at
    assert row.group_name == GROUP_NAME


async def test_who_has_left_is_neither_listed_nor_counted(bridge: RunningBridge) -> None:
    """left_at is respected everywhere (contract F8)."""
    async with bridge.client("bob") as bob, bridge.client("carol") as carol, bridge.client("grace") as grace:
        assert place(bridge.sandbox, "book-club") not in await listed(bob)
        assert (await listed(carol))[place(bridge.sandbox, "book-club")].participant_count == 2
        assert await listed(grace) == {}


async def test_unread_is_what_others_wrote_and_nobody_here_has_read(bridge: RunningBridge, database: Database) -> None:
    """Own, deleted and expired messages do not count; a 'read' row does."""
    conversation_id = await database.conversation("bob", "carol")
    async with bridge.client("carol") as carol:
        assert (await listed(carol))[conversation_id].unread_count == 0
        await database.message(conversation_id, "carol", "mine")
        read = await database.message(conversation_id, "bob", "read")
        await database.message(conversation_id, "bob", "unread")
        deleted = await database.message(conversation_id, "bob", "deleted")
        expired = await database.message(conversation_id, "bob", "expired")
        await database.run("update messages set deleted_at = now() where id = %s", deleted)
        await database.run("update messages set expires_at = now() - interval '1 hour' where id = %s", expired)
        await database.run(
            "insert into message_status (message_id, user_id, status) values (%s, %s, 'read')",
            read,
            database.user("carol"),
        )
        row = (await listed(carol))[conversation_id]
    assert row.unread_count == 1
    assert row.last_message_content == "unread"


async def test_the_newest_fifty_are_loaded_ascending(bridge: RunningBridge) -> None:
    """The original gave the oldest (contract F26)."""
    async with bridge.client("bob") as bob:
        loaded = await bob.load_messages(place(bridge.sandbox, "trip"))
        everything = await walked_back(bob, place(bridge.sandbox, "trip"), 50)
    assert len(loaded.messages) == 50
    assert loaded.has_more
    assert list(loaded.messages) == everything[-50:]
    assert [message.encrypted_content.split(".")[0] for message in everything] == [str(n) for n in range(1, 121)]


@pytest.mark.parametrize("page", [1, 3, 40, 120])
async def test_paging_shows_every_message_once_though_times_tie(bridge: RunningBridge, page: int) -> None:
    """Seven rows have one created_at: pages follow (created_at, id) (contract F25)."""
    async with bridge.client("alice") as alice:
        messages = await walked_back(alice, place(bridge.sandbox, "trip"), page)
    assert len({message.id for message in messages}) == len(messages) == 120
    assert len({message.created_at for message in messages}) < 120


async def test_text_is_text(bridge: RunningBridge) -> None:
    """Backslashes, what looks like hex, emoji and typed JSON come back as they were typed (contract F40, F45)."""
    async with bridge.client("dave") as dave:
        loaded = (await dave.load_messages(place(bridge.sandbox, "general"))).messages
        shown = {message.id: message for message in loaded}
        for name, text in (
            ("backslashes", BACKSLASHES),
            ("hex", HEX_LOOKALIKE),
            ("emoji", EMOJI),
            ("buffer", BUFFER_JSON),
        ):
            assert shown[MESSAGES[name]].encrypted_content == text
    assert shown[MESSAGES["metadata"]].metadata == {
        "file": {"name": "beds.pdf", "size": 48213, "tags": ["plan", "2027"]}
    }


@pytest.mark.parametrize("text", [BACKSLASHES, HEX_LOOKALIKE, EMOJI, BUFFER_JSON, "x" * 100_000, "a\tb\nc", "\u202e"])
async def test_sent_text_comes_back_unchanged(bridge: RunningBridge, database: Database, text: str) -> None:
    """In the answer and in the next load."""
    conversation_id = await database.conversation("bob")
    async with bridge.client("bob") as bob:
        sent = await bob.send_message(conversation_id, text)
        [loaded] = (await bob.load_messages(conversation_id)).messages
    assert sent.encrypted_content == loaded.encrypted_content == text


async def test_what_is_deleted_expired_or_elsewhere_is_not_shown(bridge: RunningBridge) -> None:
    """Nor quoted (contract F10, F48)."""
    async with bridge.client("bob") as bob:
        loaded = (await bob.load_messages(place(bridge.sandbox, "general"))).messages
    shown = {message.id: message for message in loaded}
    assert MESSAGES["deleted"] not in shown
    assert MESSAGES["expired"] not in shown
    assert not shown[MESSAGES["reply-to-deleted"]].reply_to
    assert not shown[MESSAGES["leak-bait"]].reply_to
    assert SECRET not in repr(loaded)


async def test_a_reply_shows_its_original_and_may_not_reach_elsewhere(bridge: RunningBridge) -> None:
    """A reply to a message of another conversation is refused (contract F10)."""
    direct = place(bridge.sandbox, "bob-carol")
    async with bridge.client("carol") as carol:
        sent = await carol.send_message(direct, "to you", reply_to_id=MESSAGES["hello"])
        assert sent.reply_to
        assert sent.reply_to.encrypted_content == "Hi Carol, did the parcel arrive?"
        with pytest.raises(RequestRefused) as refused:
            await carol.send_message(direct, "to somebody else", reply_to_id=MESSAGES["secret"])
    assert (refused.value.code, refused.value.text) == ("DATABASE_ERROR", "Failed to send message")


async def test_a_send_costs_one_request_once_the_membership_is_known(bridge: RunningBridge, database: Database) -> None:
    """One round trip to PostgREST, the insert; the echo costs none."""
    conversation_id = await database.conversation("bob")
    asked: list[str] = []

    async def count(request: httpx.Request) -> None:
        # Presence and catch-ups ask on their own account, at any moment, and never by a conversation's id.
        if conversation_id in f"{request.url} {request.content.decode()}":
            asked.append(f"{request.method} {request.url.path}")

    async with bridge.client("bob") as bob:
        await bob.send_message(conversation_id, "the first asks who is in here")
        bridge.parts.http.event_hooks["request"].append(count)
        await bob.send_message(conversation_id, "the second does not")
        assert asked == ["POST /rest/v1/messages"]


async def test_a_send_repeated_with_its_client_message_id_is_one_message(
    bridge: RunningBridge, database: Database
) -> None:
    """Though no answer to the first came from the database (design decision 5)."""
    conversation_id = await database.conversation("bob")
    async with bridge.client("bob") as bob:
        async with database.faults(data_api={"lose_next": 100, "path": "/rest/v1/messages"}):
            with pytest.raises(RequestRefused):
                await bob.send_message(conversation_id, "once", client_message_id="attempt")
        again = await bob.send_message(conversation_id, "once", client_message_id="attempt")
        loaded = (await bob.load_messages(conversation_id)).messages
    assert [message.id for message in loaded] == [again.id]
    assert await database.texts(conversation_id) == ["once"]


async def test_an_answer_that_is_lost_on_its_way_is_nobodys_business(bridge: RunningBridge, database: Database) -> None:
    """The bridge writes the same row again and is told that it is there; no client has to repeat anything."""
    conversation_id = await database.conversation("bob")
    async with bridge.client("bob") as bob, database.faults(data_api={"lose_next": 1, "path": "/rest/v1/messages"}):
        sent = await bob.send_message(conversation_id, "once")
        loaded = (await bob.load_messages(conversation_id)).messages
    assert [message.id for message in loaded] == [sent.id]


async def test_database_trouble_is_told_with_the_fixed_text(bridge: RunningBridge, database: Database) -> None:
    """Never the database's own words (contract F11)."""
    conversation_id = await database.conversation("bob")
    async with bridge.client("bob") as bob:
        await bob.join_conversation(conversation_id)
        async with database.faults(data_api={"down": True, "status": 500, "path": "/rest/v1"}):
            for attempt, text in (
                (bob.load_conversations(), "Failed to load conversations"),
                (bob.load_messages(conversation_id), "Failed to load messages"),
                (bob.send_message(conversation_id, "x"), "Failed to send message"),
            ):
                with pytest.raises(RequestRefused) as refused:
                    await attempt
                assert (refused.value.code, refused.value.text) == ("DATABASE_ERROR", text)
        assert (await bob.send_message(conversation_id, "and on it goes")).id


async def test_what_was_loaded_is_read(bridge: RunningBridge, database: Database) -> None:
    """The row is written although row-level security lets no user write it, and the count falls (contract F43)."""
    conversation_id = await database.conversation("bob", "carol")
    await database.message(conversation_id, "bob", "read me")
    async with bridge.client("carol") as carol:
        assert (await listed(carol))[conversation_id].unread_count == 1
        await carol.load_messages(conversation_id)
        assert (await listed(carol))[conversation_id].unread_count == 0


async def test_receipts_of_legacy_writers_are_told(bridge: RunningBridge, database: Database) -> None:
    """Through the table, to clients that asked for receipts."""
    conversation_id = await database.conversation("bob", "carol")
    message_id = await database.message(conversation_id, "bob", "read me")
    async with bridge.client() as bob:
        token = bridge.sandbox.people["bob"].token
        await bob.request("auth", {"token": token, "capabilities": ["receipts"]})
        await database.run(
            "insert into message_status (message_id, user_id, status) values (%s, %s, 'read')",
            message_id,
            database.user("carol"),
        )
        async with asyncio.timeout(20):
            payload = await receipt(bob)
    assert message_id.encode() in payload
    assert database.user("carol").encode() in payload


async def receipt(client: WireClient) -> bytes:
    """Return the payload of the next messages_read."""
    async for push in client.pushes():
        if isinstance(push, OtherPush) and push.type == "messages_read":
            return bytes(push.payload)
    raise AssertionError("no more pushes")

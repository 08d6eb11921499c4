"""mark_as_read, and what loads mark, as clients see them."""

from __future__ import annotations

import pytest

from bridge.errors import StoreDown
from bridge.feed.changes import ReceiptWritten
from bridge.models import Message
from tests.people import OTHER_ROOM, ROOM, B, C, X
from tests.world import Client, World, world

READ = frozenset({"marked_as_read", "messages_read"})


async def sent(client: Client, text: str = "hello") -> str:
    """Send a message and return its id."""
    reply = await client.ask("send_message", conversationId=ROOM, content=text)
    return str(reply.payload["message"]["id"])


async def readers_seen(client: Client) -> list[tuple[str, list[str]]]:
    """Return who was said to have read what."""
    await client.ask("ping")
    told = [frame.payload for frame in client.frames if frame.type == "messages_read"]
    return [(str(one["userId"]), list(one["messageIds"])) for one in told]


async def test_what_is_marked_is_told_to_who_asked_for_receipts() -> None:
    """And to nobody else: W1 would refuse the type (design decision 9)."""
    async with world() as w:
        bob = await w.newcomer(B, "receipts", "unheard_of", knows=READ)
        old_bob = await w.signed_in(B)
        carol = await w.newcomer(C, knows=READ)
        message_id = await sent(bob)
        reply = await carol.ask("mark_as_read", conversationId=ROOM, messageIds=[message_id])
        assert (reply.type, reply.payload) == (
            "marked_as_read",
            {"conversationId": ROOM, "messageIds": [message_id]},
        )
        assert await readers_seen(bob) == [(C.user_id, [message_id])]
        assert await readers_seen(old_bob) == await readers_seen(carol) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"capabilities": ["receipts", "x", 7, None], "client": {"name": "web", "version": "2"}}, ["receipts"]),
        ({"capabilities": "receipts"}, []),
        ({"capabilities": ["receipts"], "client": {"name": 7}}, ["receipts"]),
        ({"capabilities": {}, "client": "web"}, []),
        ({}, []),
    ],
)
async def test_auth_success_names_the_capabilities_in_force(said: dict[str, object], told: list[str]) -> None:
    """What is said in a form we do not know is passed over by itself, and never keeps anybody out."""
    async with world() as w:
        reply = await w.client().ask("auth", token=w.mint.hs256(B.auth_id), **said)
        assert reply.payload["capabilities"] == told


async def test_marking_twice_tells_once() -> None:
    """The second time nothing is news."""
    async with world() as w:
        bob = await w.newcomer(B, "receipts", knows=READ)
        carol = await w.newcomer(C, knows=READ)
        message_id = await sent(bob)
        await carol.ask("mark_as_read", conversationId=ROOM, messageIds=[message_id])
        again = await carol.ask("mark_as_read", conversationId=ROOM, messageIds=[message_id])
        assert again.payload["messageIds"] == []
        assert len(await readers_seen(bob)) == 1


async def test_own_foreign_unknown_and_malformed_ids_are_passed_over() -> None:
    """Nobody marks for others, nor elsewhere."""
    async with world() as w:
        carol = await w.newcomer(C, knows=READ)
        stranger = await w.signed_in(X)
        own = await sent(carol)
        reply = await stranger.ask("send_message", conversationId=OTHER_ROOM, content="elsewhere")
        foreign = str(reply.payload["message"]["id"])
        ids = [own, foreign, "nonsense", "00000000-0000-4000-8000-000000000000"]
        marked = await carol.ask("mark_as_read", conversationId=ROOM, messageIds=ids)
        assert marked.payload["messageIds"] == []
        assert w.tables.read == set()


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, "MISSING_REQUIRED_FIELDS"),
        ({"conversationId": "", "messageIds": []}, "MISSING_CONVERSATION_ID"),
        ({"conversationId": ROOM, "messageIds": "x"}, "MISSING_REQUIRED_FIELDS"),
        ({"conversationId": ROOM, "messageIds": [7]}, "MISSING_REQUIRED_FIELDS"),
        ({"conversationId": ROOM, "messageIds": ["x"] * 501}, "INVALID_DATA"),
        ({"conversationId": ROOM, "messageIds": []}, "ACCESS_DENIED"),
    ],
)
async def test_bad_requests_are_refused(payload: dict[str, object], code: str) -> None:
    """A stranger learns nothing."""
    async with world() as w:
        stranger = await w.signed_in(X)
        assert (await stranger.ask("mark_as_read", **payload)).code == code


async def test_a_load_marks_what_it_shows() -> None:
    """So the unread count falls (contract F43)."""
    async with world() as w:
        bob = await w.newcomer(B, "receipts", knows=READ)
        carol = await w.signed_in(C)
        message_id = await sent(bob)
        await carol.ask("load_messages", conversationId=ROOM)
        assert await readers_seen(bob) == [(C.user_id, [message_id])]
        listed = await carol.ask("load_conversations")
        [row] = [one for one in listed.payload["conversations"] if one["id"] == ROOM]
        assert row["unread_count"] == 0


async def test_a_load_does_not_fail_because_receipts_do() -> None:
    """It is told in the log."""
    async with world() as w:
        bob, carol = await w.signed_in(B), await w.signed_in(C)
        await sent(bob)
        w.door.failing["receipts.mark_read"] = StoreDown("down")
        assert (await carol.ask("load_messages", conversationId=ROOM)).type == "messages_loaded"


async def relayed(w: World, message: Message, reader_id: str, status: str) -> None:
    """Let a message_status row come through the feed."""
    await w.relay.handle(ReceiptWritten(message_id=message.id, user_id=reader_id, status=status))  # type: ignore[arg-type]  # a plain id


async def test_a_receipt_written_by_others_is_told_once() -> None:
    """Only 'read', only a member's, and not again when it was ours."""
    async with world() as w:
        bob = await w.newcomer(B, "receipts", knows=READ)
        await sent(bob)
        [message] = w.stored()
        for reader, status in ((C, "delivered"), (X, "read"), (C, "read"), (C, "read")):
            await relayed(w, message, reader.user_id, status)
        assert await readers_seen(bob) == [(C.user_id, [message.id])]

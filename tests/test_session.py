"""One session: its commands in order, and what it hears in between."""

from __future__ import annotations

import pytest

from bridge.errors import CloseCode, Disconnect
from bridge.feed.changes import MessageInserted
from tests.gated import Gate
from tests.people import EVERY_KIND, OTHER_ROOM, ROOM, A, B, C, Person, X, message_id
from tests.world import LIMITS, Client, world


def types(client: Client) -> list[str]:
    """Return the types of the frames so far."""
    return [frame.type for frame in client.frames]


async def test_authentication_and_load_in_one_burst() -> None:
    """The load waits for the pending authentication (contract F24); the original answered UNAUTHORIZED."""
    async with world() as w:
        client = w.client()
        client.send("auth", token=w.mint.hs256(B.auth_id))
        last = client.send("load_messages", conversationId=ROOM)
        await client.reply(last)
        assert types(client) == ["auth_success", "messages_loaded"]


async def test_ten_sends_in_a_burst_stay_in_order() -> None:
    """In the answers, at the others, in the tables and on the page (contract F24)."""
    async with world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        texts = [str(number) for number in range(10)]
        sent = [b.send("send_message", conversationId=ROOM, content=text) for text in texts]
        await b.reply(sent[-1])
        answered = [frame.request_id for frame in b.frames if frame.type == "message_sent"]
        page = await c.ask("load_messages", conversationId=ROOM)
        assert answered == sent
        assert await b.received() == await c.received() == texts
        assert [row.content for row in w.stored()] == texts
        assert [row["encrypted_content"] for row in page.payload["messages"]] == texts


async def test_the_sender_gets_its_answer_before_its_own_push() -> None:
    """On the sending socket; its other socket and the other members get one push (contract F16)."""
    async with world() as w:
        b, second, c, x = [await w.signed_in(person) for person in (B, B, C, X)]
        await b.ask("send_message", conversationId=ROOM, content="hi")
        await b.ask("ping")
        assert types(b) == ["auth_success", "message_sent", "message_received", "pong"]
        assert await second.received() == await c.received() == ["hi"]
        assert await x.received() == []
        assert b.frames[1].payload == b.frames[2].payload


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_no_frame_but_auth_success_carries_an_auth_id(person: Person) -> None:
    """Whoever acts (contract F1)."""
    async with world() as w:
        b = await w.signed_in(B)
        acting = await w.signed_in(person, phone=person.phone)
        for action in ("load_conversations", "join_conversation", "load_messages", "leave_conversation"):
            await acting.ask(action, conversationId=ROOM)
        await acting.ask("send_message", conversationId=ROOM, content="hi")
        await b.pushed()
        for frame in [*acting.frames, *b.frames]:
            assert frame.type == "auth_success" or B.auth_id not in str(frame.payload)


async def test_a_ping_is_answered_while_a_command_is_pending() -> None:
    """A slow database is no dead server."""
    async with world() as w:
        b = await w.signed_in(B)
        gate = w.door.hold("messages.page")
        loading = b.send("load_messages", conversationId=ROOM)
        await gate.reached()
        assert (await b.ask("ping")).type == "pong"
        assert "messages_loaded" not in types(b)
        gate.open()
        assert (await b.reply(loading)).type == "messages_loaded"


async def test_a_slow_connection_does_not_hold_up_another() -> None:
    """Order is kept per socket."""
    async with world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        gate = w.door.hold("messages.page")
        b.send("load_messages", conversationId=ROOM)
        await gate.reached()
        assert (await c.ask("load_messages", conversationId=ROOM)).type == "messages_loaded"
        gate.open()


async def test_pushes_reach_a_client_whose_command_is_pending() -> None:
    """It need not ask for anything."""
    async with world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        gate = w.door.hold("messages.page")
        b.send("load_messages", conversationId=ROOM)
        await gate.reached()
        await c.ask("send_message", conversationId=ROOM, content="hi")
        assert await b.received() == ["hi"]
        gate.open()


async def test_a_write_that_overlaps_anothers_is_told_in_the_order_of_its_time() -> None:
    """The first of two writes returns last; its sender has its answer before its own push all the same."""
    async with world() as w:
        a, b, c = [await w.signed_in(person) for person in (A, B, C)]
        await c.ask("join_conversation", conversationId=ROOM)
        slow = w.door.hold_answer("messages.insert")
        first = a.send("send_message", conversationId=ROOM, content="first")
        await slow.reached()
        await b.ask("send_message", conversationId=ROOM, content="second")
        assert await c.received() == []
        slow.open()
        await a.reply(first)
        assert await c.received() == await a.received() == await b.received() == ["first", "second"]
        assert [row.content for row in w.stored()] == ["first", "second"]


async def test_an_echo_costs_no_question_even_if_it_is_faster_than_the_answer() -> None:
    """The sender's profile came with its login, the members with its first send."""
    async with world() as w:
        b = await w.signed_in(B)
        await b.ask("send_message", conversationId=ROOM, content="first")
        w.tables.asked.clear()
        gate = w.door.hold_answer("messages.insert")
        sending = b.send("send_message", conversationId=ROOM, content="second")
        await gate.reached()
        await w.relay.handle(MessageInserted(w.stored()[-1]))
        gate.open()
        await b.reply(sending)
        assert await b.received() == ["first", "second"]
        assert w.tables.asked == ["messages.insert"]


async def test_nobody_needs_to_have_joined() -> None:
    """Nor to have the conversation open: another is (contract F28)."""
    async with world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        await c.ask("join_conversation", conversationId=OTHER_ROOM)
        await b.ask("send_message", conversationId=ROOM, content="hi")
        assert await c.received() == ["hi"]


async def test_a_client_that_is_gone_hears_nothing() -> None:
    """Closing twice, or without ever having authenticated, is no harm."""
    async with world() as w:
        b, never = await w.signed_in(B), w.client()
        for client in (b, b, never):
            client.connection.close()
        c = await w.signed_in(C)
        await c.ask("send_message", conversationId=ROOM, content="hi")
        assert await b.pushed() == []
        assert w.context.hub._receivers.keys() == C.identity.ids


async def test_every_refusal_names_its_request() -> None:
    """At the top and in the payload (contract F23)."""
    async with world() as w:
        client = await w.signed_in(X)
        refusals = [
            await client.ask("join_conversation", conversationId=ROOM),
            await client.ask("join_conversation"),
            await client.ask("send_message", conversationId=ROOM),
            await client.ask("load_messages"),
            await client.ask("load_more_messages", conversationId=OTHER_ROOM, beforeMessageId=message_id(1)),
            await client.ask("call_offer"),
            await client.ask("auth", token="nonsense"),
        ]
        assert [refusal.code for refusal in refusals] == [
            "ACCESS_DENIED",
            "INVALID_DATA",
            "MISSING_REQUIRED_FIELDS",
            "MISSING_CONVERSATION_ID",
            "MESSAGE_NOT_FOUND",
            "UNKNOWN_MESSAGE_TYPE",
            "INVALID_TOKEN",
        ]
        assert all(refusal.payload["requestId"] == refusal.request_id for refusal in refusals)


@pytest.mark.parametrize("listed", ["user_online", "pong", "auth_success", "key_share", "error"])
async def test_a_listed_type_that_is_no_action_is_refused_by_name(listed: str) -> None:
    """Before authentication too."""
    async with world() as w:
        for client in (w.client(), await w.signed_in(B)):
            refused = await client.ask(listed)
            assert (refused.code, refused.payload["error"]) == (
                "UNKNOWN_MESSAGE_TYPE",
                f"Unknown message type: {listed}",
            )


async def test_too_many_waiting_commands_end_the_connection() -> None:
    """A flood is not stored; pings do not wait and do not count."""
    async with world() as w:
        b = await w.signed_in(B)
        gate = w.door.hold("messages.page")
        b.send("load_messages", conversationId=ROOM)
        await gate.reached()
        for _ in range(LIMITS.max_waiting_commands):
            b.send("load_messages", conversationId=ROOM)
            b.send("ping")
        assert not b.outbox.is_closing
        b.send("load_messages", conversationId=ROOM)
        assert (await b.disconnected()).code is CloseCode.TOO_MANY_COMMANDS
        gate.open()


async def test_what_waits_when_a_connection_ends_is_not_begun() -> None:
    """Nobody could be told what became of it; what is under way is finished."""
    async with world() as w:
        b = await w.signed_in(B)
        gate = w.door.hold("messages.insert")
        for number in range(3):
            b.send("send_message", conversationId=ROOM, content=str(number))
        await gate.reached()
        b.outbox.disconnect(Disconnect(CloseCode.SERVICE_RESTART, "service restart"))
        gate.open()
        c = await w.signed_in(C)
        await c.ask("load_messages", conversationId=ROOM)
        assert [row.content for row in w.stored()] == ["0"]


async def test_a_client_that_does_not_read_is_disconnected_and_harms_nobody() -> None:
    """Its queue is bounded; the others go on (contract F34)."""
    async with world() as w:
        b, c = w.client(max_frames=3), await w.signed_in(C)
        await b.authenticate(B)
        b.stalled = Gate()
        for number in range(5):
            await c.ask("send_message", conversationId=ROOM, content=str(number))
        assert (await b.disconnected()).code is CloseCode.TOO_SLOW
        assert await c.received() == ["0", "1", "2", "3", "4"]

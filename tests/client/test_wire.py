"""The wire client against a server that follows a script."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from bridge.client import (
    ClientLimits,
    MessageReceived,
    OtherPush,
    PushesOverflowed,
    RequestRefused,
    RequestTimedOut,
    UnexpectedReply,
    WireClient,
)
from bridge.clock import FakeClock
from tests.client.scripted import BOB, Peer, Sent, conversation, eventually, message, scripted


async def test_authentication_returns_the_user() -> None:
    """Auth sends the token in its payload only and returns the users row."""
    seen: list[Sent] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.accept_login())

    clock = FakeClock(datetime(2026, 5, 4, 3, 2, 1, 500_000, tzinfo=UTC))
    async with scripted(script) as server, WireClient.connect(server.url, clock=clock) as client:
        assert (await client.authenticate("the token")).user == BOB
    assert seen[0].payload == {"token": "the token", "capabilities": ["resume"]}
    assert seen[0].timestamp == "2026-05-04T03:02:01.500Z"


async def test_a_refusal_carries_code_and_text() -> None:
    """An error reply rejects its request only; the connection stays usable."""

    async def script(peer: Peer) -> None:
        await peer.refuse(await peer.command("auth"), "INVALID_TOKEN", "Invalid or expired token")
        await peer.accept_login()

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        with pytest.raises(RequestRefused) as refused:
            await client.authenticate("old")
        assert (refused.value.code, refused.value.text) == ("INVALID_TOKEN", "Invalid or expired token")
        assert "old" not in str(refused.value)
        assert (await client.authenticate("new")).user == BOB


async def test_the_list_of_conversations() -> None:
    """load_conversations returns the rows in the server's order."""
    rows = (conversation("c2", "Two"), conversation("c1", "One", unread=3))

    async def script(peer: Peer) -> None:
        await peer.reply(await peer.command("load_conversations"), "conversations_loaded", {"conversations": rows})

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        assert await client.load_conversations() == rows


async def test_join_and_leave_name_the_conversation() -> None:
    """join_conversation and leave_conversation send conversationId and accept their replies."""
    seen: list[Sent] = []

    async def script(peer: Peer) -> None:
        for reply in ("conversation_joined", "conversation_left"):
            seen.append(await peer.command())
            await peer.reply(seen[-1], reply, seen[-1].payload)

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        await client.join_conversation("c1")
        await client.leave_conversation("c1")
    assert [(sent.type, sent.payload) for sent in seen] == [
        ("join_conversation", {"conversationId": "c1"}),
        ("leave_conversation", {"conversationId": "c1"}),
    ]


async def test_sending_uses_the_names_of_the_wire() -> None:
    """send_message sends every field under its wire name, leaves out what is not given, and returns the row."""
    seen: list[Sent] = []

    async def script(peer: Peer) -> None:
        for _ in range(2):
            seen.append(await peer.command("send_message"))
            await peer.reply(seen[-1], "message_sent", {"message": message(1)})

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        assert await client.send_message("c1", "hello") == message(1)
        await client.send_message(
            "c1", "hi", message_type="image", reply_to_id="m0", metadata={"a": 1}, client_message_id="k"
        )
    assert seen[0].payload == {"conversationId": "c1", "content": "hello", "messageType": "text"}
    assert seen[1].payload == {
        "conversationId": "c1",
        "content": "hi",
        "messageType": "image",
        "replyToId": "m0",
        "metadata": {"a": 1},
        "clientMessageId": "k",
    }


async def test_reading_newest_and_older_messages() -> None:
    """load_messages and load_more_messages return pages; a server that does not say hasMore is believed not to know."""
    seen: list[Sent] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.command("load_messages"))
        await peer.reply(seen[-1], "messages_loaded", {"messages": [message(2)], "conversationId": "c1"})
        seen.append(await peer.command("load_more_messages"))
        older = {"messages": [message(1)], "conversationId": "c1", "hasMore": True}
        await peer.reply(seen[-1], "messages_loaded", older)

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        newest = await client.load_messages("c1")
        older = await client.load_more_messages("c1", "m2", limit=7)
    assert (newest.messages, newest.has_more) == ((message(2),), None)
    assert (older.messages, older.has_more) == ((message(1),), True)
    assert seen[0].payload == {"conversationId": "c1"}
    assert seen[1].payload == {"conversationId": "c1", "beforeMessageId": "m2", "limit": 7}


async def test_making_conversations_and_groups() -> None:
    """Every field under its wire name; what is not given is left out."""
    row = {
        **dict.fromkeys(("name", "description", "avatar_url", "created_by", "created_at", "updated_at", "group_id")),
        **dict.fromkeys(("position", "is_private", "disappearing_messages_duration_days", "conversation_name")),
        "id": "c1",
        "conversation_id": "c1",
        "type": "direct",
        "conversation_type": "direct",
        "conversation_avatar_url": None,
        "disappearing_messages_enabled": False,
    }
    line = {
        **dict.fromkeys(("group_description", "group_avatar_url", "user_role", "latest_activity")),
        "group_id": "g1",
        "group_name": "Chess",
        "room_count": 1,
        "member_count": 2,
    }
    seen: list[Sent] = []

    async def script(peer: Peer) -> None:
        for action, reply, payload in (
            ("create_conversation", "conversation_created", {"conversation": row, "id": "c1"}),
            ("create_group", "group_created", {"group_id": "g1", "room_id": "c2", "invite_code": "ABCDEF01"}),
            ("join_group", "group_joined", {"success": True, "group_id": "g1", "message": "", "room_ids": ["c2"]}),
            ("load_groups", "groups_loaded", {"groups": [line]}),
        ):
            seen.append(await peer.command(action))
            await peer.reply(seen[-1], reply, payload)

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        assert (await client.create_conversation("direct", ["u1"])).id == "c1"
        assert (await client.create_group("Chess", is_public=True)).invite_code == "ABCDEF01"
        assert (await client.join_group("ABCDEF01")).room_ids == ("c2",)
        assert [group.group_name for group in await client.load_groups()] == ["Chess"]
    assert [sent.payload for sent in seen] == [
        {"type": "direct", "participant_ids": ["u1"]},
        {"name": "Chess", "isPublic": True},
        {"inviteCode": "ABCDEF01"},
        {},
    ]


async def test_many_requests_are_matched_by_id() -> None:
    """Replies that come in another order settle their own requests; no two requests share an id."""
    count = 50

    async def script(peer: Peer) -> None:
        commands = [await peer.command("send_message") for _ in range(count)]
        assert len({command.requestId for command in commands}) == count
        for command in reversed(commands):
            echo = message(1, content=str(command.payload["content"]))
            await peer.reply(command, "message_sent", {"message": echo})

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        async with asyncio.TaskGroup() as group:
            sends = [group.create_task(client.send_message("c1", str(number))) for number in range(count)]
        assert [send.result().encrypted_content for send in sends] == [str(number) for number in range(count)]


async def test_request_returns_the_raw_payload_of_any_action() -> None:
    """Actions without a method of their own are reachable too."""

    async def script(peer: Peer) -> None:
        await peer.reply(await peer.command("load_groups"), "groups_loaded", {"groups": []})

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        assert bytes(await client.request("load_groups", {})) == b'{"groups":[]}'


async def test_no_answer_times_out_and_a_late_one_is_dropped() -> None:
    """A request without an answer raises; its late reply neither becomes a push nor settles anything else."""
    late = asyncio.Event()

    async def script(peer: Peer) -> None:
        command = await peer.command("load_conversations")
        await late.wait()
        await peer.reply(command, "conversations_loaded", {"conversations": []})
        await peer.push(message(1))
        await peer.reply(await peer.command("ping"), "pong", {})
        await peer.until_closed()

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        with pytest.raises(RequestTimedOut, match="load_conversations"):
            await client.request("load_conversations", {}, timeout_seconds=0)
        late.set()
        await client.ping()
        assert await anext(client.pushes()) == MessageReceived(message(1))


async def test_pushes_are_typed_and_later_types_pass() -> None:
    """A frame nobody asked for is a push, whatever its request id; an unknown type is handed on unread."""

    async def script(peer: Peer) -> None:
        await peer.push(message(1), request_id=None)
        await peer.send("user_online", {"userId": "u"}, "a fresh id")
        await peer.until_closed()

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        pushes = client.pushes()
        assert await anext(pushes) == MessageReceived(message(1))
        online = await anext(pushes)
        assert isinstance(online, OtherPush)
        assert (online.type, bytes(online.payload)) == ("user_online", b'{"userId":"u"}')


async def test_unread_pushes_overflow_loudly_and_requests_go_on() -> None:
    """Beyond the bound nothing is kept: the iterator raises, and requests still work."""

    async def script(peer: Peer) -> None:
        for number in range(3):
            await peer.push(message(number))
        await peer.reply(await peer.command("ping"), "pong", {})
        await peer.until_closed()

    limits = ClientLimits(max_waiting_pushes=2)
    async with scripted(script) as server, WireClient.connect(server.url, limits=limits) as client:
        await client.ping()
        for _ in range(2):
            with pytest.raises(PushesOverflowed):
                await anext(client.pushes())


@pytest.mark.parametrize(("reply_type", "payload"), [("pong", {}), ("conversations_loaded", {}), ("error", {})])
async def test_a_reply_of_another_shape_is_an_error(reply_type: str, payload: object) -> None:
    """A reply is checked for its type and its fields; an unreadable refusal is no success either."""

    async def script(peer: Peer) -> None:
        await peer.reply(await peer.command("load_conversations"), reply_type, payload)

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        with pytest.raises(UnexpectedReply, match="load_conversations"):
            await client.load_conversations()


async def test_a_cancelled_request_leaves_nothing_behind() -> None:
    """After cancelling a request the client forgets it and goes on."""
    received = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.command("load_conversations")
        received.set()
        await peer.reply(await peer.command("ping"), "pong", {})

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(client.load_conversations())
            await received.wait()
            waiting.cancel()
        await client.ping()
        await eventually(lambda: not client._waiting)

"""Where it is counted: by what clients do, and by what the feed brings, loses and is rescued from."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from bridge.errors import StoreDown, StoreRefused, StoreUnreadable
from bridge.feed.changes import MessageInserted
from bridge.feed.signals import Live, Lost
from bridge.health import NO_RIGHT
from tests.parts import Parts
from tests.people import ROOM, A, B, C, X, message
from tests.world import world


async def test_commands_are_counted_by_what_became_of_them() -> None:
    """With the wire's codes; what is no action is not told apart."""
    async with world() as w:
        b = await w.signed_in(B)
        await b.ask("load_messages", conversationId=ROOM)
        await b.ask("load_messages", conversationId="nonsense")
        await b.ask("ping")
        b.send_text("no json")
        b.send_text(json.dumps({"type": "message_received", "payload": {}, "requestId": "r", "timestamp": "now"}))
        await b.reply("r")
        await b.ask("ping")
        assert w.measures.commands.values == {
            ("auth", "ok"): 1,
            ("load_messages", "ok"): 1,
            ("load_messages", "ACCESS_DENIED"): 1,
            ("ping", "ok"): 2,
            ("unreadable", "INVALID_MESSAGE"): 1,
            ("unknown", "UNKNOWN_MESSAGE_TYPE"): 1,
        }
        assert w.measures.command_seconds.number == 4  # pings and what cannot be read have no turn


async def test_a_refused_login_is_counted_with_its_code() -> None:
    """As a command of type auth."""
    async with world() as w:
        await w.client().ask("auth", token="nonsense")
        await w.client().authenticate(X)
        assert w.measures.commands.values == {("auth", "INVALID_TOKEN"): 1, ("auth", "ok"): 1}


async def test_failures_of_our_own_are_counted_by_type() -> None:
    """Tables that do not answer, and defects; the rollout goes by them."""
    async with world() as w:
        b = await w.signed_in(B)
        assert w.measures.failed_commands() == (0, 1)
        for failing in (StoreDown("down"), StoreRefused("42501")):
            w.tables.failing = failing
            assert (await b.ask("load_messages", conversationId=ROOM)).code == "DATABASE_ERROR"
            assert (await w.client().authenticate(B)).code == "AUTH_ERROR"
        assert w.measures.commands_failed.values == {("load_messages",): 2, ("auth",): 2}
        assert w.measures.failed_commands() == (4, 5)


async def test_nobody_can_make_the_bridge_look_bad() -> None:
    """Or one client could take a rollout back: what it can bring about whenever it likes is no failure."""
    async with world() as w:
        b = await w.signed_in(B)
        before = w.measures.failed_commands()
        refused = [
            await b.ask("create_conversation", participantIds=["no uuid"], name="x", isGroup=True),
            await b.ask("create_conversation", participantIds=[str(UUID(int=9))], name="x", isGroup=True),
            await b.ask("send_message", conversationId=ROOM, content="x", replyToId=str(UUID(int=9))),
            await b.ask("send_message", conversationId=ROOM, content="x", messageType="nonsense"),
            await b.ask("load_messages", conversationId="nonsense"),
            await w.client().ask("auth", token="nonsense"),
        ]
        assert {one.type for one in refused} == {"error"}
        assert [one.code for one in refused].count("DATABASE_ERROR") == 4
        assert w.measures.failed_commands() == before


async def test_pushes_and_deliveries_are_counted_by_type() -> None:
    """One event for two sockets."""
    async with world() as w:
        a, b = await w.signed_in(A), await w.signed_in(B)
        await a.ask("send_message", conversationId=ROOM, content="hello")
        assert await b.received() == ["hello"]
        assert w.measures.pushes.values["message_received",] == 1
        assert w.measures.deliveries.values["message_received",] == 2


async def test_what_is_told_again_is_counted() -> None:
    """By how it ended."""
    async with world() as w:
        a, b = await w.signed_in(A), await w.signed_in(B)
        await a.ask("send_message", conversationId=ROOM, content="hello")
        cursor = next(frame.request_id for frame in await b.pushed())
        await a.ask("send_message", conversationId=ROOM, content="missed")
        w.measures.comebacks.values.clear()
        token = w.mint.hs256(B.auth_id)
        for shown in (cursor, "00000000-0000-4000-8000-000000000000"):
            await w.client().ask("auth", token=token, cursor=shown, capabilities=["resume"])
        await w.client().ask("auth", token=token, capabilities=["resume"])
        assert w.measures.comebacks.values == {("replayed",): 1, ("lost",): 1, ("nothing_missed",): 1}
        assert w.measures.replayed.values[()] == 1


async def test_messages_that_the_feed_did_not_bring_are_counted_as_rescued() -> None:
    """Not those it brought, nor what was written before this process listened."""
    parts = Parts()
    parts.legacy_insert(message(1))
    await parts.relay.handle(Live())
    parts.legacy_insert(message(2))
    await parts.relay.handle(MessageInserted(message(2)))
    parts.legacy_insert(message(3))
    await parts.relay.catch_up()
    await parts.relay.catch_up()
    assert parts.measures.rescued.values[()] == 1
    assert parts.measures.catch_ups.values == {("begun",): 3, ("finished",): 3}


async def test_a_comparison_that_fails_is_begun_and_not_finished() -> None:
    """The difference is what failed."""
    parts = Parts()
    parts.door.failing["messages.positions_since"] = StoreDown("502")
    with pytest.raises(StoreDown):
        await parts.relay.catch_up()
    assert parts.measures.catch_ups.values == {("begun",): 1}


async def test_messages_that_are_not_delivered_are_counted_once() -> None:
    """By the reason, however often they are looked at again."""
    parts = Parts()
    stranger = parts.legacy_insert(message(1, sender=X))
    for _ in range(2):
        await parts.relay.handle(MessageInserted(stranger))
    parts.legacy_insert(message(2))
    parts.door.failing["messages.by_ids"] = StoreUnreadable("a row of an unexpected shape")
    await parts.relay.catch_up()
    assert parts.measures.declined.values == {("not_a_member",): 1, ("unreadable",): 1}


async def test_the_feeds_own_news_is_counted() -> None:
    """Confirmations and losses."""
    parts = Parts()
    for signal in (Live(), Lost("closed"), Live()):
        await parts.relay.handle(signal)
    assert (parts.measures.confirmations.values[()], parts.measures.losses.values[()]) == (2, 1)


async def test_writes_of_the_service_role_are_counted() -> None:
    """By table, and by whether they succeeded."""
    parts = Parts()
    with parts.context.health.writing("typing_indicators"):
        pass
    with pytest.raises(StoreRefused), parts.context.health.writing("message_status"):
        raise StoreRefused(NO_RIGHT)
    assert parts.measures.writes.values == {("typing_indicators", "ok"): 1, ("message_status", "failed"): 1}


async def test_people_and_sockets_are_told_apart() -> None:
    """Two tabs are one person."""
    async with world() as w:
        for person in (A, A, C):
            await w.signed_in(person)
        assert (w.context.hub.users, w.context.hub.receivers) == (2, 3)
        assert w.measures.opened.values[()] == 3

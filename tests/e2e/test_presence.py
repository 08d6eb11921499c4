"""Presence on real sockets and real tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import json

from bridge.client import OtherPush, WireClient
from bridge.models import UserId
from scripts.stack import running_bridge
from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import RunningBridge, StartBridge, eventually
from tests.e2e.database import Database

ANSWER_SECONDS = 30.0
KINDS = ("user_online", "user_offline", "presence_changed")
GRACE = 0.5


@pytest.fixture(autouse=True)
async def _nobody_is_here(database: Database) -> None:
    """Forget who was here in tests before, however their bridges ended."""
    await database.run("update user_presence set status = 'offline'")


@pytest.fixture
async def hasty(start_bridge: StartBridge) -> AsyncIterator[RunningBridge]:
    """Run a bridge with a short grace."""
    async with start_bridge(presence_grace_seconds=GRACE) as started:
        yield started


async def modern(bridge: RunningBridge, client: WireClient, name: str) -> None:
    """Authenticate with the capability."""
    await client.request("auth", {"token": str(bridge.sandbox.people[name].token), "capabilities": ["presence"]})


@asynccontextmanager
async def watching(bridge: RunningBridge, name: str) -> AsyncIterator[WireClient]:
    """Connect somebody who is told of changes."""
    async with bridge.client() as client:
        await modern(bridge, client, name)
        yield client


async def next_presence(client: WireClient) -> tuple[str, dict[str, Any]]:
    """Return the next presence frame of any kind."""
    async with asyncio.timeout(ANSWER_SECONDS):
        async for push in client.pushes():
            if isinstance(push, OtherPush) and push.type in KINDS:
                return push.type, json.decode(push.payload)
    raise AssertionError("no more pushes")


async def next_change(client: WireClient, user_id: str) -> str:
    """Return the next status told of a person; what is told of others is passed over."""
    while True:
        kind, payload = await next_presence(client)
        assert kind == "presence_changed"
        if payload["userId"] == user_id:
            return str(payload["status"])


async def waiting(client: WireClient) -> list[tuple[str, dict[str, Any]]]:
    """Return the presence frames pushed and not yet read: a pong comes after whatever was queued before it."""
    await client.ping()
    pushes = [push for push in client.pushes().waiting if isinstance(push, OtherPush) and push.type in KINDS]
    return [(push.type, json.decode(push.payload)) for push in pushes]


async def row(database: Database, name: str) -> tuple[str, float]:
    """Return status and age in seconds of somebody's row."""
    [[status, age]] = await database.fetch(
        "select status, extract(epoch from now() - last_seen)::float from user_presence where user_id = %s",
        database.user(name),
    )
    return status, age


async def reads(database: Database, name: str, status: str) -> None:
    """Wait until the table says that somebody is so, and has just been seen."""

    async def does() -> bool:
        said, age = await row(database, name)
        return said == status and age < ANSWER_SECONDS

    await eventually(does)


async def snapshot(client: WireClient, conversation_id: str) -> dict[str, str]:
    """Return everybody's status."""
    loaded = json.decode(await client.request("load_presence", {"conversationId": conversation_id}))
    return {user["userId"]: user["status"] for user in loaded["users"]}


async def test_coming_and_going_is_told_and_written(hasty: RunningBridge, database: Database) -> None:
    """One frame for each conversation that an old client has joined, one in all for a client that asks for it."""
    conversation_id = await database.conversation("bob", "carol", "alice")
    async with hasty.client("carol") as carol, watching(hasty, "alice") as alice:
        await carol.join_conversation(conversation_id)
        bob_id = database.user("bob")
        async with hasty.client("bob"):
            kind, payload = await next_presence(carol)
            while payload["userId"] != bob_id:
                kind, payload = await next_presence(carol)
            assert (kind, payload["conversationId"]) == ("user_online", conversation_id)
            assert await next_change(alice, bob_id) == "online"
            await reads(database, "bob", "online")
        assert (await next_presence(carol))[0] == "user_offline"
        assert await next_change(alice, bob_id) == "offline"
        await reads(database, "bob", "offline")
        assert await waiting(carol) == await waiting(alice) == []
        assert (await snapshot(alice, conversation_id))[bob_id] == "offline"
        assert (await snapshot(alice, conversation_id))[database.user("carol")] == "online"


async def test_a_second_tab_and_a_drop_with_return_are_no_news(bridge: RunningBridge, database: Database) -> None:
    """Within the grace (contract F35); the socket is cut without a word."""
    await database.conversation("bob", "alice")
    async with watching(bridge, "alice") as alice:
        bob_id = database.user("bob")
        async with bridge.client("bob") as first:
            assert await next_change(alice, bob_id) == "online"
            async with bridge.client("bob"):
                pass
            first._connection.transport.abort()
        async with bridge.client("bob") as back:
            await back.request("set_presence", {"status": "busy"})
            assert await next_change(alice, bob_id) == "busy"
            assert await waiting(alice) == []


async def test_a_socket_that_vanishes_is_gone_after_the_grace(hasty: RunningBridge, database: Database) -> None:
    """Cut, not closed (contract F34)."""
    await database.conversation("bob", "alice")
    async with watching(hasty, "alice") as alice, hasty.client("bob") as bob:
        assert await next_change(alice, database.user("bob")) == "online"
        bob._connection.transport.abort()
        assert await next_change(alice, database.user("bob")) == "offline"


async def test_what_a_legacy_writer_says_is_told(hasty: RunningBridge, database: Database) -> None:
    """By SQL, as the service role can; a row that is not renewed shows nobody as present."""
    conversation_id = await database.conversation("alice", "dave")
    dave_id = database.user("dave")
    async with watching(hasty, "alice") as alice:
        for status in ("online", "away", "offline"):
            await database.run(
                "update user_presence set status = %s, last_seen = now() where user_id = %s", status, dave_id
            )
            assert await next_change(alice, dave_id) == status
            assert (await snapshot(alice, conversation_id))[dave_id] == status
        await database.run(
            "update user_presence set status = 'online', last_seen = now() - interval '10 minutes' where user_id = %s",
            dave_id,
        )
        assert (await snapshot(alice, conversation_id))[dave_id] == "offline"
        await database.run("update user_presence set status = 'offline' where user_id = %s", dave_id)


async def test_somebody_connected_to_two_bridges_who_closes_one_is_no_news(
    start_bridge: StartBridge, database: Database
) -> None:
    """The one that goes on objects; each change is told once on both."""
    await database.conversation("bob", "alice")
    bob_id = UserId(database.user("bob"))
    async with (
        start_bridge(presence_grace_seconds=GRACE) as one,
        start_bridge(presence_grace_seconds=GRACE) as other,
        watching(one, "alice") as alice_here,
        watching(other, "alice") as alice_there,
    ):
        async with other.client("bob"):
            async with one.client("bob"):
                for alice in (alice_here, alice_there):
                    assert await next_change(alice, bob_id) == "online"
                await eventually(lambda: knows(one, bob_id, here=True))
                await eventually(lambda: knows(other, bob_id, here=True))
            await eventually(lambda: knows(one, bob_id, here=False))
            for alice in (alice_here, alice_there):
                assert [payload for _, payload in await waiting(alice) if payload["userId"] == bob_id] == []
            await reads(database, "bob", "online")
        for alice in (alice_here, alice_there):
            assert await next_change(alice, bob_id) == "offline"
            assert [payload for _, payload in await waiting(alice) if payload["userId"] == bob_id] == []
        await reads(database, "bob", "offline")


async def knows(bridge: RunningBridge, user_id: UserId, *, here: bool) -> bool:
    """Tell whether a bridge knows that somebody is connected to another one, and to itself or not."""
    person = bridge.parts.context.presence._people.get(user_id)
    return person is not None and person.elsewhere is not None and person.is_here is here


async def test_a_bridge_that_stops_says_goodbye_for_everybody(hasty: RunningBridge, database: Database) -> None:
    """As a process, with a client still connected."""
    async with running_bridge(hasty.sandbox, quiet=True) as (url, process), CheckedClient.connect(url) as client:
        await client.authenticate(str(hasty.sandbox.people["carol"].token))
        await reads(database, "carol", "online")
        process.terminate()
        async with asyncio.timeout(ANSWER_SECONDS):
            assert await process.wait() == 0
    assert (await row(database, "carol"))[0] == "offline"


async def test_a_heartbeat_renews_the_rows(start_bridge: StartBridge, database: Database) -> None:
    """So that others see that this bridge is alive."""
    async with start_bridge(presence_heartbeat_seconds=0.5) as bridge, bridge.client("bob"):
        await reads(database, "bob", "online")
        [[first]] = await database.fetch("select last_seen from user_presence where user_id = %s", database.user("bob"))

        async def renewed() -> bool:
            return bool(
                await database.fetch(
                    "select 1 from user_presence where user_id = %s and last_seen > %s", database.user("bob"), first
                )
            )

        await eventually(renewed)


async def test_a_bridge_without_presence_writes_nothing(start_bridge: StartBridge, database: Database) -> None:
    """Whoever connects to it, and not when it stops either."""
    conversation_id = await database.conversation("bob", "carol")
    await database.run("update user_presence set status = 'away' where user_id = %s", database.user("bob"))
    async with start_bridge(presence=False) as quiet, quiet.client("bob") as bob:
        await bob.join_conversation(conversation_id)
    assert (await row(database, "bob"))[0] == "away"

"""The real Python client, `realtime`, against the stand-in: everything it offers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

import psycopg
import pytest
import pytest_asyncio
from realtime import AsyncRealtimeChannel, AsyncRealtimeClient, RealtimeSubscribeStates
from realtime.types import RealtimeChannelOptions, RealtimePostgresChangesListenEvent

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime.faults import Drop, ExpireTokens
from tests.sandbox.realtime.eventually import DEADLINE_SECONDS
from tests.sandbox.realtime.notes import fresh_id
from tests.sandbox.realtime.running import StandIn

pytestmark = pytest.mark.sandbox
EVERY = RealtimePostgresChangesListenEvent.All


class Heard:
    """What callbacks were called with, in order."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def __call__(self, *what: object) -> None:
        """Be a callback."""
        self._queue.put_nowait(what[0] if len(what) == 1 else what)

    async def next(self) -> Any:
        """Return what the next call was given."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._queue.get()


@pytest_asyncio.fixture
async def client(stand_in: StandIn) -> AsyncIterator[AsyncRealtimeClient]:
    """Yield a connected client with the publishable key."""
    client = AsyncRealtimeClient(f"{stand_in.url}/realtime/v1", stand_in.keys.publishable, auto_reconnect=False)
    await client.connect()
    yield client
    await client.close()


def options(**config: object) -> RealtimeChannelOptions:
    """Return channel options with some of the config changed."""
    whole = {
        "broadcast": {"ack": False, "self": False},
        "presence": {"key": "", "enabled": False},
        "private": False,
        **config,
    }
    return cast("RealtimeChannelOptions", {"config": whole})


async def subscribed(channel: AsyncRealtimeChannel) -> Heard:
    """Subscribe, expect SUBSCRIBED and return what the status callback hears later."""
    states = Heard()
    await channel.subscribe(states)
    assert await states.next() == (RealtimeSubscribeStates.SUBSCRIBED, None)
    return states


async def test_changes(client: AsyncRealtimeClient, database: psycopg.AsyncConnection) -> None:
    """Insert, update and delete arrive after the system message; a filter of the client's is kept."""
    everything, filtered, system, number = Heard(), Heard(), Heard(), fresh_id()
    channel = client.channel("changes")
    channel.on_postgres_changes(EVERY, everything, table="notes", schema="public")
    channel.on_postgres_changes(EVERY, filtered, table="notes", schema="public", filter=f"id=eq.{number}")
    channel.on_system(system)
    await subscribed(channel)
    assert (await system.next()).message == "Subscribed to PostgreSQL"
    await database.execute("insert into notes (id, body) values (%s, 'other')", (fresh_id(),))
    await database.execute("insert into notes (id, body) values (%s, 'mine')", (number,))
    await database.execute("update notes set body = 'edited' where id = %s", (number,))
    await database.execute("delete from notes where id = %s", (number,))
    kinds = [(await everything.next())["data"]["type"] for _ in range(4)]
    assert kinds == ["INSERT", "INSERT", "UPDATE", "DELETE"]
    found = [(await filtered.next())["data"] for _ in range(3)]
    assert [change["type"] for change in found] == ["INSERT", "UPDATE", "DELETE"]
    assert found[1]["record"]["body"] == "edited"
    assert found[2]["old_record"] == {"id": number}


async def test_row_security_follows_set_auth(
    client: AsyncRealtimeClient, database: psycopg.AsyncConnection, keys: Keys
) -> None:
    """Joined as anon nothing is visible; with a person's token the rows of theirs are."""
    person, conversation = str(uuid.uuid4()), str(uuid.uuid4())
    await database.execute("insert into members values (%s, %s)", (conversation, person))
    changes, system = Heard(), Heard()
    channel = client.channel("room").on_postgres_changes(EVERY, changes, table="messages", schema="public")
    channel.on_system(system)
    await subscribed(channel)
    await system.next()
    insert = "insert into messages (conversation_id, sender_id, body) values (%s, %s, %s)"
    await database.execute(insert, (conversation, person, "unseen"))
    await client.set_auth(keys.mint(person))
    await system.next()
    await database.execute(insert, (conversation, person, "seen"))
    assert (await changes.next())["data"]["record"]["body"] == "seen"


async def test_broadcasts(client: AsyncRealtimeClient, stand_in: StandIn) -> None:
    """Over the socket with an own copy, and over HTTP."""
    heard = Heard()
    channel = client.channel("bc", options(broadcast={"ack": True, "self": True}))
    channel.on_broadcast("typing", heard)
    await subscribed(channel)
    await channel.send_broadcast("typing", {"who": "me"})
    assert (await heard.next())["payload"] == {"who": "me"}
    await channel.http_send("typing", {"who": "server"})
    assert (await heard.next())["payload"] == {"who": "server"}


async def test_presence(client: AsyncRealtimeClient) -> None:
    """Track and untrack are a join and a leave, and the state follows."""
    joins, leaves, synced = Heard(), Heard(), Heard()
    channel = client.channel("pres", options(presence={"key": "ann", "enabled": True}))
    channel.on_presence_join(joins).on_presence_leave(leaves).on_presence_sync(lambda: synced(None))
    await subscribed(channel)
    await channel.track({"mood": "good"})
    key, _, entered = await joins.next()
    assert (key, entered[0]["mood"]) == ("ann", "good")
    assert list(channel.presence_state()) == ["ann"]
    await channel.untrack()
    key, _, left = await leaves.next()
    assert (key, left[0]["mood"]) == ("ann", "good")
    await synced.next()


async def test_a_leave_closes_the_channel(client: AsyncRealtimeClient, stand_in: StandIn) -> None:
    """The library hears the reply, and the server forgets the channel."""
    channel = client.channel("gone")
    states = await subscribed(channel)
    await channel.unsubscribe()
    assert (await states.next())[0] is RealtimeSubscribeStates.CLOSED
    assert stand_in.faults.counts.channels == 0


async def test_an_expired_token_closes_channels_for_good(client: AsyncRealtimeClient, stand_in: StandIn) -> None:
    """The library reports an error, then closed, and does not come back (supabase.md R3)."""
    states = await subscribed(client.channel("room"))
    stand_in.faults.perform(ExpireTokens())
    assert (await states.next())[0] is RealtimeSubscribeStates.CHANNEL_ERROR
    assert (await states.next())[0] is RealtimeSubscribeStates.CLOSED
    assert client.is_connected


async def test_a_refused_join_is_reported(client: AsyncRealtimeClient, stand_in: StandIn) -> None:
    """As a channel error with the server's reason."""
    states, channel = Heard(), client.channel("private", options(private=True))
    await channel.subscribe(states)
    state, error = await states.next()
    assert state is RealtimeSubscribeStates.CHANNEL_ERROR
    assert "Unauthorized" in str(error)
    channel.rejoin_timer.reset()  # it would try again for ever


@pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")  # the library's own, while it logs a close
@pytest.mark.parametrize("code", [None, 1000, 1012])
async def test_a_dropped_connection_is_a_channel_error(
    client: AsyncRealtimeClient, stand_in: StandIn, code: int | None
) -> None:
    """By a reset or by a close."""
    states = await subscribed(client.channel("room"))
    stand_in.faults.perform(Drop(code=code))
    assert (await states.next())[0] is RealtimeSubscribeStates.CHANNEL_ERROR

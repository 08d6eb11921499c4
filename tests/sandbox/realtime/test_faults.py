"""Every switch makes the stand-in fail in its way, and only as long as it is on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import psycopg
import pytest
from aiohttp import ClientSession

from scripts.sandbox.realtime.faults import Drop, ExpireTokens, SendSystemError
from tests.sandbox.realtime.conftest import Connect
from tests.sandbox.realtime.eventually import eventually
from tests.sandbox.realtime.notes import NOTES, fresh_id, note
from tests.sandbox.realtime.phoenix_client import Closed, PhoenixClient
from tests.sandbox.realtime.running import StandIn

TOPIC = "realtime:t"
sandbox = pytest.mark.sandbox


async def hears(client: PhoenixClient, *numbers: int) -> None:
    """The next frames are these notes."""
    for number in numbers:
        assert (await client.expect("postgres_changes")).record["id"] == number


def deed(name: str, **parameters: object) -> Mapping[str, object]:
    """Return what the control endpoint takes for one deed."""
    return {"deeds": [{"deed": name, **parameters}]}


@sandbox
async def test_drop_tears_every_connection(connect: Connect, stand_in: StandIn) -> None:
    """Without a code the client sees no close frame."""
    clients = [await connect(), await connect()]
    stand_in.faults.apply(deed("drop"))
    for client in clients:
        with pytest.raises(Closed) as closed:
            await client.next()
        assert closed.value.code == 1006


@sandbox
@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 4000])
async def test_drop_with_a_code_closes_cleanly(connect: Connect, stand_in: StandIn, code: int) -> None:
    """After what was queued before."""
    client = await connect()
    stand_in.faults.perform(Drop(code=code, reason="on purpose"))
    with pytest.raises(Closed) as closed:
        await client.next()
    assert closed.value.code == code


@sandbox
async def test_a_stall_of_frames_leaves_the_heartbeat(
    connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection
) -> None:
    """Heartbeats are answered, nothing else comes; afterwards it does, in order."""
    client = await connect()
    await client.subscribe(TOPIC, NOTES)
    stand_in.faults.apply({"stall": "frames"})
    first = await note(database)
    await sent(stand_in, 1)
    await client.nothing_but_a_heartbeat()
    stand_in.faults.apply({"stall": "off"})
    second = await note(database)
    await hears(client, first, second)


@sandbox
async def test_a_stall_of_everything_is_a_zombie(connect: Connect, stand_in: StandIn) -> None:
    """No heartbeat reply, no pong, no close; TCP stays. The replies follow when it ends."""
    client = await connect()
    stand_in.faults.apply({"stall": "everything"})
    ref = await client.send("phoenix", "heartbeat", {})
    await client.ping()
    waiting = asyncio.create_task(client.next())
    await joins_seen(stand_in, client)
    assert not waiting.done()
    stand_in.faults.apply({"stall": "off"})
    assert (await waiting).ref == ref
    assert stand_in.faults.counts.connections == 1


async def joins_seen(stand_in: StandIn, client: PhoenixClient) -> None:
    """Wait until the server has read everything sent so far: frames are read in order, and joins are counted."""
    before = stand_in.faults.counts.joins
    await client.send(TOPIC, "phx_join", {})
    await eventually(lambda: stand_in.faults.counts.joins > before)


async def sent(stand_in: StandIn, number: int) -> None:
    """Wait until so many events were sent off."""
    await eventually(lambda: stand_in.faults.counts.events_sent >= number)


@sandbox
async def test_refused_handshakes(stand_in: StandIn, connect: Connect) -> None:
    """With any HTTP status, as JSON."""
    stand_in.faults.apply({"refuse_connect": 429})
    parameters = {"apikey": stand_in.keys.anon}
    async with ClientSession() as session, session.get(stand_in.websocket_url, params=parameters) as response:
        assert response.status == 429
        assert "message" in await response.json()
    stand_in.faults.reset()
    await (await connect()).nothing_but_a_heartbeat()


@sandbox
async def test_close_right_after_connecting(stand_in: StandIn, connect: Connect) -> None:
    """The handshake is fine, then the close comes: what drives naive clients into a loop."""
    stand_in.faults.apply({"close_on_connect": 1011})
    client = await connect()
    with pytest.raises(Closed) as closed:
        await client.next()
    assert closed.value.code == 1011
    assert stand_in.faults.counts.handshakes == 1


@sandbox
async def test_refused_joins(stand_in: StandIn, connect: Connect) -> None:
    """With any reason."""
    client = await connect()
    stand_in.faults.apply({"refuse_join": "ClientJoinRateLimitReached: Too many joins per second"})
    reply = await client.try_join(TOPIC)
    reason = "ClientJoinRateLimitReached: Too many joins per second"
    assert reply.payload == {"status": "error", "response": {"reason": reason}}
    stand_in.faults.apply({"refuse_join": None})
    await client.join(TOPIC)


@sandbox
async def test_system_errors(stand_in: StandIn, connect: Connect, database: psycopg.AsyncConnection) -> None:
    """Extension system is followed by phx_close; extension postgres_changes is information only."""
    client = await connect()
    await client.subscribe("realtime:one", NOTES)
    await client.subscribe("realtime:two", NOTES)
    stand_in.faults.perform(SendSystemError(message="Too many database timeouts", extension="postgres_changes"))
    for topic in ("realtime:one", "realtime:two"):
        assert (await client.expect("system", topic)).payload["status"] == "error"
    stand_in.faults.apply(deed("system_error", message="RealtimeRestarting: soon", topic="realtime:one"))
    system = await client.expect("system", "realtime:one")
    assert (system.payload["extension"], system.payload["message"]) == ("system", "RealtimeRestarting: soon")
    await client.expect("phx_close", "realtime:one")
    number = await note(database)
    assert (await client.expect("postgres_changes", "realtime:two")).record["id"] == number


@sandbox
async def test_tokens_expire_on_demand(stand_in: StandIn, connect: Connect) -> None:
    """One topic or all; the socket and its heartbeats stay."""
    client = await connect()
    for topic in ("realtime:one", "realtime:two", "realtime:three"):
        await client.join(topic)
    stand_in.faults.apply(deed("expire_tokens", topic="two"))
    assert (await client.expect("system", "realtime:two")).payload["message"] == "Token has expired 0 seconds ago"
    await client.expect("phx_close", "realtime:two")
    stand_in.faults.perform(ExpireTokens())
    frames = [await client.next() for _ in range(4)]
    assert [(frame.topic, frame.event) for frame in frames] == [
        (topic, event) for topic in ("realtime:one", "realtime:three") for event in ("system", "phx_close")
    ]
    await client.nothing_but_a_heartbeat()


@sandbox
async def test_crashed_channels_say_phx_error(stand_in: StandIn, connect: Connect) -> None:
    """With the join_ref; a rejoin works."""
    client = await connect(vsn="2.0.0")
    await client.join(TOPIC)
    stand_in.faults.apply(deed("crash"))
    crashed = await client.expect("phx_error", TOPIC)
    assert crashed.ref == crashed.join_ref == client.join_refs[TOPIC]
    await client.join(TOPIC)


@sandbox
async def test_withheld_changes_are_lost_for_good(
    connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection
) -> None:
    """Per table, by either name, and silently."""
    client = await connect()
    await client.subscribe(TOPIC, NOTES)
    await client.subscribe("realtime:k", {**NOTES, "table": "keyless"})
    for name in ("notes", "public.notes"):
        stand_in.faults.apply({"withhold": [name]})
        await note(database)
        await database.execute("insert into keyless values ('x')")
        await client.expect("postgres_changes", "realtime:k")
    stand_in.faults.apply({"withhold": []})
    await hears(client, await note(database))
    assert stand_in.faults.counts.changes_lost == 2


@sandbox
async def test_delayed_changes_keep_their_order(
    connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection
) -> None:
    """Nothing comes before its time, other frames do; a shorter delay lets go at once."""
    client = await connect()
    await client.subscribe(TOPIC, NOTES)
    stand_in.faults.apply({"delay_ms": 3_600_000})
    numbers = [await note(database) for _ in range(3)]
    await eventually(lambda: stand_in.faults.counts.changes_read >= 3)
    await client.nothing_but_a_heartbeat()
    stand_in.faults.apply({"delay_ms": 1})
    await hears(client, *numbers)


@sandbox
async def test_duplicated_changes(connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection) -> None:
    """Each event comes twice."""
    client = await connect()
    await client.subscribe(TOPIC, NOTES)
    stand_in.faults.apply({"duplicate": True})
    first, second = await note(database), await note(database)
    await hears(client, first, first, second, second)


@sandbox
async def test_rate_limited_changes_vanish_silently(
    connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection
) -> None:
    """Averaged over a minute: sixty at one per second, then nothing; without a limit all come again."""
    client, first = await connect(), fresh_id()
    await client.subscribe(TOPIC, NOTES)
    stand_in.faults.apply({"rate_limit": 1})
    await database.execute("insert into notes (id) select generate_series(%s::int, %s::int)", (first, first + 99))
    await hears(client, *range(first, first + 60))
    await eventually(lambda: stand_in.faults.counts.changes_lost >= 40)
    stand_in.faults.reset()
    await hears(client, await note(database))


@sandbox
async def test_what_is_committed_while_the_poller_is_down_is_lost(
    connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection
) -> None:
    """Sockets and heartbeats are fine meanwhile; its return is another "Subscribed to PostgreSQL"."""
    client = await connect()
    await client.subscribe(TOPIC, NOTES)
    stand_in.faults.apply({"poller_down": True})
    await note(database)
    await client.nothing_but_a_heartbeat()
    stand_in.faults.apply({"poller_down": False})
    system = await client.expect("system", TOPIC)
    assert system.payload["message"] == "Subscribed to PostgreSQL"
    await hears(client, await note(database))


@sandbox
async def test_a_poller_that_only_blinks_loses_nothing_twice(
    connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection
) -> None:
    """Down and up in one breath is a restart too: a new slot, a new system message, and rows flow again."""
    client = await connect()
    await client.subscribe(TOPIC, NOTES)
    stand_in.faults.apply({"poller_down": True})
    stand_in.faults.apply({"poller_down": False})
    await client.expect("system", TOPIC)
    await hears(client, await note(database))
    assert stand_in.faults.counts.polls_started == 2


@sandbox
async def test_resubscribing_on_demand(connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection) -> None:
    """Each channel with change bindings hears the system message again; others do not."""
    client = await connect()
    await client.join("realtime:plain")
    await client.subscribe(TOPIC, NOTES)
    stand_in.faults.apply(deed("resubscribe"))
    await client.expect("system", TOPIC)
    await hears(client, await note(database))


@sandbox
async def test_traces_tell_when_a_change_came_and_went(
    connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection
) -> None:
    """Commit, receipt, first and last writing, number of sockets; only while switched on."""
    clients = [await connect(), await connect()]
    for client in clients:
        await client.subscribe(TOPIC, NOTES)
    untraced = await note(database)
    for client in clients:
        await hears(client, untraced)
    stand_in.faults.apply({"trace": True})
    number = await note(database)
    for client in clients:
        await hears(client, number)
        await client.nothing_but_a_heartbeat()  # the writer is past the event
    [trace] = stand_in.faults.metrics()
    times = [trace[name] for name in ("committed_at", "received_at", "first_written_at", "last_written_at")]
    assert times == sorted(cast("list[float]", times))
    assert (trace["schema"], trace["table"], trace["type"]) == ("public", "notes", "INSERT")
    assert trace["key"] == {"id": str(number)}
    assert trace["sockets"] == 2

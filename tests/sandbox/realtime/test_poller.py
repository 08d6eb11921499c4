"""Restarts, lost connections, publication changes, poll intervals: how a stream of changes ends and goes on."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import psycopg
import pytest

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime import Faults, Timing
from scripts.sandbox.realtime.changes import Change, Transaction
from scripts.sandbox.realtime.pgoutput import Action, Malformed, Relation
from scripts.sandbox.realtime.poller import Poller
from scripts.sandbox.realtime.wal import Decoder, StreamEnded, open_stream
from tests.sandbox.realtime.conftest import Connect
from tests.sandbox.realtime.eventually import eventually
from tests.sandbox.realtime.notes import NOTES, note
from tests.sandbox.realtime.phoenix_client import PhoenixClient
from tests.sandbox.realtime.running import StandIn, run_stand_in

sandbox = pytest.mark.sandbox


CUT_READING = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = 'realtime stand-in: changes'
"""


def unstarted(deliver: list[Sequence[Change]], faults: Faults, timing: Timing, clock: list[float]) -> Poller:
    """Return a poller that collects batches and never opens a stream."""

    async def collect(batch: Sequence[Change]) -> None:
        deliver.append(batch)

    def never() -> object:
        raise AssertionError("no stream in this test")

    return Poller(
        open_stream=never,  # type: ignore[arg-type]  # never called
        timing=timing,
        faults=faults,
        deliver=collect,
        restarted=lambda: None,
        clock=lambda: clock[0],
    )


def change_at(received_at: float) -> Change:
    """Return some change."""
    relation = Relation(1, "public", "notes", "d", ())
    return Change(
        action=Action.INSERT,
        relation=relation,
        new={},
        old=None,
        transaction=Transaction(1, datetime(2026, 11, 22, tzinfo=UTC)),
        received_at=received_at,
    )


async def hand_on_until(poller: Poller, delivered: list[Sequence[Change]], batches: int) -> None:
    """Let the poller hand on until so many batches were delivered."""
    task = asyncio.create_task(poller.hand_on())
    await eventually(lambda: len(delivered) >= batches)
    task.cancel()
    await asyncio.wait((task,))


@pytest.mark.parametrize("poll_interval", [0.0, 0.001])
async def test_a_batch_has_at_most_a_hundred_changes(poll_interval: float) -> None:
    """The rest follows in the next one, in order, with and without a poll interval."""
    delivered: list[Sequence[Change]] = []
    timing = Timing(poll_interval=poll_interval, idle_interval=0.001)
    poller = unstarted(delivered, Faults(), timing, [0.0])
    poller._queue.extend(change_at(0) for _ in range(250))
    await hand_on_until(poller, delivered, 3)
    assert [len(batch) for batch in delivered] == [100, 100, 50]


async def test_a_poll_waits_for_its_interval() -> None:
    """What arrives between two looks comes together, at the later one."""
    delivered: list[Sequence[Change]] = []
    poller = unstarted(delivered, Faults(), Timing(poll_interval=0.001, idle_interval=0.002), [0.0])
    task = asyncio.create_task(poller.hand_on())
    await eventually(lambda: poller._empty_polls >= 2)
    poller._queue.extend(change_at(0) for _ in range(3))
    await eventually(lambda: bool(delivered))
    task.cancel()
    await asyncio.wait((task,))
    assert [len(batch) for batch in delivered] == [3]


async def test_only_what_is_due_is_handed_on() -> None:
    """A delay counts from the receipt of each change."""
    delivered: list[Sequence[Change]] = []
    clock, faults = [10.0], Faults()
    faults.apply({"delay_ms": 5000})
    poller = unstarted(delivered, faults, Timing(), clock)
    poller._queue.extend((change_at(5.0), change_at(5.1)))
    await hand_on_until(poller, delivered, 1)
    assert [change.received_at for change in delivered[0]] == [5.0]


def test_a_change_of_an_unannounced_relation_breaks_the_stream() -> None:
    """The decoder never guesses."""
    insert = b"I\x00\x00\x00\x01N\x00\x00"
    with pytest.raises(Malformed):
        Decoder(lambda: 0.0).feed(insert)


@sandbox
async def test_a_lost_connection_is_dialled_again(
    connect: Connect, stand_in: StandIn, database: psycopg.AsyncConnection
) -> None:
    """All connections of the stand-in are cut: what is committed until the new slot is lost, then rows flow again."""
    client = await connect()
    await client.subscribe("realtime:t", NOTES)
    await database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name like 'realtime stand-in%'"
    )
    await client.expect("system", "realtime:t")
    number = await note(database)
    assert (await client.expect("postgres_changes")).record["id"] == number
    assert stand_in.faults.counts.poller_up


@asynccontextmanager
async def closed_to_newcomers(cluster_dsn: str, name: str) -> AsyncIterator[None]:
    """Let a database take no new connection."""
    async with await psycopg.AsyncConnection.connect(cluster_dsn, autocommit=True) as admin:
        await admin.execute(f"alter database {name} allow_connections false")
        try:
            yield
        finally:
            await admin.execute(f"alter database {name} allow_connections true")


@sandbox
async def test_a_batch_whose_rights_cannot_be_asked_is_lost(
    connect: Connect, cluster_dsn: str, database: psycopg.AsyncConnection, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a connection to ask on, what needed it is gone, with a line in the log; the next row is not."""
    client, person, conversation = await connect(), str(uuid.uuid4()), str(uuid.uuid4())
    await database.execute("insert into members values (%s, %s)", (conversation, person))
    await client.subscribe("realtime:t", {**NOTES, "table": "messages"}, token=keys.mint(person))
    say = "insert into messages (conversation_id, sender_id, body) values (%s, %s, %s)"
    await database.execute(say, (conversation, person, "heard"))
    assert (await client.next()).record["body"] == "heard"
    async with closed_to_newcomers(cluster_dsn, database.info.dbname):
        await database.execute(CUT_READING)
        await database.execute(say, (conversation, person, "lost"))
        await eventually(lambda: "changes are lost" in caplog.text)
    await database.execute(say, (conversation, person, "heard again"))
    assert (await client.next()).record["body"] == "heard again"


@sandbox
async def test_a_connection_that_died_between_questions_is_replaced(
    connect: Connect, keys: Keys, database: psycopg.AsyncConnection
) -> None:
    """Nothing is lost for it."""
    client, person, conversation = await connect(), str(uuid.uuid4()), str(uuid.uuid4())
    await database.execute("insert into members values (%s, %s)", (conversation, person))
    await client.subscribe("realtime:t", {**NOTES, "table": "messages"}, token=keys.mint(person))
    say = "insert into messages (conversation_id, sender_id, body) values (%s, %s, %s)"
    for body in ("first", "second"):
        await database.execute(say, (conversation, person, body))
        assert (await client.next()).record["body"] == body
        await database.execute(CUT_READING)


@sandbox
async def test_a_changed_publication_subscribes_everybody_anew(
    dsn: str, keys: Keys, database: psycopg.AsyncConnection
) -> None:
    """The real server looks every minute: a new table is heard only after that, and all get the system message."""
    timing = replace(Timing.instant(), publication_check=0.02)
    async with (
        run_stand_in(dsn=dsn, keys=keys, timing=timing) as stand_in,
        PhoenixClient(stand_in.websocket_url, keys.publishable) as client,
    ):
        await client.subscribe("realtime:t", {"event": "*", "schema": "public"})
        await database.execute("create table latecomer (id int primary key)")
        try:
            await database.execute("alter publication supabase_realtime add table latecomer")
            await client.expect("system")
            await database.execute("insert into latecomer values (1)")
            assert (await client.expect("postgres_changes")).change["table"] == "latecomer"
            await database.execute("alter publication supabase_realtime drop table latecomer")
            await client.expect("system")
            await database.execute("insert into latecomer values (2)")
            number = await note(database)
            assert (await client.expect("postgres_changes")).record["id"] == number
        finally:
            await database.execute("drop table latecomer")


@sandbox
async def test_a_publication_made_anew_goes_on(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """Dropped and created while the stream is open."""
    client = await connect()
    await client.subscribe("realtime:t", NOTES)
    [tables] = cast(
        "tuple[str]",
        await (
            await database.execute(
                "select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_publication_tables"
                " where pubname = 'supabase_realtime'"
            )
        ).fetchone(),
    )
    await database.execute(
        f"begin; drop publication supabase_realtime; create publication supabase_realtime for table {tables}; commit"
    )
    number = await note(database)
    assert (await client.expect("postgres_changes")).record["id"] == number


@sandbox
async def test_a_stream_that_cannot_start(dsn: str) -> None:
    """A refused command is an error, not a wait; so is a stream whose server goes away."""
    with pytest.raises(StreamEnded):
        async with open_stream(dsn, "it's no name", lambda: 0.0):
            raise AssertionError("never started")


@sandbox
async def test_a_publication_that_cannot_be_read_is_tried_again(
    cluster_dsn: str, dsn: str, keys: Keys, database: psycopg.AsyncConnection, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is subscribed anew because of it."""
    timing = replace(Timing.instant(), publication_check=0.01)
    async with (
        run_stand_in(dsn=dsn, keys=keys, timing=timing) as stand_in,
        PhoenixClient(stand_in.websocket_url, keys.publishable) as client,
    ):
        await client.subscribe("realtime:t", NOTES)
        async with closed_to_newcomers(cluster_dsn, database.info.dbname):
            await database.execute(CUT_READING.replace("changes", "subscriptions"))
            await eventually(lambda: "the publication cannot be read" in caplog.text)
            await client.join("realtime:u", NOTES)
            system = await client.expect("system", "realtime:u")
            assert system.payload["message"] == "Subscribing to PostgreSQL failed"
        frames = await client.until(lambda found: found.payload["status"] == "ok")
        assert {frame.topic for frame in frames} == {"realtime:u"}
        await client.nothing_but_a_heartbeat()

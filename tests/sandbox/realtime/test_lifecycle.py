"""Start and stop of the stand-in, and a database that goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from aiohttp.test_utils import make_mocked_request
from psycopg.conninfo import make_conninfo

from scripts.sandbox.keys import Keys
from scripts.sandbox.postgres import Postgres
from scripts.sandbox.realtime import Faults, RealtimeServer, Timing
from scripts.sandbox.realtime.database import Database
from tests.sandbox.realtime.conftest import SCHEMA
from tests.sandbox.realtime.eventually import DEADLINE_SECONDS, eventually
from tests.sandbox.realtime.notes import NOTES, note
from tests.sandbox.realtime.phoenix_client import Closed, PhoenixClient
from tests.sandbox.realtime.running import run_stand_in

sandbox = pytest.mark.sandbox


@asynccontextmanager
async def own_server() -> AsyncIterator[tuple[Postgres, str]]:
    """Run a PostgreSQL for one test, with the tests' schema in a database of its own."""
    async with Postgres() as postgres:
        async with await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True) as admin:
            await admin.execute("create database realtime_tests template template0")
        dsn = make_conninfo(postgres.dsn, dbname="realtime_tests")
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(SCHEMA.read_bytes())
        yield postgres, dsn


@sandbox
async def test_a_restarted_server_is_found_again(keys: Keys) -> None:
    """Killed and started: sockets stay, the system message comes again, rows flow."""
    async with (
        own_server() as (postgres, dsn),
        run_stand_in(dsn=dsn, keys=keys, timing=Timing.instant()) as stand_in,
        PhoenixClient(stand_in.websocket_url, keys.publishable) as client,
    ):
        await client.subscribe("realtime:t", NOTES)
        await postgres.kill()
        await eventually(lambda: not stand_in.faults.counts.poller_up)
        await client.nothing_but_a_heartbeat()
        await postgres.restart()
        await client.until(lambda found: found.event == "system" and found.payload["status"] == "ok")
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as database:
            number = await note(database)
        assert (await client.expect("postgres_changes")).record["id"] == number


@sandbox
async def test_a_stop_leaves_nothing_behind(dsn: str, keys: Keys, database: psycopg.AsyncConnection) -> None:
    """No slot, no connection, no task; clients see their socket end; stopping twice is fine."""
    tasks = asyncio.all_tasks()
    async with run_stand_in(dsn=dsn, keys=keys, timing=Timing.instant()) as stand_in:
        async with PhoenixClient(stand_in.websocket_url, keys.publishable) as client:
            await client.subscribe("realtime:t", NOTES)
            await stand_in.server.stop()
            with pytest.raises(Closed):
                await client.next()
        await stand_in.server.stop()
    assert asyncio.all_tasks() == tasks
    await nothing_is_left(database)


async def nothing_is_left(database: psycopg.AsyncConnection) -> None:
    """Wait until there is no slot and no connection: a backend notices after a moment only that its client is gone."""
    left_over = (
        "select (select count(*) from pg_replication_slots where database = current_database())"
        " + (select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name like 'realtime stand-in%')"
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        while await (await database.execute(left_over)).fetchone() != (0,):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.01)


@sandbox
async def test_a_start_that_is_given_up_leaves_nothing_behind(
    dsn: str, keys: Keys, database: psycopg.AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another part of the sandbox does not start meanwhile: what was dialled is hung up by the stop."""
    server = RealtimeServer(dsn=dsn, keys=keys)
    dialled, load_types = asyncio.Event(), server._catalogue.load_types

    async def load_and_wait() -> None:
        await load_types()
        dialled.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(server._catalogue, "load_types", load_and_wait)
    start = asyncio.create_task(server.start())
    await dialled.wait()
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    await server.stop()
    await nothing_is_left(database)


@sandbox
async def test_a_connection_that_cannot_be_set_up_is_hung_up(dsn: str, database: psycopg.AsyncConnection) -> None:
    """Nobody else knows it."""
    reading = Database(dsn, name="realtime stand-in: test", setup="select nonsense")
    with pytest.raises(psycopg.Error):
        await reading.rows("select 1")
    await nothing_is_left(database)


@sandbox
async def test_a_start_that_cannot_be(dsn: str, keys: Keys) -> None:
    """Twice, or without a database: an error at once instead of a wait."""
    server = RealtimeServer(dsn=dsn, keys=keys)
    await server.start()
    try:
        with pytest.raises(RuntimeError, match="already started"):
            await server.start()
    finally:
        await server.stop()
    with pytest.raises(psycopg.OperationalError):
        await RealtimeServer(dsn=make_conninfo(dsn, port=1), keys=keys).start()


@sandbox
async def test_a_start_with_the_poller_down_waits_for_nobody(
    dsn: str, keys: Keys, database: psycopg.AsyncConnection
) -> None:
    """It opens its stream when it is let."""
    faults = Faults()
    faults.apply({"poller_down": True})
    async with (
        run_stand_in(dsn=dsn, keys=keys, timing=Timing.instant(), faults=faults) as stand_in,
        PhoenixClient(stand_in.websocket_url, keys.publishable) as client,
    ):
        await client.subscribe("realtime:t", NOTES)
        await note(database)
        faults.apply({"poller_down": False})
        await eventually(lambda: faults.counts.poller_up)
        number = await note(database)
        assert (await client.expect("postgres_changes")).record["id"] == number


@sandbox
async def test_a_database_that_does_not_log_enough_is_refused(
    dsn: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason, before anything is started."""
    server = RealtimeServer(dsn=dsn, keys=keys)

    async def replica(query: object, parameters: object = ()) -> list[tuple[object, ...]]:
        return [("replica",)]

    monkeypatch.setattr(server._asking, "rows", replica)
    with pytest.raises(RuntimeError, match="wal_level=logical"):
        await server.start()


async def test_a_server_that_is_not_started_says_so(keys: Keys) -> None:
    """503 for whoever connects too early, and a stop is fine."""
    server = RealtimeServer(dsn="", keys=keys)
    response = await server.websocket(make_mocked_request("GET", "/realtime/v1/websocket"))
    assert response.status == 503
    await server.stop()
    with pytest.raises(RuntimeError, match="not started"):
        await server.died()

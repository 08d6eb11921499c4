"""A PostgreSQL for all tests of the stand-in, and a stand-in with a client for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg.conninfo import make_conninfo

from scripts.sandbox.keys import Keys
from scripts.sandbox.postgres import Postgres
from scripts.sandbox.realtime import Timing
from tests.sandbox.realtime.fakes import World
from tests.sandbox.realtime.phoenix_client import PhoenixClient
from tests.sandbox.realtime.running import StandIn, run_stand_in

Connect = Callable[..., Awaitable[PhoenixClient]]
SCHEMA = Path(__file__).with_name("schema.sql")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster_dsn() -> AsyncIterator[str]:
    """Yield a superuser's address of a PostgreSQL of this run's own."""
    async with Postgres() as postgres:
        yield postgres.dsn


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dsn(cluster_dsn: str) -> str:
    """Return the address of a database with the tests' schema."""
    async with await psycopg.AsyncConnection.connect(cluster_dsn, autocommit=True) as admin:
        await admin.execute("create database realtime_tests template template0")
    address = make_conninfo(cluster_dsn, dbname="realtime_tests")
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(SCHEMA.read_bytes())
    return address


@pytest.fixture(scope="session")
def keys() -> Keys:
    """Return the keys of the project under test."""
    return Keys.generate()


@pytest_asyncio.fixture
async def database(dsn: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Yield a superuser's connection; every statement commits at once."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def timing() -> Timing:
    """Return the waits of the stand-in under test: none; a test module may say otherwise."""
    return Timing.instant()


@pytest_asyncio.fixture
async def stand_in(dsn: str, keys: Keys, timing: Timing) -> AsyncIterator[StandIn]:
    """Yield a stand-in behind a real HTTP server on a free port."""
    async with run_stand_in(dsn=dsn, keys=keys, timing=timing) as running:
        yield running


@pytest_asyncio.fixture
async def connect(stand_in: StandIn) -> AsyncIterator[Connect]:
    """Yield a function that connects one more client; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def connect_one(api_key: str | None = None, *, vsn: str = "1.0.0") -> PhoenixClient:
            client = PhoenixClient(stand_in.websocket_url, api_key or stand_in.keys.publishable, vsn=vsn)
            return await stack.enter_async_context(client)

        yield connect_one


@pytest.fixture
def world() -> World:
    """Return a world without sockets, with the sandbox's timing."""
    return World()

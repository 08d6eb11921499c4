"""A chat's database with the change log, on a server of its own, and people who write and read."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio

from scripts.sandbox.postgres import Postgres
from tests.logged import Reader, Room, Writer, a_room, with_log


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dsn() -> AsyncIterator[str]:
    """Yield a chat's database on a server of its own: a stranger's transaction would hold the log up."""
    async with Postgres(database_url=os.environ.get("SANDBOX_DATABASE_URL")) as postgres:
        yield postgres.dsn


@pytest.fixture
def admin(dsn: str) -> Iterator[psycopg.Connection]:
    """Yield an administrator's connection to the database with the log."""
    with with_log(dsn) as connection:
        yield connection


@pytest.fixture
def room(admin: psycopg.Connection) -> Room:
    """Return a new conversation of two people."""
    return a_room(admin)


@pytest.fixture
def reader(room: Room, admin: psycopg.Connection) -> Reader:
    """Return somebody who has read everything up to now."""
    return Reader(admin).begin()


@pytest.fixture
def writers(dsn: str) -> Iterator[list[Writer]]:
    """Yield three people with a connection each."""
    made = [Writer(dsn) for _ in range(3)]
    yield made
    for one in made:
        one.connection.close()

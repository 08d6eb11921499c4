"""One seeded database of each generation for all tests of the schema, and a transaction of its own for each."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import psycopg
import pytest
import pytest_asyncio

from scripts.sandbox.generations import Generation
from scripts.sandbox.postgres import Postgres
from scripts.sandbox.seed import seed
from tests.sandbox.postgres.acting import Acting

in_session_loop = pytest.mark.asyncio(loop_scope="session")
ActingOn = Callable[[Generation], Awaitable[Acting]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_dsn() -> AsyncIterator[str]:
    """Yield the superuser's URL of a migrated and seeded database, of our own server or the one given.

    Nobody commits anything to it.
    """
    async with Postgres(database_url=os.environ.get("SANDBOX_DATABASE_URL")) as postgres:
        await seed(postgres.dsn)
        yield postgres.dsn


@pytest_asyncio.fixture
async def acting(postgres_dsn: str) -> AsyncIterator[Acting]:
    """Yield a transaction on the seeded database that is undone at the end."""
    async with await psycopg.AsyncConnection.connect(postgres_dsn) as connection:
        yield Acting(connection)
        await connection.rollback()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dsn_of(postgres_dsn: str) -> AsyncIterator[Callable[[Generation], Awaitable[str]]]:
    """Yield a function that returns the URL of the seeded database of a generation; nobody commits anything to them.

    They are made on the server of DB-1 when the first test asks, whose loop must be the session's: what is left open in
    a loop of its own would end with the test.
    """
    made: dict[Generation, str] = {"db1": postgres_dsn}
    async with AsyncExitStack() as databases:

        async def dsn(generation: Generation) -> str:
            if generation not in made:
                fresh = Postgres(database_url=postgres_dsn, generation=generation)
                made[generation] = (await databases.enter_async_context(fresh)).dsn
                await seed(made[generation])
            return made[generation]

        yield dsn


@pytest_asyncio.fixture(loop_scope="session")
async def acting_on(dsn_of: Callable[[Generation], Awaitable[str]]) -> AsyncIterator[ActingOn]:
    """Yield a function that begins a transaction on a generation's database; all are undone at the end.

    For tests in the session's loop: `pytestmark = in_session_loop`.
    """
    async with AsyncExitStack() as connections:

        async def begin(generation: Generation) -> Acting:
            connection = await psycopg.AsyncConnection.connect(await dsn_of(generation))
            connections.push_async_callback(connection.close)  # without a commit
            return Acting(connection)

        yield begin


@pytest_asyncio.fixture
async def old_dsn(postgres_dsn: str) -> AsyncIterator[str]:
    """Yield the URL of a seeded DB-1 of a test's own, to be upgraded."""
    async with Postgres(database_url=postgres_dsn) as postgres:
        await seed(postgres.dsn)
        yield postgres.dsn

"""One seeded database for all tests of the schema, and a transaction of its own for each."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import psycopg
import pytest_asyncio

from scripts.sandbox.postgres import Postgres
from scripts.sandbox.seed import seed
from tests.sandbox.postgres.acting import Acting


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

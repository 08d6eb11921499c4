"""One plain connection to PostgreSQL that is dialled when needed and again after it broke."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

Query = str | sql.SQL | sql.Composed
Parameters = Sequence[object] | Mapping[str, object]
SESSION_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        "datestyle=ISO",
        "intervalstyle=postgres",
        "bytea_output=hex",
        "extra_float_digits=1",
        "client_encoding=UTF8",
        "statement_timeout=0",
        "idle_in_transaction_session_timeout=0",
    )
)


class Database:
    """Runs single reading statements, each its own transaction; `setup` runs once on every new connection."""

    def __init__(self, dsn: str, *, name: str, setup: Query | None = None) -> None:
        self._dsn = dsn
        self._name = name
        self._setup = setup
        self._connection: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()  # two tasks that find it dead must not both dial

    async def rows(self, query: Query, parameters: Parameters = ()) -> list[tuple[object, ...]]:
        """Return all rows of a statement; a connection that died since its last use is replaced.

        Raises:
            psycopg.OperationalError: the database is away; the next call dials again.
            psycopg.Error: the statement failed.

        """
        async with self._turn:
            if self._connection is not None:
                try:
                    return await self._ask(self._connection, query, parameters)
                except psycopg.OperationalError:
                    if not self._connection.closed:
                        raise
            self._connection = await self._dial()
            return await self._ask(self._connection, query, parameters)

    async def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _ask(
        self, connection: psycopg.AsyncConnection, query: Query, parameters: Parameters
    ) -> list[tuple[object, ...]]:
        cursor = await connection.execute(query, parameters)
        return await cursor.fetchall()

    async def _dial(self) -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(
            self._dsn, autocommit=True, options=SESSION_OPTIONS, application_name=self._name
        )
        try:
            if self._setup is not None:
                await connection.execute(self._setup)
        except BaseException:
            await connection.close()
            raise
        return connection

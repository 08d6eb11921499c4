"""One transaction in which statements run as whoever is named: as PostgREST and Realtime would run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import psycopg

from scripts.sandbox.seed import PEOPLE


class Acting:
    """A connection inside a transaction that nobody commits; at first it acts as the superuser."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection

    async def become(self, name: str) -> Self:
        """Act as a signed-in sample person, with the claims of an access token."""
        person = PEOPLE[name]
        claims = {"sub": person.auth_id, "role": "authenticated", "phone": person.auth_phone, "email": person.email}
        return await self._act("authenticated", claims)

    async def become_anon(self) -> Self:
        """Act as somebody who has the anon key only."""
        return await self._act("anon", {"role": "anon"})

    async def become_service(self) -> Self:
        """Act with the secret key."""
        return await self._act("service_role", {"role": "service_role"})

    async def become_owner(self) -> Self:
        """Act as the superuser again."""
        await self._connection.execute("reset role")
        return self

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        return await (await self._connection.execute(statement, values)).fetchall()

    async def one(self, statement: str, *values: object) -> Any:
        """Run a query that returns one row; return its value, or the row if it has several."""
        ((*columns,),) = await self.rows(statement, *values)
        return columns[0] if len(columns) == 1 else tuple(columns)

    async def changed(self, statement: str, *values: object) -> int:
        """Run a statement and return how many rows it touched."""
        return (await self._connection.execute(statement, values)).rowcount

    async def error(self, statement: str, *values: object) -> psycopg.Error | None:
        """Run a statement, undo it, and return how it failed; None when it did not."""
        try:
            async with self._connection.transaction(force_rollback=True):
                await self._connection.execute(statement, values)
        except psycopg.Error as error:
            return error
        return None

    async def migrate(self, *files: Path) -> None:
        """Run migrations as they are run, but for the commit."""
        await self._connection.execute("set local role postgres")
        for file in files:
            await self._connection.execute(file.read_bytes())
        await self.become_owner()

    async def sqlstate(self, statement: str, *values: object) -> str | None:
        """Run a statement, undo it, and return its SQLSTATE; None when it did not fail."""
        error = await self.error(statement, *values)
        return error.sqlstate if error else None

    async def _act(self, role: str, claims: dict[str, str | None]) -> Self:
        await self._connection.execute("reset role")
        await self._connection.execute(
            "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
            (json.dumps(claims), role),
        )
        return self


def user_id(name: str) -> str:
    """Return the users.id of somebody who has one."""
    found = PEOPLE[name].user_id
    assert found is not None
    return found

"""The database behind the bridge's back: what SQL, service roles and Realtime's operator can do."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import psycopg

from scripts.sandbox.address import SandboxAddress


class Database:
    """Writes rows as others would, and switches the Realtime stand-in's faults."""

    def __init__(
        self, sandbox: SandboxAddress, connection: psycopg.AsyncConnection, *, has_binary_content: bool = False
    ) -> None:
        self._sandbox = sandbox
        self._connection = connection
        self._has_binary_content = has_binary_content

    def user(self, name: str) -> str:
        """Return the users.id of a sample person."""
        return str(self._sandbox.people[name].user_id)

    async def conversation(self, *names: str, kind: str = "group") -> str:
        """Make a conversation of these people."""
        conversation_id = str(uuid.uuid4())
        await self.run("insert into conversations (id, type, name) values (%s, %s, 'test')", conversation_id, kind)
        for name in names:
            await self.admit(conversation_id, name)
        return conversation_id

    async def admit(self, conversation_id: str, name: str) -> None:
        """Make somebody an active member, again if need be."""
        await self.run(
            "insert into conversation_participants (conversation_id, user_id) values (%s, %s) "
            "on conflict (conversation_id, user_id) do update set left_at = null",
            conversation_id,
            self.user(name),
        )

    async def remove(self, conversation_id: str, name: str, *, deleted: bool = False) -> None:
        """End a membership, by left_at or by deleting the row."""
        statement = (
            "delete from conversation_participants"
            if deleted
            else ("update conversation_participants set left_at = now()")
        )
        await self.run(f"{statement} where conversation_id = %s and user_id = %s", conversation_id, self.user(name))

    async def message(
        self,
        conversation_id: str,
        name: str,
        text: str,
        *,
        created_at: datetime | None = None,
        reply_to: str | None = None,
    ) -> str:
        """Insert a message and return its id."""
        message_id = str(uuid.uuid4())
        await self.run(
            "insert into messages (id, conversation_id, sender_id, encrypted_content, created_at, reply_to_id) "
            "values (%s, %s, %s, %s, coalesce(%s, now()), %s)",
            message_id,
            conversation_id,
            self.user(name),
            text.encode() if self._has_binary_content else text,
            created_at,
            reply_to,
        )
        return message_id

    async def type_as(self, conversation_id: str, name: str, *, is_typing: bool) -> None:
        """Write a typing row as a legacy client with the rights for it would."""
        await self.run(
            "insert into typing_indicators (conversation_id, user_id, is_typing) values (%s, %s, %s) "
            "on conflict (conversation_id, user_id) do update set is_typing = excluded.is_typing",
            conversation_id,
            self.user(name),
            is_typing,
        )

    async def is_typing(self, conversation_id: str, name: str) -> bool:
        """Return what the table says."""
        cursor = await self._connection.execute(
            "select is_typing from typing_indicators where conversation_id = %s and user_id = %s",
            (conversation_id, self.user(name)),
        )
        row = await cursor.fetchone()
        return bool(row and row[0])

    async def texts(self, conversation_id: str) -> list[str]:
        """Return the contents of a conversation by (created_at, id)."""
        cursor = await self._connection.execute(
            "select encrypted_content from messages where conversation_id = %s order by created_at, id",
            (conversation_id,),
        )
        stored = [row[0] for row in await cursor.fetchall()]
        return [one.decode() if self._has_binary_content else one for one in stored]

    @asynccontextmanager
    async def faults(self, **switches: object) -> AsyncIterator[None]:
        """Let Realtime misbehave until the block ends."""
        await self._operate("POST", switches)
        try:
            yield
        finally:
            await self._operate("DELETE")

    async def drop_realtime(self) -> None:
        """Cut every Realtime connection."""
        await self._operate("POST", {"deeds": [{"deed": "drop"}]})

    async def resubscribe_realtime(self) -> None:
        """Let Realtime confirm every subscription anew, which makes a bridge catch up."""
        await self._operate("POST", {"deeds": [{"deed": "resubscribe"}]})

    async def _operate(self, method: str, body: object = None) -> None:
        headers = {"apikey": self._sandbox.secret_key}
        async with httpx.AsyncClient(base_url=self._sandbox.url, headers=headers) as http:
            answer = await http.request(method, "/sandbox/faults", json=body)
        answer.raise_for_status()

    async def fetch(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Execute a query and return its rows."""
        return await (await self._connection.execute(statement.encode(), values)).fetchall()

    async def token(self, auth_id: str, **wanted: object) -> str:
        """Let the sandbox sign a token for any auth id, with another lifetime or other claims if wanted."""
        headers = {"apikey": self._sandbox.secret_key}
        async with httpx.AsyncClient(base_url=self._sandbox.url, headers=headers) as http:
            answer = await http.post("/sandbox/token", json={"sub": auth_id, **wanted})
        return str(answer.raise_for_status().json()["token"])

    async def token_of(self, name: str, **wanted: object) -> str:
        """Let the sandbox sign a token for a sample person."""
        return await self.token(str(self._sandbox.people[name].auth_id), **wanted)

    async def new_person(self, *, is_linked: bool = True) -> tuple[str, str]:
        """Insert a users row whose two ids differ, or that is known by phone only; return its id and a token."""
        user_id, auth_id = str(uuid.uuid4()), str(uuid.uuid4())
        phone = f"+{uuid.uuid4().int % 10**14}"
        await self.run(
            "insert into users (id, auth_user_id, username, display_name, phone_number) values (%s, %s, %s, 'New', %s)",
            user_id,
            auth_id if is_linked else None,
            user_id,
            phone,
        )
        return user_id, await self.token(auth_id, claims={"phone": phone})

    async def members(self, conversation_id: str) -> dict[str, str]:
        """Return the active members of a conversation with their roles."""
        rows = await self.fetch(
            "select user_id::text, role from conversation_participants where conversation_id = %s and left_at is null",
            conversation_id,
        )
        return dict(rows)

    async def run(self, statement: str, *values: object, **named: object) -> None:
        """Execute a statement, with values by place or by name."""
        await self._connection.execute(statement.encode(), named or values)

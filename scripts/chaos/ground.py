"""Where a trial takes place: a sandbox, a bridge with a proxy on each side of it, and what can be done to them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import psycopg
import structlog

from migration.change_log import install, remove
from migration.database import Database
from scripts.chaos.history import Row
from scripts.chaos.proxy import ChaosProxy
from scripts.sandbox.address import SandboxAddress
from scripts.stack import free_port, running_bridge

DIALS = 100
PAUSE_BETWEEN_DIALS_SECONDS = 0.2

log = structlog.get_logger(__name__)

StartBridge = Callable[[str, int], AbstractAsyncContextManager[object]]
"""Runs a bridge on this Supabase address and port until the block ends; entered, it is ready."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody made for one trial."""

    user_id: str
    token: str


class Tables:
    """The database behind everybody's back, and the operator's switches."""

    def __init__(self, sandbox: SandboxAddress, operator: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self._operator = operator

    async def person(self) -> Person:
        """Make a user whose two ids differ."""
        user_id, auth_id = str(uuid.uuid4()), str(uuid.uuid4())
        await self.run(
            "insert into users (id, auth_user_id, username, display_name, phone_number) values (%s, %s, %s, 'New', %s)",
            *(user_id, auth_id, user_id, f"+{uuid.uuid4().int % 10**14}"),
        )
        answer = await self._operator.post("/sandbox/token", json={"sub": auth_id, "lifetime_seconds": 24 * 3600})
        return Person(user_id, str(answer.raise_for_status().json()["token"]))

    async def conversation(self, people: Iterable[Person]) -> str:
        """Make a conversation of these people."""
        conversation_id = str(uuid.uuid4())
        await self.run("insert into conversations (id, type, name) values (%s, 'group', 'trial')", conversation_id)
        for person in people:
            await self.run(
                "insert into conversation_participants (conversation_id, user_id) values (%s, %s)",
                *(conversation_id, person.user_id),
            )
        return conversation_id

    async def remove(self, conversation_id: str, user_id: str) -> None:
        """End a membership as the app does; again, if the server is killed in that very moment."""
        for _ in range(DIALS):
            try:
                await self.run(
                    "update conversation_participants set left_at = now() where conversation_id = %s and user_id = %s",
                    *(conversation_id, user_id),
                )
            except psycopg.OperationalError as error:
                log.info("chaos.database_away", cause=type(error).__name__)
            else:
                return
        raise RuntimeError("the database does not come back")

    async def rows(self, conversations: Iterable[str]) -> list[Row]:
        """Return all messages of these conversations."""
        async with await self._connect() as connection:
            cursor = await connection.execute(
                "select id::text, conversation_id::text, encrypted_content, created_at from messages "
                "where conversation_id = any(%s::uuid[]) order by created_at, id",
                (list(conversations),),
            )
            found = await cursor.fetchall()
        return [Row(id=one[0], conversation_id=one[1], key=one[2], created_at=one[3]) for one in found]

    async def run(self, statement: str, *values: object) -> None:
        """Execute a statement on a connection of its own: the server may have been killed since the last one."""
        async with await self._connect() as connection:
            await connection.execute(statement.encode(), values)

    async def _connect(self) -> psycopg.AsyncConnection:
        for _ in range(DIALS):
            try:
                return await psycopg.AsyncConnection.connect(self.sandbox.database_url, autocommit=True)
            except psycopg.OperationalError as error:
                log.info("chaos.database_away", cause=type(error).__name__)  # it is being killed and started again
                await asyncio.sleep(PAUSE_BETWEEN_DIALS_SECONDS)
        raise RuntimeError("the database does not come back")

    async def switch(self, **switches: object) -> None:
        """Let Realtime, or under `data_api` the Data API, misbehave (scripts/sandbox: faults, api_faults)."""
        (await self._operator.post("/sandbox/faults", json=switches)).raise_for_status()

    async def switch_back(self) -> None:
        """Let everything behave again."""
        (await self._operator.delete("/sandbox/faults")).raise_for_status()

    async def resubscribe(self) -> None:
        """Let Realtime confirm every subscription anew, which makes the bridge look into the tables."""
        await self.switch(deeds=[{"deed": "resubscribe"}])

    async def crash_postgres(self) -> None:
        """Kill PostgreSQL as kill -9 does, and start it again; returns when it lets clients in."""
        (await self._operator.post("/sandbox/postgres/crash", timeout=60.0)).raise_for_status()


class Ground:
    """A bridge between two proxies."""

    def __init__(self, tables: Tables, front: ChaosProxy, back: ChaosProxy, bridge: KillableBridge | None) -> None:
        self.tables = tables
        self.front = front
        self.back = back
        self._bridge = bridge

    @property
    def url(self) -> str:
        """Where clients go: the proxy in front of the bridge."""
        return f"ws://127.0.0.1:{self.front.port}/ws"

    def process(self) -> str:
        """Return which process of the bridge clients find there now."""
        return "1" if self._bridge is None else str(self._bridge.number)

    @property
    def bridge(self) -> KillableBridge:
        """The bridge, where it is a process of its own."""
        if self._bridge is None:
            raise RuntimeError("this bridge runs in this very process")
        return self._bridge


class KillableBridge:
    """A bridge as a process, always on the same port."""

    def __init__(self, sandbox: SandboxAddress, supabase_url: str, port: int, environment: Mapping[str, str]) -> None:
        self._sandbox = sandbox
        self._environment = {**environment, "SUPABASE_URL": supabase_url}
        self._port = port
        self._life = AsyncExitStack()
        self._kill: Callable[[], None] = lambda: None
        self.pid = 0
        self.number = 1
        """Of the process that is there, or is about to be."""

    async def start(self) -> None:
        """Start it; returns when it is ready."""
        running = running_bridge(self._sandbox, port=self._port, environment=self._environment, quiet=True)
        _, process = await self._life.enter_async_context(running)
        self._kill, self.pid = process.kill, process.pid

    async def kill(self) -> None:
        """Kill it with kill -9."""
        self._kill()
        self.number += 1
        await self._life.aclose()

    async def stop(self) -> None:
        """Let it end in order."""
        await self._life.aclose()


@asynccontextmanager
async def change_log(sandbox: SandboxAddress) -> AsyncIterator[None]:
    """Install the optional change log until the block ends."""
    with psycopg.connect(sandbox.database_url, autocommit=True) as connection:
        database = Database(connection, timeout_seconds=30.0)
        await asyncio.to_thread(install, database)
        try:
            await _until_the_data_api_knows(sandbox)
            yield
        finally:
            await asyncio.to_thread(remove, database)


async def _until_the_data_api_knows(sandbox: SandboxAddress) -> None:
    """Wait: it learns of new functions in its own time."""
    headers = {"apikey": sandbox.secret_key}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers, verify=False) as http:
        while not (await http.post("/rest/v1/rpc/chat_bridge_changes", json={})).is_success:  # noqa: ASYNC110  # it is another process
            await asyncio.sleep(PAUSE_BETWEEN_DIALS_SECONDS)


@asynccontextmanager
async def ground(
    sandbox: SandboxAddress, *, start: StartBridge | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Ground]:
    """Prepare one; without `start` the bridge is a process of its own, with these settings besides the usual ones."""
    supabase = urlsplit(sandbox.url)
    port = free_port()
    async with AsyncExitStack() as parts:
        operator = httpx.AsyncClient(
            base_url=sandbox.url, headers={"apikey": sandbox.secret_key}, timeout=30.0, verify=False
        )
        tables = Tables(sandbox, await parts.enter_async_context(operator))
        back = await parts.enter_async_context(ChaosProxy(str(supabase.hostname), int(supabase.port or 80)))
        supabase_url = f"http://127.0.0.1:{back.port}"
        bridge: KillableBridge | None = None
        if start is None:
            bridge = KillableBridge(sandbox, supabase_url, port, environment or {})
            parts.push_async_callback(bridge.stop)
            await bridge.start()
        else:
            await parts.enter_async_context(start(supabase_url, port))
        front = await parts.enter_async_context(ChaosProxy("127.0.0.1", port))
        parts.push_async_callback(tables.switch_back)
        yield Ground(tables, front, back, bridge)

"""A deployment under very many clients: how long each is away, and whether it is told what happened meanwhile."""

from __future__ import annotations

import asyncio
import signal
import time
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

import psycopg

from bridge.client import MessageReceived, WireClient
from bridge.client.reconnecting import LinkEvent, Offline, Online, Reconnecting
from scripts.benchmarks.fan_out import make_room
from scripts.benchmarks.tables import Row, percentile, print_table
from scripts.chaos.ground import change_log
from scripts.sandbox.address import SandboxAddress
from scripts.stack import UNLIMITED, free_port, running_bridge, running_sandbox

CLIENTS = (500, 2000)
ROOM = 50
WRITES_PER_SECOND = 20
MOST_SECONDS = 120.0
COMING_PER_SECOND = 100
HEADINGS = ("change log", "clients", "resumed", "away p50", "p99", "longest", "written meanwhile", "told")


@dataclass
class Visitor:
    """One client, and what became of it."""

    room: str
    connections: int = 0
    resumed: bool = False
    left_at: float = 0.0
    away_seconds: float = 0.0
    told: set[str] = field(default_factory=set)

    def take(self, event: LinkEvent) -> None:
        """Take in what the connection tells."""
        now = time.perf_counter()
        if isinstance(event, Online):
            self.connections += 1
            self.resumed = event.resumed
            self.away_seconds = now - self.left_at if self.left_at else 0.0
        elif isinstance(event, Offline):
            self.left_at = self.left_at or now
        elif isinstance(event, MessageReceived):
            self.told.add(event.message.id)


async def measure(scale: float) -> None:
    """Restart a bridge under so many clients, without the change log and with it, and print the table."""
    rows: list[Row] = []
    for has_log in (False, True):
        for clients in CLIENTS:
            async with AsyncExitStack() as parts:
                sandbox, _ = await parts.enter_async_context(running_sandbox(quiet=True))
                if has_log:
                    await parts.enter_async_context(change_log(sandbox))
                rows.append(await _restart(sandbox, max(ROOM, int(clients * scale)), has_log=has_log))
    print_table(f"A restart while {WRITES_PER_SECOND} messages a second are written", HEADINGS, rows)


async def _restart(sandbox: SandboxAddress, clients: int, *, has_log: bool) -> Row:
    port = free_port()
    url = f"ws://127.0.0.1:{port}/ws"
    written: dict[str, str] = {}
    async with AsyncExitStack() as parts:
        database = await parts.enter_async_context(
            await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True)
        )
        visitors: list[Visitor] = []
        bridge = partial(running_bridge, sandbox, port=port, environment=UNLIMITED, quiet=True)
        async with asyncio.TaskGroup() as tasks:
            running = []
            async with bridge() as (_, process):
                for _ in range(clients // ROOM):
                    room, tokens = await make_room(sandbox, database, ROOM)
                    for token in tokens:
                        visitors.append(Visitor(room))
                        running.append(tasks.create_task(_visit(url, token, visitors[-1])))
                        await asyncio.sleep(1 / COMING_PER_SECOND)
                await _until_all(visitors, connections=1)
                writing = tasks.create_task(_write(database, visitors, written))
                await asyncio.sleep(2.0)
                process.send_signal(signal.SIGTERM)
                await process.wait()
            async with bridge():
                await _until_all(visitors, connections=2)
                writing.cancel()
                expected = sum(sum(one.room == room for one in visitors) for room in written.values())
                told = await _until_told(visitors, written, expected)
                for task in running:
                    task.cancel()
    away = [one.away_seconds for one in visitors]
    return Row(
        "yes" if has_log else "no",
        [
            f"{len(visitors):,}",
            f"{sum(one.resumed for one in visitors) / len(visitors):.0%}",
            f"{percentile(away, 0.5):.1f} s",
            f"{percentile(away, 0.99):.1f} s",
            f"{max(away):.1f} s",
            f"{len(written):,}",
            f"{told / expected:.2%}",
        ],
    )


async def _visit(url: str, token: str, visitor: Visitor) -> None:
    await Reconnecting(lambda: WireClient.connect(url), lambda: token, visitor.take).run()


async def _until_all(visitors: list[Visitor], *, connections: int) -> None:
    async with asyncio.timeout(MOST_SECONDS):
        while any(one.connections < connections for one in visitors):  # noqa: ASYNC110  # asked of thousands
            await asyncio.sleep(0.1)


async def _until_told(visitors: list[Visitor], written: dict[str, str], expected: int) -> int:
    """Wait until everybody has been told everything, or nothing more comes; return how many deliveries there were."""
    told, before = -1, -2
    while told not in (expected, before):
        before = told
        await asyncio.sleep(3.0)
        told = sum(len(one.told & written.keys()) for one in visitors)
    return told


async def _write(database: psycopg.AsyncConnection, visitors: list[Visitor], written: dict[str, str]) -> None:
    """Write into one room after the other, as a legacy client does, until cancelled."""
    rooms = sorted({one.room for one in visitors})
    while True:
        for room in rooms:
            message_id = str(uuid.uuid4())
            await database.execute(
                "insert into messages (id, conversation_id, sender_id, encrypted_content) "
                "select %s, %s, user_id, 'meanwhile' from conversation_participants where conversation_id = %s limit 1",
                (message_id, room, room),
            )
            written[message_id] = room
            await asyncio.sleep(1 / WRITES_PER_SECOND)

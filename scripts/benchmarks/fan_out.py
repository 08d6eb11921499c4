"""One message to very many sockets: through the bridge, and through a small server on Node's `ws`."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import jwt
import psycopg

from bridge.client import WireClient
from scripts.benchmarks.listeners import Crowd
from scripts.benchmarks.tables import Row, milliseconds, percentile, print_table
from scripts.processes import cpu_seconds
from scripts.sandbox.address import SandboxAddress
from scripts.stack import ROOT, UNLIMITED, running_bridge, running_sandbox

SOCKETS = (100, 1000, 2000)
MESSAGES = 200
WARM_UP = 20
IDLE_SECONDS = 2.0
IDLE_SHARE = 0.1
TEXT = "What one says to many, and of about the length of what people say to each other in a chat."
HEADINGS = ("", "sockets", "p50", "p99", "deliveries a second", "server's CPU time each")

Serve = Callable[[SandboxAddress], AbstractAsyncContextManager[tuple[str, int]]]


async def measure(scale: float) -> None:
    """Let both do the same, one after the other on one sandbox, and print the table."""
    messages = max(20, int(MESSAGES * scale))
    rows: list[Row] = []
    async with (
        running_sandbox(quiet=True) as (sandbox, _),
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as database,
    ):
        for sockets in SOCKETS:
            room, tokens = await make_room(sandbox, database, sockets)
            for name, serve in (("ws", _node), ("bridge", _bridge)):
                async with serve(sandbox) as (url, pid):
                    rows.append(await _fan_out(name, url, pid, room, tokens, messages))
    print_table(f"One message to all in a room ({messages})", HEADINGS, rows)


async def _fan_out(name: str, url: str, pid: int, room: str, tokens: list[str], messages: int) -> Row:
    crowd = Crowd()
    async with WireClient.connect(url) as sender:
        await sender.authenticate(tokens[0])
        await crowd.enter(url, tokens)
        await _say(sender, crowd, room, WARM_UP)
        await _until_idle(pid)  # the bridge tells each of everybody's coming, which `ws` knows nothing of
        cpu, began = cpu_seconds(pid), time.perf_counter()
        seconds = await _say(sender, crowd, room, messages)
        took, used = time.perf_counter() - began, cpu_seconds(pid) - cpu
        crowd.leave()
    deliveries = messages * len(tokens)
    return Row(
        name,
        [
            f"{len(tokens):,}",
            milliseconds(percentile(seconds, 0.5)),
            milliseconds(percentile(seconds, 0.99)),
            f"{deliveries / took:,.0f}",
            f"{used / deliveries * 1e6:.1f} µs",
        ],
    )


async def _say(sender: WireClient, crowd: Crowd, room: str, messages: int) -> list[float]:
    """Send one after the other, each when the one before has reached everybody; return how long each took."""
    seconds = []
    for number in range(messages):
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sender.send_message(room, f"{number}: {TEXT}"))
            await crowd.until_all_have_had(1)
        seconds.append(time.perf_counter() - began)
    return seconds


async def make_room(sandbox: SandboxAddress, database: psycopg.AsyncConnection, people: int) -> tuple[str, list[str]]:
    """Make a room of so many people, and return its id and their tokens."""
    room = str(uuid.uuid4())
    ids = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(people)]
    users, logins = [one for one, _ in ids], [login for _, login in ids]
    await database.execute(
        "insert into users (id, auth_user_id, username, display_name, phone_number) "
        "select one, login, one::text, 'Somebody', one::text from unnest(%s::uuid[], %s::uuid[]) as new (one, login)",
        (users, logins),
    )
    await database.execute("insert into conversations (id, type, name) values (%s, 'group', 'many')", (room,))
    await database.execute(
        "insert into conversation_participants (conversation_id, user_id) select %s, one from unnest(%s::uuid[]) one",
        (room, users),
    )
    await database.execute("analyze")
    return room, [_token(sandbox, login) for login in logins]


def _token(sandbox: SandboxAddress, auth_id: str) -> str:
    now = int(time.time())
    claims = {"sub": auth_id, "aud": "authenticated", "role": "authenticated", "iat": now, "exp": now + 3600}
    return jwt.encode(claims, sandbox.jwt_secret, algorithm="HS256")


@asynccontextmanager
async def _bridge(sandbox: SandboxAddress) -> AsyncIterator[tuple[str, int]]:
    async with running_bridge(sandbox, environment=UNLIMITED, quiet=True) as (url, process):
        yield url, process.pid


@asynccontextmanager
async def _node(sandbox: SandboxAddress) -> AsyncIterator[tuple[str, int]]:
    """Run the server on `ws` until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(ROOT / "scripts/benchmarks/node/peer.mjs")),
        env={
            **os.environ,
            "DATA_API": sandbox.url,
            "SECRET_KEY": sandbox.secret_key,
            "JWT_SECRET": sandbox.jwt_secret,
        },
        stdin=PIPE,
        stdout=PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise AssertionError("started without pipes")
    try:
        port = int(await process.stdout.readline())
        yield f"ws://127.0.0.1:{port}/ws", process.pid
    finally:
        process.stdin.close()
        await process.wait()


async def _until_idle(pid: int) -> None:
    """Wait until a process does next to nothing."""
    while True:
        before = cpu_seconds(pid)
        await asyncio.sleep(IDLE_SECONDS)
        if cpu_seconds(pid) - before < IDLE_SHARE * IDLE_SECONDS:
            return

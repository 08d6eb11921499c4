"""The bridge's memory while somebody never reads, and while somebody sends without end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from bridge.client import MessageReceived, WireClient
from bridge.client.frames import Credentials, InConversation, encode_request
from bridge.clock import SystemClock
from scripts.benchmarks.tables import milliseconds, percentile
from scripts.processes import resident_mb
from scripts.sandbox.address import SandboxAddress
from scripts.soaking.results import MemoryRun, keep
from scripts.stack import running_bridge, running_sandbox

TEXT = "x" * 32_000
MESSAGES_A_SECOND = 40
SILENT_CLIENTS = 5
SAMPLE_SECONDS = 1.0
REST_SECONDS = 5.0
WAKING_SECONDS = 5.0
ROUND_SECONDS = 60.0
"""After so long a client that does not read is replaced by a new one: it cannot notice that it was closed."""


class Stage(Struct, frozen=True):
    """Where it happens."""

    url: str
    pid: int
    sandbox: SandboxAddress

    @property
    def conversation_id(self) -> str:
        """Return the conversation that everybody is in."""
        return str(self.sandbox.conversations["bob-carol"])

    async def connection(self, name: str, **options: int) -> ClientConnection:
        """Open a bare connection of somebody, authenticated."""
        opened = await connect(self.url, compression=None, proxy=None, ping_interval=None, **options)  # type: ignore[arg-type]  # passed on
        credentials = Credentials(str(self.sandbox.people[name].token))
        await opened.send(encode_request("auth", credentials, "auth", SystemClock().now()))
        return opened


class Tally:
    """What happened meanwhile."""

    def __init__(self) -> None:
        self.delivered: list[float] = []
        self.frames = 0
        self.closed = 0

    def told(self) -> str:
        """Say how somebody else fared, and how much was sent."""
        if not self.delivered:
            return "nothing delivered"
        median, most = (milliseconds(percentile(self.delivered, share)) for share in (0.5, 0.99))
        told = f"{len(self.delivered)} messages to another client, median {median}, p99 {most}"
        return f"{told}; {self.frames:,} frames sent" if self.frames else told


Misbehave = Callable[[Stage, Tally], Awaitable[None]]


async def measure(minutes: float) -> None:
    """Run both, each with a bridge of its own."""
    await _measure("one that never reads", _never_read, minutes)
    await _measure("one that floods", _flood, minutes)


async def _measure(name: str, misbehave: Misbehave, minutes: float) -> None:
    tally = Tally()
    async with AsyncExitStack() as parts:
        sandbox, _ = await parts.enter_async_context(running_sandbox(quiet=True))
        url, bridge = await parts.enter_async_context(running_bridge(sandbox, quiet=True))
        stage = Stage(url, bridge.pid, sandbox)
        healthy = await parts.enter_async_context(WireClient.connect(url))
        await healthy.authenticate(str(sandbox.people["carol"].token))
        before = resident_mb(bridge.pid)
        sample: list[float] = []
        try:
            async with asyncio.timeout(minutes * 60), asyncio.TaskGroup() as tasks:
                tasks.create_task(_write(stage))
                tasks.create_task(_read(healthy, tally))
                tasks.create_task(_watch(bridge.pid, sample))
                tasks.create_task(_for_ever(misbehave, stage, tally))
        except TimeoutError:
            print(f"{name}: {minutes:g} minutes are over", flush=True)
        await asyncio.sleep(REST_SECONDS)
        after = resident_mb(bridge.pid)
    run = MemoryRun(
        client=name,
        minutes=minutes,
        before_mb=before,
        peak_mb=max(sample, default=before),
        after_mb=after,
        closed=tally.closed,
        told=tally.told(),
    )
    keep(run)
    print(run, flush=True)


async def _for_ever(misbehave: Misbehave, stage: Stage, tally: Tally) -> None:
    while True:
        try:
            await misbehave(stage, tally)
        except (WebSocketException, OSError):
            tally.closed += 1


async def _never_read(stage: Stage, tally: Tally) -> None:
    """Let some connect and read nothing at all; what their sockets hold, and the bridge, is the bridge's problem."""
    sleepers = [await stage.connection("carol", max_queue=1) for _ in range(SILENT_CLIENTS)]
    await asyncio.sleep(ROUND_SECONDS)
    for sleeper in sleepers:
        tally.closed += await _was_closed(sleeper)
        sleeper.transport.abort()


async def _was_closed(connection: ClientConnection) -> bool:
    """Wake up and read: one that is still alive has more to read than fits into a moment."""
    try:
        async with asyncio.timeout(WAKING_SECONDS):
            while True:
                await connection.recv()
    except TimeoutError:
        return False
    except ConnectionClosed:
        return True


async def _flood(stage: Stage, tally: Tally) -> None:
    """Send commands as quickly as the socket takes them, until closed."""
    connection = await stage.connection("carol")  # not the writer: limits count for a user, too
    frame = encode_request("typing_start", InConversation(stage.conversation_id), "typing", SystemClock().now())
    while True:
        await connection.send(frame)
        tally.frames += 1
        if tally.frames % 100 == 0:
            await asyncio.sleep(0)  # else nothing else of this process gets its turn


async def _write(stage: Stage) -> None:
    """Write long messages steadily; their texts begin with the time."""
    async with WireClient.connect(stage.url) as writer:
        await writer.authenticate(str(stage.sandbox.people["bob"].token))
        while True:
            await writer.send_message(stage.conversation_id, f"{time.monotonic()} {TEXT}")
            await asyncio.sleep(1 / MESSAGES_A_SECOND)


async def _read(healthy: WireClient, tally: Tally) -> None:
    async for push in healthy.pushes():
        if isinstance(push, MessageReceived):
            sent_at = float(push.message.encrypted_content.partition(" ")[0])
            tally.delivered.append(time.monotonic() - sent_at)


async def _watch(pid: int, sample: list[float]) -> None:
    while True:
        sample.append(resident_mb(pid))
        await asyncio.sleep(SAMPLE_SECONDS)

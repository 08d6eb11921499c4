"""How long a bridge with many sockets takes to end."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import AsyncExitStack

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bridge.client.frames import Credentials, encode_request
from bridge.clock import SystemClock
from bridge.errors import CloseCode
from scripts.sandbox.address import SandboxAddress
from scripts.soaking.results import DrainRun, keep
from scripts.stack import running_bridge, running_sandbox

AT_ONCE = 20
END_SECONDS = 60.0
ROOMY = {"BRIDGE_MAX_CONNECTIONS_PER_ADDRESS": "100000", "BRIDGE_MAX_CONNECTIONS_PER_USER": "100000"}


async def measure(sockets: int) -> None:
    """Open so many sockets, authenticate all, send SIGTERM, and keep what was seen."""
    async with AsyncExitStack() as parts:
        sandbox, _ = await parts.enter_async_context(running_sandbox(quiet=True))
        url, bridge = await parts.enter_async_context(running_bridge(sandbox, environment=ROOMY, quiet=True))
        turn = asyncio.Semaphore(AT_ONCE)

        async def opened() -> ClientConnection:
            async with turn:
                return await _authenticated(url, sandbox)

        connections = await asyncio.gather(*(opened() for _ in range(sockets)))
        began_at = time.monotonic()
        bridge.send_signal(signal.SIGTERM)
        codes = await asyncio.gather(*(_close_code(one) for one in connections))
        async with asyncio.timeout(END_SECONDS):
            status = await bridge.wait()
        seconds = time.monotonic() - began_at
    run = DrainRun(
        sockets=sockets,
        restarted=codes.count(CloseCode.SERVICE_RESTART),
        seconds=round(seconds, 2),
        status=status,
    )
    keep(run)
    print(f"drain: {run}", flush=True)


async def _authenticated(url: str, sandbox: SandboxAddress) -> ClientConnection:
    connection = await connect(url, compression=None, proxy=None, ping_interval=None)
    token = str(sandbox.people["bob"].token)
    await connection.send(encode_request("auth", Credentials(token), "1", SystemClock().now()))
    await connection.recv()
    return connection


async def _close_code(connection: ClientConnection) -> int | None:
    try:
        while True:
            await connection.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else None

"""A sandbox and a bridge as child processes: what `scripts/run`, the self-test, the benchmarks and e2e tests start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from scripts.sandbox.address import SandboxAddress

ROOT = Path(__file__).parents[1]
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
UNLIMITED = {
    "BRIDGE_FRAMES_PER_SECOND": "1000000",
    "BRIDGE_USER_FRAMES_PER_SECOND": "1000000",
    "BRIDGE_MAX_CONNECTIONS_PER_USER": "100000",
    "BRIDGE_MAX_CONNECTIONS_PER_ADDRESS": "100000",
    "BRIDGE_MAX_CONNECTIONS": "100000",
}
"""Settings for benchmarks, where one client does the work of many."""


class StackError(Exception):
    """A part did not start or died; the text says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Where the parts are."""

    sandbox: SandboxAddress
    bridge_url: str
    bridge_pid: int
    parts: Mapping[str, Process]

    async def first_death(self) -> str:
        """Wait until a part ends by itself, and name it."""
        waits = {asyncio.ensure_future(part.wait()): name for name, part in self.parts.items()}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return waits[next(iter(done))]


@asynccontextmanager
async def running_sandbox(
    arguments: Sequence[str] = (), *, quiet: bool = False
) -> AsyncIterator[tuple[SandboxAddress, Process]]:
    """Run a sandbox until the block ends; it also ends when this process dies, for its standard input closes then."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.sandbox", "--json", "--until-eof", *arguments),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL if quiet else None,
        start_new_session=True,  # Ctrl-C in the terminal reaches us, and we end the parts in order
        limit=1 << 20,
    )
    try:
        if process.stdout is None:
            raise AssertionError("started without a pipe")
        line = await process.stdout.readline()
        if not line:
            raise StackError("The sandbox did not start; its last words are above.")
        yield SandboxAddress.from_json(line), process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await _ended(process)


@asynccontextmanager
async def running_bridge(
    sandbox: SandboxAddress, *, port: int = 0, environment: Mapping[str, str] | None = None, quiet: bool = False
) -> AsyncIterator[tuple[str, Process]]:
    """Run a bridge on a sandbox until the block ends; yields its WebSocket address once it is ready.

    Like the sandbox it also ends when this process dies.
    """
    port = port or free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "serve", "--until-eof"),
        cwd=ROOT,
        env={**os.environ, **bridge_environment(sandbox), "BRIDGE_PORT": str(port), **(environment or {})},
        stdin=PIPE,
        stderr=DEVNULL if quiet else None,
        start_new_session=True,
    )
    try:
        await _ready(process, port)
        yield f"ws://127.0.0.1:{port}/ws", process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await _ended(process)


@asynccontextmanager
async def running_stack(
    *,
    sandbox_arguments: Sequence[str] = (),
    port: int = 0,
    environment: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> AsyncIterator[Stack]:
    """Run both; `environment` is for the bridge."""
    async with (
        running_sandbox(sandbox_arguments, quiet=quiet) as (address, sandbox),
        running_bridge(address, port=port, environment=environment, quiet=quiet) as (url, bridge),
    ):
        parts = {"sandbox": sandbox, "bridge": bridge}
        yield Stack(sandbox=address, bridge_url=url, bridge_pid=bridge.pid, parts=parts)


def bridge_environment(sandbox: SandboxAddress) -> dict[str, str]:
    """Return the settings of a bridge in front of this sandbox."""
    return {
        "SUPABASE_URL": sandbox.url,
        "SUPABASE_SECRET_KEY": sandbox.secret_key,
        "SUPABASE_JWT_SECRET": sandbox.jwt_secret,
    }


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if it can be bound, else any free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


async def _ready(process: Process, port: int) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(READY_SECONDS):
        while True:
            if process.returncode is not None:
                raise StackError(f"The bridge ended with status {process.returncode} before it was ready.")
            if await _answers(http, f"http://127.0.0.1:{port}/readyz"):
                return
            await asyncio.sleep(0.02)


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).is_success
    except httpx.TransportError:
        return False  # not listening yet


async def _ended(process: Process) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        print(f"A part did not end within {STOP_SECONDS:.0f} s and was killed.", file=sys.stderr)
        process.kill()
        await process.wait()

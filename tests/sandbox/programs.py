"""The sandbox as a program of its own, and its processes seen from outside."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # it ships no types

from scripts.sandbox.address import SandboxAddress

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 60.0


@asynccontextmanager
async def program(*arguments: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """Run `python -m scripts.sandbox`; a program that is still there at the end is killed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.sandbox", *arguments),
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=1 << 20,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def address_of(process: Process) -> SandboxAddress:
    """Return what the program says when it is ready."""
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_SECONDS):
        return SandboxAddress.from_json(await process.stdout.readline())


def descendants(process: Process) -> list[psutil.Process]:
    """Return everything this program has started."""
    found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return found


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition of other processes holds, of which nothing but looking tells."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - no event of ours: other processes
            await asyncio.sleep(0.02)


async def all_gone(processes: list[psutil.Process]) -> None:
    """Wait until none of these runs any more."""

    async def gone() -> bool:
        return not any(runs(process) for process in processes)

    await eventually(gone)


def runs(process: psutil.Process) -> bool:
    """Tell whether a process still does something; it may end while it is asked."""
    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def refuses(address: SandboxAddress) -> bool:
    """Tell whether nobody listens there any more."""
    port = httpx.URL(address.url).port
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port or 0)) != 0

"""A bridge on real sockets in front of the session's sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from bridge.app import Bridge, create_bridge
from bridge.serving import run
from bridge.settings import load_settings
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.layout import read_layout
from tests.e2e.accounts import Library
from tests.e2e.checked import CheckedClient
from tests.e2e.database import Database
from tests.node import NodeScript

READY_SECONDS = 30.0
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RunningBridge:
    """A bridge in this process, reachable like any other."""

    parts: Bridge
    url: str
    sandbox: SandboxAddress

    @property
    def http_url(self) -> str:
        """Return where it answers HTTP."""
        return self.url.replace("ws://", "http://").removesuffix("/ws")

    @asynccontextmanager
    async def client(self, name: str | None = None) -> AsyncIterator[CheckedClient]:
        """Connect, and authenticate as a sample person if one is named."""
        async with CheckedClient.connect(self.url) as client:
            if name is not None:
                await client.authenticate(str(self.sandbox.people[name].token))
            yield client


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what another part does in its own time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110  # it happens in another process
            await asyncio.sleep(0.02)


async def answers(port: int) -> bool:
    """Tell whether a bridge accepts connections: its port is known a moment earlier."""
    async with httpx.AsyncClient() as http:
        try:
            return (await http.get(f"http://127.0.0.1:{port}/healthz")).is_success
        except httpx.TransportError:
            return False


Prepare = Callable[[Bridge], None]
StartBridge = Callable[..., AbstractAsyncContextManager[RunningBridge]]


@asynccontextmanager
async def running(
    sandbox: SandboxAddress, prepare: Prepare = lambda _: None, **overrides: object
) -> AsyncIterator[RunningBridge]:
    """Run a bridge until the block ends; ready means that the feed is live."""
    async with serving(sandbox, prepare, **overrides) as started:
        async with asyncio.timeout(READY_SECONDS):
            await started.parts.relay.wait_until_live()
        yield started


@asynccontextmanager
async def serving(
    sandbox: SandboxAddress, prepare: Prepare = lambda _: None, **overrides: object
) -> AsyncIterator[RunningBridge]:
    """Run a bridge until the block ends, live or not; `prepare` sees it before it starts."""
    settings = load_settings(
        **{
            "supabase_url": sandbox.url,
            "supabase_secret_key": sandbox.secret_key,
            "supabase_jwt_secret": sandbox.jwt_secret,
            "port": 0,
            **overrides,
        }
    )
    parts = create_bridge(settings)
    prepare(parts)
    stop = asyncio.Event()
    listening = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(parts, settings, stop=stop, on_listening=listening.set_result))
        try:
            async with asyncio.timeout(READY_SECONDS):
                port = await listening
            await eventually(lambda: answers(port))
            yield RunningBridge(parts, f"ws://127.0.0.1:{port}/ws", sandbox)
        finally:
            stop.set()


@pytest.fixture
def start_bridge(sandbox: SandboxAddress) -> StartBridge:
    """Start a bridge with settings, and perhaps endpoints, of the test's own."""

    def start(prepare: Prepare = lambda _: None, **overrides: object) -> AbstractAsyncContextManager[RunningBridge]:
        return running(sandbox, prepare, **overrides)

    return start


@pytest.fixture
async def database(sandbox: SandboxAddress) -> AsyncIterator[Database]:
    """Reach the sandbox's database behind the bridge's back."""
    async with await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection:
        layout = await read_layout(connection.cursor())
        yield Database(sandbox, connection, has_binary_content=layout.binary_content)


@pytest.fixture
async def bridge(sandbox: SandboxAddress) -> AsyncIterator[RunningBridge]:
    """Run a bridge with the usual settings."""
    async with running(sandbox) as started:
        yield started


@pytest.fixture(scope="module")
def library(sandbox: SandboxAddress) -> Iterator[Library]:
    """Yield the real @supabase/ssr."""
    script = NodeScript("session_cookies.mjs", sandbox)
    yield Library(script)
    script.close()

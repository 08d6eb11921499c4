"""The socket behind the recipes: the upgrade, and an idle limit that the bridge's pings outlive (contract F38)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import RunningBridge, StartBridge, eventually
from tests.e2e.routing.proxies import CADDY_RECIPE, NGINX_RECIPE, Recipe, running
from tests.e2e.routing.servers import telling

# Waiting for sixty seconds several times would take minutes.
SHORT_IDLE = replace(NGINX_RECIPE, changed=(("proxy_read_timeout 60s;", "proxy_read_timeout 1s;"),))
PINGS_FOR_SEVERAL_LIMITS = 15
PING_SECONDS = 0.25
PATIENCE_SECONDS = 60.0
PING = '{"type":"ping","payload":{},"requestId":"1","timestamp":"now"}'


class Pinged(ClientConnection):
    """A connection that notices when it has got pings enough."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.enough = asyncio.Event()
        self._pings = 0

    def process_event(self, event: Event) -> None:
        """See a frame arrive."""
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self._pings += 1
            if self._pings == PINGS_FOR_SEVERAL_LIMITS:
                self.enough.set()
        super().process_event(event)


def port_of(url: str) -> int:
    """Return the port of an address."""
    return int(httpx.URL(url).port or 0)


@asynccontextmanager
async def proxied(recipe: Recipe, bridge: RunningBridge, folder: Path) -> AsyncIterator[str]:
    """Put a proxy before a bridge, and yield the socket's address there."""
    with ExitStack() as stack:
        old = stack.enter_context(telling("old"))
        port = await asyncio.to_thread(
            stack.enter_context, running(recipe, folder, old=old, bridge=port_of(bridge.url))
        )
        yield f"ws://127.0.0.1:{port}/ws"


@pytest.mark.parametrize("recipe", [NGINX_RECIPE, CADDY_RECIPE], ids=lambda recipe: recipe.program)
async def test_a_whole_session_passes(recipe: Recipe, bridge: RunningBridge, tmp_path: Path) -> None:
    """Upgrade, sign-in, a question and its answer."""
    async with proxied(recipe, bridge, tmp_path) as url, CheckedClient.connect(url) as client:
        await client.authenticate(str(bridge.sandbox.people["alice"].token))
        assert await client.load_conversations()


@pytest.mark.parametrize("recipe", [NGINX_RECIPE, CADDY_RECIPE], ids=lambda recipe: recipe.program)
async def test_an_old_endpoint_is_answered_by_the_bridge(recipe: Recipe, bridge: RunningBridge, tmp_path: Path) -> None:
    """With a bearer token, and in the old words."""
    bob = bridge.sandbox.people["bob"]
    async with proxied(recipe, bridge, tmp_path) as url, httpx.AsyncClient() as http:
        address = url.replace("ws://", "http://").replace("/ws", "/api/settings/disappearing-messages")
        chosen = {"X-Chat-Server": "bridge"}
        assert (await http.get(address, headers=chosen)).status_code == 401
        answer = await http.get(address, headers={**chosen, "Authorization": f"Bearer {bob.token}"})
        assert answer.status_code == 200, answer.text


async def test_pings_outlive_the_proxys_idle_limit(start_bridge: StartBridge, tmp_path: Path) -> None:
    """Nothing is said but pings for several times the limit, and the connection is still there."""
    async with AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(start_bridge(ping_interval_seconds=PING_SECONDS))
        url = await stack.enter_async_context(proxied(SHORT_IDLE, bridge, tmp_path))
        socket = await stack.enter_async_context(connect(url, create_connection=Pinged, ping_interval=None))
        assert isinstance(socket, Pinged)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await socket.enough.wait()
            assert '"pong"' in await _answered(socket)


@pytest.mark.parametrize(
    ("recipe", "stays_open"), [(NGINX_RECIPE, True), (CADDY_RECIPE, False)], ids=["nginx", "caddy"]
)
async def test_open_sockets_outlive_a_new_configuration_behind_nginx_only(
    recipe: Recipe, bridge: RunningBridge, tmp_path: Path, *, stays_open: bool
) -> None:
    """Caddy ends them, which docs/routing.md says: W3 never comes back by itself."""
    async with proxied(recipe, bridge, tmp_path) as url, connect(url) as socket, httpx.AsyncClient() as http:
        with telling("another") as another:
            ports = {"bridge": port_of(bridge.url), "listen": port_of(url)}
            await asyncio.to_thread(recipe.reload, tmp_path, recipe.text(old=another, share=50, **ports))

            async def is_taken_up() -> bool:
                return bool((await http.get(f"http://127.0.0.1:{port_of(url)}/")).json()["server"] == "another")

            await eventually(is_taken_up)
        if stays_open:
            assert '"pong"' in await _answered(socket)
        else:
            with pytest.raises(ConnectionClosedOK):
                await _answered(socket)


async def _answered(socket: ClientConnection) -> str:
    await socket.send(PING)
    return str(await socket.recv())


async def test_without_pings_the_limit_cuts_the_connection(start_bridge: StartBridge, tmp_path: Path) -> None:
    """So the test above can fail."""
    async with AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(start_bridge(ping_interval_seconds=50.0))
        url = await stack.enter_async_context(proxied(SHORT_IDLE, bridge, tmp_path))
        socket = await stack.enter_async_context(connect(url, ping_interval=None))
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(ConnectionClosedError):
                await socket.recv()

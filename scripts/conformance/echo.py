"""The bridge's sockets with an echo where the chat would be; for the Autobahn test suite, and served by nothing else.

Everything between the wire and a Connection is the real thing: Hypercorn as `bridge.serving` sets it up, the streams of
`bridge.hypercorn_socket`, the endpoint, the reader, the outbox and its writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import cast

from quart import Quart

from bridge.app import create_bridge
from bridge.crowd import Doors
from bridge.endpoints import serve_socket
from bridge.errors import Disconnect
from bridge.fast_path import WriteNow
from bridge.feed.memory import MemoryFeed
from bridge.outbox import Outbox
from bridge.refusals import Refusals
from bridge.serving import run
from bridge.session import Connection
from bridge.settings import load_settings
from bridge.store.memory import MemoryStore
from bridge.websocket import Socket, Sockets

MAX_FRAME = 16 * 1024 * 1024
SETTINGS = {
    "supabase_url": "http://127.0.0.1:9",
    "supabase_secret_key": "sb_secret_of_nobody",
    "port": 0,
    "max_frame_characters": MAX_FRAME,
    "drain_seconds": 0.5,
    "frames_per_second": 1e6,
    "frames_burst": 1_000_000,
}
"""The suite's messages are longer and in more pieces than the bridge usually allows; everything else is as usual."""


class Echo:
    """What `Sockets` wants of a Connection; it sends back what it gets."""

    id = "echo"
    retiring: Disconnect | None = None

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def receive(self, frame: object) -> None:
        """Take a frame; Quart gives None for an empty binary one (runtime.md 2.4)."""
        self._outbox.put(cast("str", b"" if frame is None else frame))

    async def work(self) -> None:
        """Wait for ever: there are no commands."""
        await asyncio.Event().wait()

    async def enforce_deadline(self) -> None:
        """Wait for ever: nobody authenticates here."""
        await asyncio.Event().wait()

    def retire(self, why: Disconnect) -> None:
        """End."""
        self._outbox.disconnect(why)

    def close(self) -> None:
        """Forget nothing: there is nothing."""


class ListeningSockets(Sockets):
    """Shows somebody the fast path of each socket, and keeps binary frames off it: the protocol has none."""

    on_fast_path: Callable[[WriteNow], object] | None = None

    async def serve(self, socket: Socket, fast_path: WriteNow | None = None) -> None:
        """Show it, and go on as usual."""
        if self.on_fast_path is not None and fast_path is not None:
            self.on_fast_path(fast_path)
        await super().serve(socket, fast_path and partial(_if_text, fast_path))


def _if_text(fast_path: WriteNow, frame: object) -> bool:
    return isinstance(frame, str) and fast_path(frame)


@asynccontextmanager
async def echo_server(
    *, on_fast_path: Callable[[WriteNow], object] | None = None, **other_settings: object
) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port."""
    settings = load_settings(**{**SETTINGS, **other_settings})
    bridge = create_bridge(settings, store=MemoryStore(), feed=MemoryFeed())
    refusals, doors = Refusals(), Doors(max_sockets=1000, max_per_address=1000)
    sockets = ListeningSockets(
        lambda outbox: cast("Connection", Echo(outbox)),
        lambda: Outbox(max_frames=10_000, max_bytes=4 * MAX_FRAME),
        bridge.context.health,
        refusals,
    )
    sockets.on_fast_path = on_fast_path
    app = Quart(__name__)
    serve_socket(app, settings, sockets, doors, refusals)
    stop, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        serving = run(replace(bridge, app=app, sockets=sockets), settings, stop=stop, on_listening=listening.set_result)
        tasks.create_task(serving)
        try:
            yield await listening
        finally:
            stop.set()
    await bridge.http.aclose()

"""Hypercorn's WebSocket stream without two habits that hurt: lingering after the end, and compression.

Installed by `bridge.serving`; everything else of Hypercorn stays as it is.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypercorn.protocol import h11, ws_stream
from hypercorn.protocol.ws_stream import Handshake, WSStream
from wsproto.events import Ping


class PlainHandshake(Handshake):
    """Agrees to no extension: permessage-deflate costs 133 kB per connection and opens the way to bombs (2.4)."""

    def __init__(self, headers: list[tuple[bytes, bytes]], http_version: str) -> None:
        super().__init__(headers, http_version)
        self.extensions = None


class PromptStream(WSStream):
    """Stops pinging the moment the stream is closed.

    The original sleeps through the ping interval first, and keeps the whole connection object alive meanwhile: every
    client that left lingers for up to 20 s, and a shutdown waits for it.
    """

    def __init__(self, *arguments: Any) -> None:  # handed on as they come
        self._ended = asyncio.Event()
        super().__init__(*arguments)

    @property
    def closed(self) -> bool:
        """Tell whether the stream has ended; the original's attribute."""
        return self._ended.is_set()

    @closed.setter
    def closed(self, value: bool) -> None:
        if value:
            self._ended.set()

    async def _send_pings(self) -> None:
        while not self.closed:
            await self._send_wsproto_event(Ping())
            await self._pause()

    async def _pause(self) -> bool:
        """Wait for the end, at most until the next ping is due; tell whether it came."""
        try:
            async with asyncio.timeout(self.config.websocket_ping_interval):
                return await self._ended.wait()
        except TimeoutError:
            return False


def install() -> None:
    """Let Hypercorn use these for every connection from now on; only HTTP/1.1 is offered (bridge.serving)."""
    ws_stream.Handshake = PlainHandshake  # type: ignore[misc]  # Hypercorn has no other door for this
    h11.WSStream = PromptStream  # type: ignore[assignment,attr-defined]  # the name h11 looks up

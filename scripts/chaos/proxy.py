"""A TCP proxy that misbehaves on command: between clients and bridge, or between bridge and Supabase.

Bytes only; it knows no HTTP and no WebSocket. What it does to connections that are open and how it treats all of them
are two things: *deeds* (`reset`, `swallow`, `strand`) and the *weather* (delay, bandwidth, no admission).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

PIECE_BYTES: Final = 64 * 1024
PIECES_A_SECOND: Final = 20
"""Of a bandwidth that is limited: how finely it is portioned."""

_LINGER_NOT: Final = struct.pack("ii", 1, 0)


class Weather(Struct, frozen=True, kw_only=True):
    """How every connection fares, each direction by itself.

    Attributes:
        delay_seconds: how much later a piece is passed on; order is kept.
        bytes_per_second: how much passes, None for as much as there is.
        admits: whether new connections are let in; else they are reset at once.

    """

    delay_seconds: float = 0.0
    bytes_per_second: float | None = None
    admits: bool = True


CALM: Final = Weather()


@dataclass(slots=True, eq=False)
class _Link:
    """One connection of a client, and ours to the server for it."""

    client: StreamWriter
    server: StreamWriter
    is_swallowed: bool = False
    is_stranded: bool = False


class ChaosProxy:
    """Listens on a free port of this machine and passes on to one address, for as long as the `async with` lasts."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._links: set[_Link] = set()
        self._deserted = asyncio.Event()
        self._deserted.set()
        self._handlers = 0
        self._server: asyncio.Server | None = None
        self.weather = CALM
        self.accepted = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.weather = Weather(admits=False)
        self.reset()
        await self._deserted.wait()

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the proxy is not running; use `async with`")
        return int(self._server.sockets[0].getsockname()[1])

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self._links)

    def reset(self) -> None:
        """Break every connection on both sides, as a crashed router does: RST, nothing is flushed."""
        for link in list(self._links):
            _break(link.client)
            _break(link.server)

    def swallow(self) -> None:
        """Make black holes of the connections that are open: they stay, and nothing passes any more, either way."""
        for link in self._links:
            link.is_swallowed = True

    def strand(self) -> None:
        """Break every connection on the client's side only: the server goes on talking to somebody who is gone.

        So a client that comes back at once is there twice.
        """
        for link in list(self._links):
            link.is_stranded = True
            _break(link.client)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._handlers += 1
        self._deserted.clear()
        self.accepted += 1
        try:
            await self._connect(reader, writer)
        except OSError:
            _break(writer)  # nobody answers there, which is what the client is to see
        finally:
            writer.close()
            self._handlers -= 1
            if not self._handlers:
                self._deserted.set()

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        if not self.weather.admits:
            _break(writer)
            return
        answers, server = await asyncio.open_connection(*self._upstream)
        link = _Link(writer, server)
        self._links.add(link)
        try:
            await self._pass_on(link, reader, answers)
        finally:
            self._links.discard(link)
            server.close()

    async def _pass_on(self, link: _Link, asked: StreamReader, answered: StreamReader) -> None:
        """Pass on until either side has ended; a stranded server is listened to until it ends by itself."""
        async with asyncio.TaskGroup() as tasks:
            upward = tasks.create_task(self._pump(link, asked, link.server))
            downward = tasks.create_task(self._pump(link, answered, link.client))
            await asyncio.wait((upward, downward), return_when=asyncio.FIRST_COMPLETED)
            if not link.is_stranded:
                upward.cancel()
                downward.cancel()

    async def _pump(self, link: _Link, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while piece := await reader.read(self._portion()):
                if link.is_swallowed or (link.is_stranded and writer is link.client):
                    continue
                await self._wait_for(len(piece))
                writer.write(piece)
                await writer.drain()
        except OSError:
            return  # broken, by us or by a side: the other one is told by whoever started this

    def _portion(self) -> int:
        rate = self.weather.bytes_per_second
        return PIECE_BYTES if rate is None else max(1, min(PIECE_BYTES, int(rate / PIECES_A_SECOND)))

    async def _wait_for(self, size: int) -> None:
        weather = self.weather
        seconds = weather.delay_seconds + (size / weather.bytes_per_second if weather.bytes_per_second else 0.0)
        if seconds:
            await asyncio.sleep(seconds)


def _break(writer: StreamWriter) -> None:
    """End a connection by RST: what waits to be sent is dropped."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() != -1:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    writer.transport.abort()

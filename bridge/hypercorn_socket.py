"""Hypercorn's WebSocket stream without habits that hurt: lingering after the end, waiting for nobody, compression,
keeping what is refused, and answering however many pings; and HTTP/1.1 only.

Installed by `bridge.serving`; everything else of Hypercorn stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any, cast

from hypercorn import protocol
from hypercorn.asyncio import run as server
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config
from hypercorn.events import Closed
from hypercorn.events import Event as ConnectionEvent
from hypercorn.protocol import h11, ws_stream
from hypercorn.protocol.events import Data, Event, Request, StreamClosed
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import ASGIWebsocketState, FrameTooLargeError, Handshake, WebsocketBuffer, WSStream
from hypercorn.typing import ASGISendEvent
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Message, Ping, Pong
from wsproto.events import Event as WebsocketEvent
from wsproto.frame_protocol import CloseReason

from bridge.clock import SystemClock
from bridge.errors import CloseCode
from bridge.fast_path import EXTENSION, Transport, fast_path
from bridge.rates import Bucket, Rate


class SocketConfig(Config):
    """Hypercorn's settings, and those for which it has none."""

    def __init__(self, frames: Rate, on_too_fast: Callable[[], None]) -> None:
        super().__init__()
        self.frames = frames
        """Frames that are no messages, pings, pongs and pieces, which one connection may send; it counts the others."""
        self.on_too_fast = on_too_fast
        """Told when a connection is ended because it sent more."""


class PlainHandshake(Handshake):
    """Agrees to no extension: permessage-deflate costs 133 kB per connection and opens the way to bombs (2.4)."""

    def __init__(self, headers: list[tuple[bytes, bytes]], http_version: str) -> None:
        super().__init__(headers, http_version)
        self.extensions = None


REFUSED = frozenset({ASGIWebsocketState.RESPONSE, ASGIWebsocketState.HTTPCLOSED})
"""The application has answered the handshake with a status."""
PATIENCE = 64
"""After a message that was too large the client may send so many times the limit until it hears of it."""


class BoundedBuffer(WebsocketBuffer):
    """Keeps no message that is too large, and nothing that comes after it; the original keeps all of it."""

    def __init__(self, max_length: int) -> None:
        super().__init__(max_length)
        self.refused = 0
        """Characters or bytes that were not kept; an empty frame counts as one."""

    def extend(self, event: Message[Any]) -> None:
        """Keep a part of a message.

        Raises:
            FrameTooLargeError: the message is too large, or one before it was: it is answered with 1009.

        """
        if self.refused or self.length + len(event.data) > self.max_length:
            self.clear()
            self.refused += max(len(event.data), 1)
            raise FrameTooLargeError
        super().extend(event)


class PromptStream(WSStream):
    """Ends when it is over.

    The original sleeps through the ping interval first, and keeps the whole connection object alive meanwhile: every
    client that left lingers for up to 20 s, and a shutdown waits for it. And once the application has closed, the
    original goes on handing it frames: when ten wait, the connection's reader waits for ever, and with it the socket.
    What is no handshake the original answers with 400 and leaves open, for as long as anything at all is sent: no limit
    counts such connections. The application, if it was asked already, never hears that nobody is there.
    """

    def __init__(self, *arguments: Any) -> None:  # handed on as they come
        self._ended = asyncio.Event()
        self._app_over = asyncio.Event()
        super().__init__(*arguments)
        self.buffer: BoundedBuffer = BoundedBuffer(self.config.websocket_max_message_size)
        self._allowed = cast("SocketConfig", self.config)
        self._bucket = Bucket(self._allowed.frames, SystemClock())

    async def handle(self, event: Event) -> None:
        """Take what the connection has read."""
        if isinstance(event, Data) and self.state in REFUSED:
            return  # the original answers once more, which fails; the connection ends in a moment
        was_closed = self.closed
        await super().handle(event)
        if self.closed and not was_closed and self.state is ASGIWebsocketState.HANDSHAKE:
            await self._hang_up(event)
        elif isinstance(event, Request) and self.app_put is not None:
            self._offer_fast_path()
            # Hypercorn hands out the bound `put` of the application's queue, which itself has a way without waiting.
            waiting = cast("asyncio.Queue[object]", cast("MethodType", self.app_put).__self__)
            self.app_put = partial(self._put, waiting)

    def _offer_fast_path(self) -> None:
        """Tell the application of it as ASGI tells of what a server can do besides."""
        connection = getattr(self.send, "__self__", None)
        if isinstance(connection, OnlyHttp1):
            extensions = cast("dict[str, object]", self.scope["extensions"])
            extensions[EXTENSION] = fast_path(connection.transport, self._is_conversing)

    def _is_conversing(self) -> bool:
        return (
            self.state is ASGIWebsocketState.CONNECTED
            and self.connection.state is ConnectionState.OPEN
            and not self._ended.is_set()
        )

    async def _hang_up(self, event: Event) -> None:
        """End a connection whose handshake was refused here, and not by the application."""
        if isinstance(event, StreamClosed):
            return  # the client was quicker, and the original has told the application
        if self.app_put is not None:
            await self.app_put({"type": "websocket.disconnect", "code": CloseReason.ABNORMAL_CLOSURE.value})
        await self.send(StreamClosed(stream_id=self.stream_id))

    async def app_send(self, message: ASGISendEvent | None) -> None:
        """Take what the application says; None is the last word."""
        if message is None or message["type"] == "websocket.close":
            self._app_over.set()
        await super().app_send(message)

    async def _handle_events(self) -> None:
        """Take frames; after a message that is too large the client's close, too, which is heard of only here.

        The original stops at the part that is too much, and looks at what has come with it when more comes. If that is
        the client's close, nothing more does, and both sides wait. And it answers as many pings as somebody sends,
        and puts together as many empty pieces, of which the application hears nothing: for seconds nobody else's turn
        comes.
        """
        for event in self.connection.events():
            if _is_no_message(event) and not self._bucket.take():
                self._allowed.on_too_fast()
                await self._end(CloseConnection(code=CloseCode.TOO_FAST, reason="too fast"))
                return
            if isinstance(event, Message):
                await self._take(event)
            elif isinstance(event, Ping):
                await self._send_wsproto_event(event.response())
            elif isinstance(event, CloseConnection):
                await self._end(self._last_word(event))
        if self.buffer.refused > PATIENCE * self.buffer.max_length and not self.closed:
            await self._end(None)

    async def _take(self, part: Message[Any]) -> None:
        try:
            self.buffer.extend(part)
        except FrameTooLargeError:  # quiet: the close code says it
            await self._send_wsproto_event(CloseConnection(code=CloseReason.MESSAGE_TOO_BIG))
            return
        if part.message_finished and self.app_put is not None:
            await self.app_put(self.buffer.to_message())
            self.buffer.clear()

    def _last_word(self, end: CloseConnection) -> CloseConnection | None:
        """Return the answer to the client's goodbye, or why bytes that are no protocol end it; else there was one."""
        if self.connection.state is ConnectionState.REMOTE_CLOSING:
            return end.response()
        return CloseConnection(code=end.code) if self.connection.state is ConnectionState.OPEN else None

    async def _end(self, last_word: CloseConnection | None) -> None:
        if last_word is not None:
            await self._send_wsproto_event(last_word)
        await self.send(StreamClosed(stream_id=self.stream_id))

    async def _put(self, waiting: asyncio.Queue[object], message: object) -> None:
        """Hand the application a message; nothing any more once it is over, however long the hand-over has waited."""
        if self._app_over.is_set():
            return
        if not waiting.full():
            waiting.put_nowait(message)
            return
        async with asyncio.TaskGroup() as tasks:
            over = tasks.create_task(self._app_over.wait())
            putting = tasks.create_task(waiting.put(message))
            await asyncio.wait((over, putting), return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            putting.cancel()

    @property
    def closed(self) -> bool:
        """Tell whether the stream has ended; the original's attribute."""
        return self._ended.is_set()

    @closed.setter
    def closed(self, value: bool) -> None:
        if value:
            self._ended.set()

    async def _send_pings(self) -> None:
        # The original begins with one, when there is no doubt that the peer lives.
        while not await self._pause():
            await self._send_wsproto_event(Ping())

    async def _pause(self) -> bool:
        """Wait for the end, at most until the next ping is due; tell whether it came."""
        try:
            async with asyncio.timeout(self.config.websocket_ping_interval):
                return await self._ended.wait()
        except TimeoutError:  # quiet: the next ping is due
            return False


def _is_no_message(event: WebsocketEvent) -> bool:
    """Tell whether a frame ends here, and no message; of a long frame wsproto hands on what there is."""
    if isinstance(event, Message):
        return event.frame_finished and not event.message_finished
    return isinstance(event, Ping | Pong)


class PatientServer(TCPServer):
    """Takes a peer for gone that has acknowledged nothing, or read nothing, for TCP_USER_TIMEOUT.

    The kernel says so with ETIMEDOUT, which is no ConnectionError: the original lets it through, from sending and from
    closing, as an error of the application and one of the loop.
    """

    async def protocol_send(self, event: ConnectionEvent) -> None:
        """Send; to a peer that is gone nothing."""
        try:
            await super().protocol_send(event)
        except TimeoutError:  # quiet: as the original takes a reset
            await self.protocol.handle(Closed())

    async def _close(self) -> None:
        try:
            await super()._close()
        except TimeoutError:  # quiet: closed already
            return


class OnlyHttp1(H11Protocol):
    """Never becomes HTTP/2; on a line without TLS the original does for whoever begins with it or asks to upgrade.

    Proxies hand on upgrades: through one that does so for the socket, a client would speak HTTP/2 with the bridge past
    the proxy, ask for any path, and write any X-Forwarded-For, which is believed from there. And the original's HTTP/2
    knows nothing of `PromptStream`.
    """

    @property
    def transport(self) -> Transport:
        """Return where the bytes go; its server is known by its bound method only."""
        server = cast("TCPServer", cast("MethodType", self.send).__self__)
        return cast("Transport", server.writer.transport)

    async def _check_protocol(self, _: object) -> None:
        """Take a request for what it is: an upgrade that is not to WebSocket is passed over (RFC 9110, section 7.8)."""


def install() -> None:
    """Let Hypercorn use these for every connection from now on; only HTTP/1.1 is spoken (bridge.serving)."""
    server.TCPServer = PatientServer  # type: ignore[attr-defined]  # the name by which it is started
    protocol.H11Protocol = OnlyHttp1  # type: ignore[attr-defined]  # the name its wrapper looks up
    ws_stream.Handshake = PlainHandshake  # type: ignore[misc]  # Hypercorn has no other door for this
    h11.WSStream = PromptStream  # type: ignore[assignment,attr-defined]  # the name h11 looks up

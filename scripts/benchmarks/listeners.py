"""Very many sockets that cost the measuring side little: they count what is pushed, and read nothing else of it."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from urllib.parse import urlsplit

from bridge.client.frames import Credentials, encode_request
from bridge.clock import SystemClock

AT_ONCE = 25
MARK = b'"type":"message_received"'
WELCOME = b'"type":"auth_success"'


class Listener(asyncio.Protocol):
    """A socket that authenticates and then counts messages."""

    def __init__(self, host: str, token: str, on_message: Callable[[int], None]) -> None:
        self._host = host
        self._token = token
        self._on_message = on_message
        self._rest = b""
        self.welcomed = asyncio.get_running_loop().create_future()
        self._take = self._answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ws HTTP/1.1\r\nHost: {self._host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Take what came, with what may be the beginning of a mark from before."""
        self._take(self._rest + data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail, if there was no welcome."""
        if not self.welcomed.done():
            self.welcomed.set_exception(exc or ConnectionResetError("closed before the welcome"))

    def close(self) -> None:
        """Go without a word."""
        self._transport.abort()

    def _answered(self, data: bytes) -> None:
        if b"\r\n\r\n" not in data:
            self._rest = data
            return
        self._take, self._rest = self._admitted, b""
        self._transport.write(masked(encode_request("auth", Credentials(self._token), "1", SystemClock().now())))

    def _admitted(self, data: bytes) -> None:
        self._rest = data
        if WELCOME in data and not self.welcomed.done():
            self._take, self._rest = self._counting, b""
            self.welcomed.set_result(None)

    def _counting(self, data: bytes) -> None:
        count = data.count(MARK)
        self._rest = data[1 - len(MARK) :]
        if count:
            self._on_message(count)


def masked(text: str) -> bytes:
    """Return a text frame as a client sends it; the mask of zeros changes nothing (RFC 6455, section 5.3)."""
    payload = text.encode()
    length = len(payload)
    head = bytes([0x81, 0x80 | length]) if length < 126 else b"\x81\xfe" + length.to_bytes(2)
    return head + bytes(4) + payload


class Crowd:
    """Listeners on one server, and how many messages they have had together."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self._had = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    async def enter(self, url: str, tokens: list[str]) -> None:
        """Open a socket for each token and wait until all are authenticated."""
        turn = asyncio.Semaphore(AT_ONCE)
        address = urlsplit(url)
        host, port = address.hostname or "", address.port or 0

        async def opened(token: str) -> None:
            async with turn:
                _, listener = await asyncio.get_running_loop().create_connection(
                    lambda: Listener(address.netloc, token, self._count), host, port
                )
                self.listeners.append(listener)
                await listener.welcomed

        async with asyncio.TaskGroup() as tasks:
            for token in tokens:
                tasks.create_task(opened(token))

    async def until_all_have_had(self, messages: int) -> None:
        """Wait until everybody has had so many more since the last time."""
        self._wanted += messages * len(self.listeners)
        self._reached.clear()
        if self._had < self._wanted:
            await self._reached.wait()

    def leave(self) -> None:
        """Close all sockets."""
        for one in self.listeners:
            one.close()

    def _count(self, messages: int) -> None:
        self._had += messages
        if self._had >= self._wanted:
            self._reached.set()

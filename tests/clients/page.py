"""A browser's tab: its timers, its sockets, and the errors that nobody caught in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.clients.timers import Timers

PATIENCE_SECONDS = 30.0


class ReadyState(Enum):
    """What a browser says of a socket."""

    CONNECTING = auto()
    OPEN = auto()
    CLOSED = auto()


class Page:
    """Owns what a client does on its own."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.timers = Timers()
        self.uncaught: list[str] = []
        self._tasks = tasks
        self._running: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Do something without waiting for it."""
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def changed(self) -> None:
        """Say that something on this page is not as it was."""
        self._news.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so; whatever makes it so calls `changed`."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def close(self) -> None:
        """Close the tab: nothing of it goes on."""
        for task in self._running:
            task.cancel()


@asynccontextmanager
async def open_page() -> AsyncIterator[Page]:
    """Open a tab and close it at the end of the block."""
    async with asyncio.TaskGroup() as tasks:
        page = Page(tasks)
        try:
            yield page
        finally:
            page.close()


class Owner(Protocol):
    """Who is told what happens to a socket."""

    def opened(self, socket: BrowserSocket) -> None:
        """Take note that it is open."""

    def received(self, socket: BrowserSocket, text: str) -> None:
        """Take a text frame."""

    def closed(self, socket: BrowserSocket) -> None:
        """Take note that it is closed, or could not be opened."""


class BrowserSocket:
    """A browser's WebSocket: it opens by itself, and a frame sent into a closed one vanishes."""

    def __init__(self, page: Page, url: str, owner: Owner) -> None:
        self.state = ReadyState.CONNECTING
        self.failure: Exception | None = None
        """Why it ended, where there was no closing frame: browsers tell pages nothing of it."""
        self._page = page
        self._url = url
        self._owner = owner
        self._connection: ClientConnection | None = None
        page.spawn(self._live())

    def send(self, text: str) -> None:
        """Send a text frame; does not wait."""
        assert self._connection is not None
        self._page.spawn(_sent(self._connection, text))

    def close(self) -> None:
        """Begin to close, as WebSocket.close() does."""
        if self._connection is not None:
            self._page.spawn(self._connection.close())

    def cut(self) -> None:
        """Let the network fail: no closing frame goes either way."""
        assert self._connection is not None
        self._connection.transport.abort()

    async def _live(self) -> None:
        try:
            await self._converse()
        except (OSError, InvalidHandshake, ConnectionClosed) as error:
            self.failure = error
        self.state = ReadyState.CLOSED
        self._owner.closed(self)
        self._page.changed()

    async def _converse(self) -> None:
        async with connect(self._url, max_size=None) as connection:
            self._connection = connection
            self.state = ReadyState.OPEN
            self._owner.opened(self)
            self._page.changed()
            async for text in connection:
                assert isinstance(text, str), "the protocol has no binary frames"
                self._owner.received(self, text)
                self._page.changed()
                # As in a browser: whoever waited for this frame goes on before the next one is looked at.
                await asyncio.sleep(0)


async def _sent(connection: ClientConnection, text: str) -> None:
    try:
        await connection.send(text)
    except ConnectionClosed:
        return

"""The socket endpoint: frames to a Connection and back, close codes included.

A reader that always drains, one writer, and a bounded outbox between; reasons: runtime.md sections 2.1 to 2.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from quart.wrappers import Websocket
from structlog.contextvars import bound_contextvars

from bridge.errors import CloseCode, Disconnect
from bridge.health import Health
from bridge.outbox import Outbox
from bridge.refusals import Refusals
from bridge.session import Connection

FLUSH_SECONDS = 1.0

log = structlog.get_logger(__name__)

OpenConnection = Callable[[Outbox], Connection]


class Sockets:
    """Every open socket of the process, so that all can be closed when it ends."""

    def __init__(
        self, open_connection: OpenConnection, new_outbox: Callable[[], Outbox], health: Health, refusals: Refusals
    ) -> None:
        self._open_connection = open_connection
        self._new_outbox = new_outbox
        self._health = health
        self._refusals = refusals
        self._open: set[Outbox] = set()
        self._none_left = asyncio.Event()
        self.draining = False

    def __len__(self) -> int:
        return len(self._open)

    async def serve(self, socket: Websocket) -> None:
        """Speak the protocol on an accepted socket until either side ends it."""
        outbox = self._new_outbox()
        connection = self._open_connection(outbox)
        self._open.add(outbox)
        self._none_left.clear()
        try:
            with bound_contextvars(connection_id=connection.id):
                why = await _converse(socket, connection, outbox)
                self._refusals.closings[why.code] += 1
                log.info("socket.closed_by_bridge", code=why.code.name)
                await socket.close(int(why.code), why.reason)
        finally:
            connection.close()
            self._open.discard(outbox)
            if not self._open:
                self._none_left.set()

    async def drain(self, seconds: float) -> None:
        """Close every socket with "service restart" and wait, at most `seconds`, until they are gone."""
        self.draining = True
        self._health.drain()  # the clients that asked for it learn why, before their sockets close
        for outbox in list(self._open):
            outbox.disconnect(Disconnect(CloseCode.SERVICE_RESTART, "service restart"))
        if not self._open:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._none_left.wait()
        except TimeoutError:
            log.warning("drain.incomplete", sockets=len(self._open))


async def _converse(socket: Websocket, connection: Connection, outbox: Outbox) -> Disconnect:
    """Run the conversation until the bridge wants its end, and return why; the client's end cancels it."""
    async with asyncio.TaskGroup() as tasks:
        writer = tasks.create_task(outbox.write(socket.send))
        others = [
            tasks.create_task(_read(socket, connection)),
            tasks.create_task(connection.work()),
            tasks.create_task(connection.enforce_deadline()),
        ]
        why = await outbox.closing()
        # What is queued may still go out, unless the peer does not read: then the writer is stuck for good.
        await asyncio.wait([writer], timeout=FLUSH_SECONDS)
        for task in (writer, *others):
            task.cancel()
    return why


async def _read(socket: Websocket, connection: Connection) -> None:
    """Take frames as they come: Quart's own queue is unbounded, so nothing here may wait (runtime.md 2.2).

    But between two frames the worker gets its turn: a burst of commands that cost nothing is no flood.
    """
    while True:
        connection.receive(await socket.receive())
        await asyncio.sleep(0)

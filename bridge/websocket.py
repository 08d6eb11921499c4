"""The socket endpoint: frames to a Connection and back, close codes included.

A reader that always drains, one writer, and a bounded outbox between; reasons: runtime.md sections 2.1 to 2.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from structlog.contextvars import bound_contextvars

from bridge.errors import Disconnect, service_restart
from bridge.fast_path import WriteNow
from bridge.health import Health
from bridge.outbox import Outbox
from bridge.refusals import Refusals
from bridge.session import Connection

FLUSH_SECONDS: Final = 1.0
SHARE_FOR_COMMANDS: Final = 0.75
"""Of the time for a drain; the rest is for closing what does not come to an end."""
SHARE_FOR_SPREADING: Final = 0.5
"""Of the time for a drain, at most: with very many clients the ends come closer together."""
ENDS_PER_SECOND: Final = 500
"""About as many handshakes and logins as one process takes: old clients come back a second after their end."""
ENDS_AT_ONCE: Final = 25
FIRST_COME_BACK_SECONDS: Final = 1

log = structlog.get_logger(__name__)

OpenConnection = Callable[[Outbox], Connection]


class Socket(Protocol):
    """An accepted socket, as far as it is used here; Quart's in real life."""

    async def receive(self) -> object:
        """Return the next frame; never returns when the peer is gone, but is cancelled."""
        ...

    async def send(self, data: str) -> None:
        """Send a frame; waits as long as the peer does not read."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye."""
        ...


class Sockets:
    """Every open socket of the process, so that all can be closed when it ends."""

    def __init__(
        self, open_connection: OpenConnection, new_outbox: Callable[[], Outbox], health: Health, refusals: Refusals
    ) -> None:
        self._open_connection = open_connection
        self._new_outbox = new_outbox
        self._health = health
        self.refusals = refusals
        self._open: dict[Outbox, Connection] = {}
        self._none_left = asyncio.Event()
        self._none_left.set()
        self.draining = False

    def __len__(self) -> int:
        return len(self._open)

    async def serve(self, socket: Socket, fast_path: WriteNow | None = None) -> None:
        """Speak the protocol on an accepted socket until either side ends it; `fast_path` if its server has one."""
        outbox = self._new_outbox()
        connection = self._open_connection(outbox)
        self._open[outbox] = connection
        self._none_left.clear()
        if self.draining:  # it began while the handshake was under way
            connection.retire(service_restart(FIRST_COME_BACK_SECONDS))
        try:
            with bound_contextvars(connection_id=connection.id):
                why = await _converse(socket, connection, outbox, fast_path)
                self.refusals.closings[why.code] += 1
                log.info("socket.closed_by_bridge", code=why.code.name)
                await socket.close(int(why.code), why.reason)
        finally:
            connection.close()
            del self._open[outbox]
            if not self._open:
                self._none_left.set()

    async def drain(self, seconds: float, *, come_back_within_seconds: float) -> None:
        """End every connection with "service restart" and wait, at most `seconds`, until they are gone.

        Commands that were taken are finished first, as long as most of the time lasts. The ends are spread, and each
        client is told another moment to come back at, all of them within `come_back_within_seconds`.
        """
        self.draining = True
        self._health.drain()  # the clients that asked for it learn why, before their sockets close
        try:
            async with asyncio.timeout(seconds * SHARE_FOR_COMMANDS):
                await self._retire_all(seconds, come_back_within_seconds)
                await self._none_left.wait()
        except TimeoutError:  # quiet: what is left at the very end is logged
            await self._cut_off(seconds * (1 - SHARE_FOR_COMMANDS))

    async def _retire_all(self, seconds: float, come_back_within_seconds: float) -> None:
        connections = list(self._open.values())
        pause = min(1 / ENDS_PER_SECOND, seconds * SHARE_FOR_SPREADING / max(1, len(connections)))
        for number, connection in enumerate(connections):
            share = number / len(connections)
            connection.retire(service_restart(FIRST_COME_BACK_SECONDS + int(share * come_back_within_seconds)))
            if number % ENDS_AT_ONCE == ENDS_AT_ONCE - 1:
                await asyncio.sleep(ENDS_AT_ONCE * pause)

    async def _cut_off(self, seconds: float) -> None:
        """End what is left without regard to what it does: the database hangs, or the peer does not read."""
        for outbox, connection in self._open.items():
            outbox.disconnect(connection.retiring or service_restart(FIRST_COME_BACK_SECONDS))
        try:
            async with asyncio.timeout(seconds):
                await self._none_left.wait()
        except TimeoutError:
            log.warning("drain.incomplete", sockets=len(self._open))


async def _converse(socket: Socket, connection: Connection, outbox: Outbox, fast_path: WriteNow | None) -> Disconnect:
    """Run the conversation until the bridge wants its end, and return why; the client's end cancels it."""
    async with asyncio.TaskGroup() as tasks:
        writer = tasks.create_task(outbox.write(socket.send, fast_path))
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


async def _read(socket: Socket, connection: Connection) -> None:
    """Take frames as they come: Quart's own queue is unbounded, so nothing here may wait (runtime.md 2.2).

    But between two frames the worker gets its turn: a burst of commands that cost nothing is no flood.
    """
    while True:
        connection.receive(await socket.receive())
        await asyncio.sleep(0)

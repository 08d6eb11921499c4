"""The stand-in as a whole: wires its parts, owns their tasks, answers the HTTP side of the handshake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from aiohttp import web

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime import rest
from scripts.sandbox.realtime.catalogue import Catalogue
from scripts.sandbox.realtime.channels import Channel
from scripts.sandbox.realtime.connection import Connection
from scripts.sandbox.realtime.database import Database
from scripts.sandbox.realtime.dispatch import Dispatcher
from scripts.sandbox.realtime.faults import (
    Crash,
    Deed,
    Drop,
    ExpireTokens,
    Faults,
    Resubscribe,
    SendSystemError,
    Settings,
)
from scripts.sandbox.realtime.phoenix import MalformedFrame, Version
from scripts.sandbox.realtime.poller import Poller
from scripts.sandbox.realtime.presence import Board
from scripts.sandbox.realtime.realm import Realm
from scripts.sandbox.realtime.resolver import PUBLICATION, Resolver
from scripts.sandbox.realtime.subscriber import Subscriber
from scripts.sandbox.realtime.subscriptions import Registry
from scripts.sandbox.realtime.timing import Timing
from scripts.sandbox.realtime.tokens import Bearer, TokenRefused, bearer_of_key
from scripts.sandbox.realtime.topics import Topics
from scripts.sandbox.realtime.visibility import SETUP, Visibility
from scripts.sandbox.realtime.wal import open_stream

MAX_CLIENT_FRAME_BYTES = 5_000_000


class RealtimeServer:
    """A Realtime server for one database; mount `websocket` and `broadcast` into an aiohttp application."""

    def __init__(self, *, dsn: str, keys: Keys, faults: Faults | None = None, timing: Timing | None = None) -> None:
        self.faults = faults or Faults()
        self.timing = timing or Timing()
        self._keys = keys
        self._registry, self._topics, self._board = Registry(), Topics(), Board()
        self._connections: set[Connection] = set()
        self._deserted = asyncio.Event()
        self._deserted.set()
        self._reading = Database(dsn, name="realtime stand-in: changes", setup=SETUP)
        self._asking = Database(dsn, name="realtime stand-in: subscriptions")
        self._catalogue = Catalogue(self._reading)
        dispatcher = Dispatcher(
            registry=self._registry,
            catalogue=self._catalogue,
            visibility=Visibility(self._reading),
            faults=self.faults,
            clock=time.time,
        )
        self._subscriber = Subscriber(
            resolver=Resolver(self._asking),
            registry=self._registry,
            timing=self.timing,
            channels=self._channels,
        )
        self._poller = Poller(
            open_stream=lambda: open_stream(dsn, PUBLICATION, time.time),
            timing=self.timing,
            faults=self.faults,
            deliver=dispatcher.deliver,
            restarted=self._subscriber.start_over,
            clock=time.time,
        )
        self._realm: Realm | None = None
        self._running: asyncio.Task[None] | None = None
        self.faults.listen(self._settings_changed, self._perform)

    async def start(self) -> None:
        """Open the stream of changes; every commit from here on is seen. Returns at once if the poller is to be down.

        Raises:
            RuntimeError: it was started before, or the database does not log what is needed.
            psycopg.OperationalError: the database cannot be reached.

        """
        if self._running is not None:
            raise RuntimeError("already started")
        await self._check_database()
        self._realm = Realm(
            keys=self._keys,
            timing=self.timing,
            faults=self.faults,
            clock=time.time,
            later=asyncio.get_running_loop().call_later,
            subscribe=self._subscriber.ask,
            board=self._board,
            topics=self._topics,
            registry=self._registry,
        )
        self._running = asyncio.create_task(self._run(), name="realtime stand-in")
        if not self.faults.settings.poller_down:
            started = asyncio.create_task(self._poller.started.wait())
            await asyncio.wait((started, self._running), return_when=asyncio.FIRST_COMPLETED)
            if not started.done():
                started.cancel()
                await self._running  # ended before it began: raises why

    async def died(self) -> None:
        """Wait until the stand-in ends by itself; for its owner, who must not believe it alive.

        Raises:
            ExceptionGroup: what went wrong in its tasks.

        """
        if self._running is None:
            raise RuntimeError("not started")
        await asyncio.shield(self._running)

    async def stop(self) -> None:
        """End every connection and task, hang up; a failure of a task comes out here.

        A start that failed or was given up may have dialled already: that is hung up, too.
        """
        for connection in list(self._connections):
            connection.reset()
        await self._deserted.wait()
        running, self._running = self._running, None
        try:
            if running is not None:
                await _ended(running)
        finally:
            await self._reading.close()
            await self._asking.close()

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Serve `GET /realtime/v1/websocket`: check the key, then be a client's socket until it ends."""
        realm = self._realm
        if realm is None:
            return web.json_response({"message": "Realtime is not started"}, status=503)
        counts, settings = self.faults.counts, self.faults.settings
        counts.handshakes += 1
        try:
            bearer = self._bearer(request)
            version = Version.of(request.query.get("vsn"))
        except TokenRefused as refused:
            return await self._refuse(401, str(refused))
        except MalformedFrame as malformed:
            return await self._refuse(403, str(malformed))
        if settings.refuse_connect is not None:
            return await self._refuse(settings.refuse_connect, "refused on purpose")
        # Pings are answered by the connection, so that a stall can leave them unanswered.
        transport = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=MAX_CLIENT_FRAME_BYTES, timeout=1.0
        )
        await transport.prepare(request)
        if settings.close_on_connect is not None:
            await transport.close(code=settings.close_on_connect)
            return transport
        await self._serve(Connection(realm, transport, version, bearer), request)
        return transport

    async def broadcast(self, request: web.Request) -> web.StreamResponse:
        """Serve `POST /realtime/v1/api/broadcast` and `…/broadcast/{topic}/events/{event}`."""
        return await rest.answer(request, self._keys, self._topics)

    async def _serve(self, connection: Connection, request: web.Request) -> None:
        counts = self.faults.counts
        self._connections.add(connection)
        self._deserted.clear()
        counts.connections += 1
        try:
            await connection.run(request.transport)
        finally:
            counts.connections -= 1
            self._connections.discard(connection)
            if not self._connections:
                self._deserted.set()

    async def _check_database(self) -> None:
        rows = await self._asking.rows("show wal_level")
        if rows != [("logical",)]:
            raise RuntimeError(f"Realtime needs wal_level=logical, the database has {rows[0][0]}")
        await self._catalogue.load_types()  # and the connection is there before the first change

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poller.read())
            tasks.create_task(self._poller.hand_on())
            tasks.create_task(self._subscriber.work())
            tasks.create_task(self._subscriber.watch_publication())

    def _channels(self) -> Iterator[Channel]:
        for connection in list(self._connections):
            yield from list(connection.channels.values())

    def _bearer(self, request: web.Request) -> Bearer:
        api_key = request.headers.get("x-api-key") or request.query.get("apikey") or request.headers.get("apikey")
        if not api_key:
            raise TokenRefused("InvalidJWTToken", "No API key found in request")
        return bearer_of_key(self._keys, api_key)

    async def _refuse(self, status: int, message: str) -> web.Response:
        await asyncio.sleep(self.timing.connect_backoff)
        return web.json_response({"message": message}, status=status)

    def _settings_changed(self, before: Settings, after: Settings) -> None:
        if before.poller_down != after.poller_down or before.delay_ms != after.delay_ms:
            self._poller.settings_changed(after)
        if before.stall != after.stall:
            for connection in list(self._connections):
                connection.stall_ended()

    def _perform(self, deed: Deed) -> None:
        match deed:
            case Drop():
                self._drop(deed)
            case Resubscribe():
                self._subscriber.start_over()
            case SendSystemError() | ExpireTokens() | Crash():
                for channel in list(self._channels()):
                    if deed.topic in (None, channel.topic, channel.name):
                        _afflict(channel, deed)

    def _drop(self, drop: Drop) -> None:
        for connection in list(self._connections):
            if drop.code is None:
                connection.reset()
            else:
                connection.close(drop.code, drop.reason)


def _afflict(channel: Channel, deed: SendSystemError | ExpireTokens | Crash) -> None:
    match deed:
        case SendSystemError(extension="system", message=message):
            channel.shut(message)
        case SendSystemError(message=message):
            channel.system("error", message, "postgres_changes")
        case ExpireTokens():
            channel.expire()
        case Crash():
            channel.crash()


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; its failure comes out here."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise

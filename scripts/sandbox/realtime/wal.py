"""The write-ahead log as a stream of row changes: temporary slot, pgoutput, COPY BOTH over psycopg's libpq.

psycopg has no official replication API, so this drives the connection by hand (supabase.md 8.3). The slot is
temporary: it lives as long as the connection, and what is committed without one is lost, as with the real server.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
from psycopg import pq

from scripts.sandbox.realtime import pgoutput
from scripts.sandbox.realtime.changes import Change, Transaction, change_of
from scripts.sandbox.realtime.database import SESSION_OPTIONS

_log = logging.getLogger(__name__)
_POSTGRES_EPOCH_SECONDS = 946_684_800
_STATUS_SECONDS = 10.0
_XLOG_HEADER, _KEEPALIVE_HEADER = 25, 18


class StreamEnded(Exception):
    """The stream broke: the server went away or refuses to go on."""


class Decoder:
    """Turns the payloads of the stream into changes; holds the relations announced so far and the open transaction."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._relations: dict[int, pgoutput.Relation] = {}
        self._transaction: Transaction | None = None

    def feed(self, message: bytes) -> Change | None:
        """Return the row change in a message, if it is one.

        Raises:
            pgoutput.Malformed: against the protocol.

        """
        match pgoutput.decode(message):
            case pgoutput.Begin(xid=xid, committed_at=at):
                self._transaction = Transaction(xid, at)
            case pgoutput.Relation() as relation:
                self._relations[relation.oid] = relation
            case pgoutput.RowChange() as row:
                return self._change(row)
            case _:
                pass
        return None

    def _change(self, row: pgoutput.RowChange) -> Change:
        relation = self._relations.get(row.relation_oid)
        if relation is None or self._transaction is None:
            raise pgoutput.Malformed("a change outside a transaction or of an unannounced relation")
        return change_of(row, relation, self._transaction, self._clock())


class Stream:
    """One replication connection from its slot to its end."""

    def __init__(self, connection: psycopg.AsyncConnection, publication: str, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._publication = publication
        self._decoder = Decoder(clock)
        self._readable = asyncio.Event()
        self._received_lsn = 0
        self._stopped = False
        self._status_due = 0.0

    async def start(self) -> None:
        """Create the slot and begin to stream from it; every later commit will be seen."""
        slot = f"realtime_stand_in_{secrets.token_hex(6)}"
        await self._connection.execute(f"CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT")
        options = f"proto_version '1', publication_names '{self._publication}'"
        pgconn = self._connection.pgconn
        pgconn.send_query(f"START_REPLICATION SLOT {slot} LOGICAL 0/0 ({options})".encode())
        await self._flush()
        while pgconn.is_busy():
            await self._wait_readable(None)
            pgconn.consume_input()
        started = pgconn.get_result()
        if started is None or started.status != pq.ExecStatus.COPY_BOTH:
            raise StreamEnded("START_REPLICATION was refused")

    async def changes(self) -> AsyncIterator[list[Change]]:
        """Yield what arrived, until `stop`.

        Raises:
            StreamEnded: the connection broke or the server ended the stream.

        """
        while not self._stopped:
            await self._keep_in_touch()  # a busy stream must not forget it
            found = self._available()
            if found:
                yield found
            elif not self._stopped:
                await self._wait_readable(_STATUS_SECONDS)
                self._consume()

    def stop(self) -> None:
        """End `changes` soon; nothing more is yielded."""
        self._stopped = True
        self._readable.set()

    def _consume(self) -> None:
        try:
            self._connection.pgconn.consume_input()
        except psycopg.Error as error:
            raise StreamEnded(str(error)) from error

    def _available(self) -> list[Change]:
        found: list[Change] = []
        while not self._stopped:
            try:
                length, buffer = self._connection.pgconn.get_copy_data(1)
            except psycopg.Error as error:
                raise StreamEnded(str(error)) from error
            if length == 0:
                break
            if length < 0:
                raise StreamEnded("the server ended the stream")
            change = self._read(bytes(buffer))
            if change is not None:
                found.append(change)
        return [] if self._stopped else found

    def _read(self, message: bytes) -> Change | None:
        if message[:1] == b"k":
            end, _sent_at, reply_wanted = struct.unpack_from("!QQB", message, 1)
            self._received_lsn = max(self._received_lsn, end)
            if reply_wanted:
                self._status_due = 0.0
            return None
        start, end = struct.unpack_from("!QQ", message, 1)
        self._received_lsn = max(self._received_lsn, start, end)
        return self._decoder.feed(message[_XLOG_HEADER:])

    async def _keep_in_touch(self) -> None:
        """Report what was received, or the server would keep its log for us and end the stream."""
        now = time.monotonic()
        if now < self._status_due:
            return
        self._status_due = now + _STATUS_SECONDS
        since_epoch = int((time.time() - _POSTGRES_EPOCH_SECONDS) * 1_000_000)
        lsn = self._received_lsn
        try:
            self._connection.pgconn.put_copy_data(struct.pack("!cQQQQB", b"r", lsn, lsn, lsn, since_epoch, 0))
            await self._flush()
        except psycopg.Error as error:
            raise StreamEnded(str(error)) from error

    async def _flush(self) -> None:
        while self._connection.pgconn.flush():
            loop, socket, writable = asyncio.get_running_loop(), self._connection.pgconn.socket, asyncio.Event()
            loop.add_writer(socket, writable.set)
            try:
                await writable.wait()
            finally:
                loop.remove_writer(socket)

    async def _wait_readable(self, seconds: float | None) -> None:
        if self._stopped:
            return
        loop, socket = asyncio.get_running_loop(), self._connection.pgconn.socket
        self._readable.clear()
        loop.add_reader(socket, self._readable.set)
        try:
            async with asyncio.timeout(seconds):
                await self._readable.wait()
        except TimeoutError:
            _log.debug("no change for %s seconds", seconds)
        finally:
            loop.remove_reader(socket)


@asynccontextmanager
async def open_stream(dsn: str, publication: str, clock: Callable[[], float]) -> AsyncIterator[Stream]:
    """Dial, create the slot, start streaming; hang up at the end.

    Raises:
        psycopg.OperationalError: the database is away or allows no replication.
        StreamEnded: it does not start the stream.

    """
    connection = await psycopg.AsyncConnection.connect(
        dsn, autocommit=True, replication="database", options=SESSION_OPTIONS, application_name="realtime stand-in"
    )
    try:
        stream = Stream(connection, publication, clock)
        await stream.start()
        yield stream
    finally:
        await connection.close()

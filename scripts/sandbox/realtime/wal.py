"""The write-ahead log as a stream of row changes: temporary slot, pgoutput, COPY BOTH over psycopg's libpq.

psycopg has no official replication API, so this drives the connection by hand (supabase.md 8.3). The slot is
temporary: it lives as long as the connection, and what is committed without one is lost, as with the real server.
"""

from __future__ import annotations

import asyncio
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

_POSTGRES_EPOCH_SECONDS = 946_684_800
_REPORT_SECONDS = 1.0
# A commit that falls between the last look of PostgreSQL's sender (16 and later) and its sleep does not wake it: it
# sleeps on with the change in hand until another commit or a report of ours comes. So a pause in the stream is
# answered with a report, soon at first. Without it about one stream in 300 stood still after its start.
_FIRST_NUDGE_SECONDS = 0.005
_NUDGE_FACTOR = 4
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
        self._report_due = 0.0

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
        patience = _FIRST_NUDGE_SECONDS
        while not self._stopped:
            if time.monotonic() >= self._report_due:  # a busy stream must not forget it
                await self._report()
            found = self._available()
            if found:
                patience = _FIRST_NUDGE_SECONDS
                yield found
            elif await self._wait_readable(patience):
                self._consume()
            else:
                await self._report()
                patience = min(patience * _NUDGE_FACTOR, _REPORT_SECONDS)

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
                self._report_due = 0.0
            return None
        start, end = struct.unpack_from("!QQ", message, 1)
        self._received_lsn = max(self._received_lsn, start, end)
        return self._decoder.feed(message[_XLOG_HEADER:])

    async def _report(self) -> None:
        """Say what was received, or the server would keep its log for us and in the end hang up."""
        self._report_due = time.monotonic() + _REPORT_SECONDS
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

    async def _wait_readable(self, seconds: float | None) -> bool:
        """Return True when there is something to consume, False when the time is over or the stream is to stop."""
        if self._stopped:
            return False
        loop, socket = asyncio.get_running_loop(), self._connection.pgconn.socket
        self._readable.clear()
        loop.add_reader(socket, self._readable.set)
        try:
            async with asyncio.timeout(seconds):
                await self._readable.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(socket)
        return not self._stopped


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

"""The stream of changes, over a connection that does what the test says: reports, ends, keepalives."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import psycopg
import pytest

from scripts.sandbox.realtime.changes import Change
from scripts.sandbox.realtime.pgoutput import Action
from scripts.sandbox.realtime.wal import Stream, StreamEnded
from tests.sandbox.realtime.eventually import eventually

BEGIN = b"B" + struct.pack("!QqI", 1, 0, 7)
RELATION = (
    b"R" + struct.pack("!I", 1) + b"public\0notes\0d" + struct.pack("!H", 1) + b"\1id\0" + struct.pack("!Ii", 23, -1)
)
INSERT = b"I" + struct.pack("!I", 1) + b"N" + struct.pack("!H", 1) + b"t" + struct.pack("!I", 1) + b"5"


@dataclass
class FakeLibpq:
    """A connection in COPY BOTH whose incoming messages are a list."""

    ours: socket.socket
    incoming: list[bytes | int | psycopg.Error] = field(default_factory=list)
    reports: list[int] = field(default_factory=list)
    blocked_flushes: int = 0

    @property
    def socket(self) -> int:
        """Return the file descriptor."""
        return self.ours.fileno()

    def get_copy_data(self, is_async: int) -> tuple[int, bytes]:
        """Return the next message, or that there is none."""
        message = self.incoming.pop(0) if self.incoming else 0
        if isinstance(message, psycopg.Error):
            raise message
        return (message, b"") if isinstance(message, int) else (len(message), message)

    def consume_input(self) -> None:
        """Take what woke us."""
        self.ours.recv(100)

    def put_copy_data(self, report: bytes) -> None:
        """Note the position reported."""
        self.reports.append(struct.unpack("!cQQQQB", report)[2])

    def flush(self) -> int:
        """Say whether something is left to write."""
        self.blocked_flushes -= 1
        return int(self.blocked_flushes >= 0)


class Wire:
    """A stream and the fake at its other end."""

    def __init__(self) -> None:
        ours, self._theirs = socket.socketpair()
        self.libpq = FakeLibpq(ours)
        self.stream = Stream(SimpleNamespace(pgconn=self.libpq), "p", lambda: 3.0)  # type: ignore[arg-type]  # a fake
        self.changes: list[Change] = []

    def deliver(self, *messages: bytes | int | psycopg.Error) -> None:
        """Let messages arrive."""
        self.libpq.incoming.extend(messages)
        self._theirs.send(b"!")

    async def read(self) -> None:
        """Read until the stream ends."""
        async for found in self.stream.changes():
            self.changes.extend(found)

    def close(self) -> None:
        """Close both ends."""
        self._theirs.close()
        self.libpq.ours.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Yield a stream over a fake connection."""
    wire = Wire()
    yield wire
    wire.close()


def logged(position: int, message: bytes) -> bytes:
    """Wrap a message as the server sends it."""
    return b"w" + struct.pack("!QQq", position, position, 0) + message


async def test_a_pause_is_answered_with_reports(wire: Wire) -> None:
    """They wake a sender that slept over a commit; the position is that of the last message."""
    reading = asyncio.create_task(wire.read())
    wire.deliver(logged(10, BEGIN), logged(20, RELATION), logged(30, INSERT))
    await eventually(lambda: wire.libpq.reports[-1:] == [30])
    seen = len(wire.libpq.reports)
    await eventually(lambda: len(wire.libpq.reports) > seen)
    wire.stream.stop()
    await reading
    [change] = wire.changes
    assert (change.action, change.new, change.transaction.xid) == (Action.INSERT, {"id": "5"}, 7)


async def test_a_keepalive_that_wants_an_answer_gets_one(wire: Wire) -> None:
    """At the position it tells, without waiting for a pause; other keepalives only move the position."""
    reading = asyncio.create_task(wire.read())
    for wanted in (0, 1):
        wire.deliver(b"k" + struct.pack("!QqB", 70 + wanted, 0, wanted))
    await eventually(lambda: wire.libpq.reports[-1:] == [71])
    wire.stream.stop()
    await reading


async def test_a_full_send_buffer_is_waited_for(wire: Wire) -> None:
    """Until the socket takes more."""
    wire.libpq.blocked_flushes = 2
    reading = asyncio.create_task(wire.read())
    await eventually(lambda: len(wire.libpq.reports) >= 2)
    wire.stream.stop()
    await reading


@pytest.mark.parametrize("end", [-1, psycopg.OperationalError("gone")])
async def test_an_end_is_an_error(wire: Wire, end: int | psycopg.Error) -> None:
    """Whether the server ends the copy or the connection breaks."""
    wire.deliver(end)
    with pytest.raises(StreamEnded):
        await wire.read()


async def test_a_report_that_cannot_be_sent_is_an_end(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is gone."""

    def broken(report: bytes) -> None:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(wire.libpq, "put_copy_data", broken)
    with pytest.raises(StreamEnded):
        await wire.read()


async def test_a_stopped_stream_yields_nothing_more(wire: Wire) -> None:
    """Even of what has arrived."""
    wire.deliver(logged(10, BEGIN), logged(20, RELATION), logged(30, INSERT))
    wire.stream.stop()
    await wire.read()
    assert wire.changes == []

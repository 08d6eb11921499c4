"""The server below the bridge, on real sockets: handshakes that are none, and protocols that it does not speak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from hypercorn.asyncio.worker_context import AsyncioSingleTask
from hypercorn.events import Closed, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.events import Data, Event
from hypercorn.protocol.ws_stream import ASGIWebsocketState

from bridge import serving
from bridge.hypercorn_socket import PatientServer, PlainHandshake, PromptStream, SocketConfig
from bridge.rates import Rate
from scripts.conformance.echo import echo_server

ANSWER_SECONDS = 20.0
"""Far below the minute after which a silent connection is dropped anyway."""
BEGINNING = b"GET /ws HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\n"
WEBSOCKET = BEGINNING + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
END = b"\r\n"
HELLO = b"\x81\x85" + bytes(4) + b"hello"
"""A text frame with a mask that changes nothing (RFC 6455, section 5.2)."""


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Serve the bridge's sockets, with an echo where the chat would be."""
    async with echo_server() as listening:
        yield listening


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(WEBSOCKET + KEY + END)
    assert (await reader.readuntil(END + END)).startswith(b"HTTP/1.1 101 ")
    return reader, writer


async def all_that_is_answered(port: int, *said: bytes) -> bytes:
    """Say something, and return what is answered until the server hangs up; our side stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.writelines(said)
        async with asyncio.timeout(ANSWER_SECONDS):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "handshake",
    [
        pytest.param(WEBSOCKET + END, id="no key"),
        pytest.param(WEBSOCKET.replace(b"13", b"8") + KEY + END, id="another version"),
        pytest.param(WEBSOCKET.replace(b"HTTP/1.1", b"HTTP/1.0") + KEY + END, id="HTTP/1.0"),
        pytest.param(WEBSOCKET + KEY + END + HELLO, id="a frame before the answer"),
    ],
)
async def test_a_handshake_that_is_none_ends_the_connection(port: int, handshake: bytes) -> None:
    """It is counted among nobody's sockets: left open, as many as one likes would use up the open files."""
    assert (await all_that_is_answered(port, handshake)).startswith(b"HTTP/1.1 400 ")


async def test_a_request_whose_head_comes_a_line_at_a_time_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often something comes: what never becomes a request is counted nowhere."""
    monkeypatch.setattr(serving, "IDLE_SECONDS", 0.2)
    async with echo_server() as port, asyncio.timeout(ANSWER_SECONDS):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WEBSOCKET)
        with pytest.raises(ConnectionError):
            await go_on(writer)
        writer.close()


async def go_on(writer: asyncio.StreamWriter) -> None:
    """Write one more field after the other, for ever; no faster than the loop has a moment."""
    while True:
        writer.write(b"X-More: of it\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def test_frames_after_a_refusal_are_passed_over() -> None:
    """A client that sends at once, to a bridge that stops say: a second answer is none, and was a defect in the log."""
    sent: list[Event] = []

    async def send(event: Event) -> None:
        sent.append(event)

    config = SocketConfig(Rate(per_second=1.0, burst=1), lambda: None)
    stream = PromptStream(None, config, None, None, False, None, None, send, 1)  # Hypercorn's order
    stream.handshake = PlainHandshake([], "1.1")
    stream.state = ASGIWebsocketState.HTTPCLOSED
    await stream.handle(Data(stream_id=1, data=HELLO))
    assert sent == []


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"\x89\x80" + bytes(4), id="pings"),
        pytest.param(b"\x8a\x80" + bytes(4), id="pongs"),
        pytest.param(b"\x00\x80" + bytes(4), id="empty pieces of a message"),
    ],
)
async def test_who_sends_very_many_frames_that_are_no_messages_is_closed(frame: bytes) -> None:
    """4028, as for messages: the bridge hears nothing of these, and whoever answers them has no time for others."""
    async with echo_server(frames_burst=10, frames_per_second=0.001) as port, asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await opened(port)
        writer.write(b"\x01\x80" + bytes(4) + frame * 38)  # four for each message that is allowed
        writer.write(b"\x89\x84" + bytes(4) + b"last")
        await reader.readuntil(b"\x8a\x04last")
        writer.write(frame)
        assert await reader.read() == b"\x88\x0a" + (4028).to_bytes(2) + b"too fast"
        writer.close()


async def test_a_long_message_that_comes_in_many_packets_is_in_one_piece() -> None:
    """What the line makes of it counts for nothing."""
    async with echo_server(frames_burst=1, frames_per_second=0.001) as port, asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await opened(port)
        writer.write(b"\x81\xfe" + (1000).to_bytes(2) + bytes(4))
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0)
        assert await reader.readexactly(4) == b"\x81\x7e" + (1000).to_bytes(2)
        writer.close()


async def test_a_handshake_that_is_one_opens_a_socket(port: int) -> None:
    """So the tests above speak of what they seem to speak of."""
    async with asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await opened(port)
        writer.write(HELLO)
        assert await reader.readexactly(7) == b"\x81\x05hello"
    writer.close()


async def test_a_text_that_is_none_is_answered_with_why(port: int) -> None:
    """1007, as RFC 6455, section 8.1, wants it, and then the end."""
    reader, writer = await opened(port)
    writer.write(b"\x81\x82" + bytes(4) + b"\xff\xfe")
    async with asyncio.timeout(ANSWER_SECONDS):
        assert await reader.read() == b"\x88\x02" + (1007).to_bytes(2)
    writer.close()


class Gone:
    """A writer whose peer has taken nothing for so long that the kernel gave up."""

    def write(self, _: bytes) -> None:
        """Take bytes."""

    def write_eof(self) -> None:
        """Take the end."""

    def close(self) -> None:
        """Close."""

    async def drain(self) -> None:
        """Fail as asyncio does then."""
        raise TimeoutError(110, "Connection timed out")

    wait_closed = drain


class Ended:
    """A protocol that is told what happens to its connection."""

    def __init__(self) -> None:
        self.events: list[object] = []

    async def handle(self, event: object) -> None:
        """Keep it."""
        self.events.append(event)


async def test_a_peer_that_takes_nothing_is_gone_and_no_error() -> None:
    """Every phone that falls asleep would fill the log."""
    connection = PatientServer.__new__(PatientServer)
    connection.writer = cast("asyncio.StreamWriter", Gone())
    connection.send_lock = asyncio.Lock()
    ended = Ended()
    connection.protocol = cast("ProtocolWrapper", ended)
    connection.idle_task = AsyncioSingleTask()
    await connection.protocol_send(RawData(b"hello"))
    assert ended.events == [Closed()]
    await connection._close()

"""Frames that are written where they are told: what a client reads, and when the usual way is taken instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from bridge.fast_path import Framed, WriteNow, fast_path, frame_of
from scripts.conformance.echo import echo_server

BORDERS = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]
"""Lengths in bytes where the head of a frame changes (RFC 6455, section 5.2), and those beside them."""


class Pipe:
    """A transport that keeps what is written, of which the peer may not have taken all."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.pending = 0
        self.closing = False

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait."""
        return self.pending

    def is_closing(self) -> bool:
        """Tell whether it is closed."""
        return self.closing

    def write(self, data: bytes) -> None:
        """Keep."""
        self.written.append(data)


def read_by_a_client(wire: bytes) -> list[str]:
    """Return the texts that wsproto makes of the bytes."""
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(wire)
    texts, part = [], ""
    for event in client.events():
        assert isinstance(event, TextMessage)
        part += event.data
        if event.message_finished:
            texts.append(part)
            part = ""
    return texts


@pytest.mark.parametrize("size", BORDERS)
def test_a_frame_of_any_length_is_read_by_clients(size: int) -> None:
    """The length has one, two or eight bytes."""
    assert read_by_a_client(frame_of("x" * size) + frame_of("after it")) == ["x" * size, "after it"]


@given(st.lists(st.text(), min_size=1))
def test_texts_arrive_as_they_are(texts: list[str]) -> None:
    """Whatever is in them, one after the other."""
    assert read_by_a_client(b"".join(map(frame_of, texts))) == texts


def test_a_text_that_is_told_to_many_is_framed_once() -> None:
    """And another, though equal to the last, is not taken for it by mistake."""
    framed, text = Framed(), "hello"
    assert framed.frame(text) is framed.frame(text)
    assert framed.frame("other") == frame_of("other")
    assert framed.frame(text) == frame_of(text)


def test_what_the_peer_takes_at_once_is_written_at_once() -> None:
    """In order."""
    pipe = Pipe()
    write_now = fast_path(pipe, lambda: True)
    assert write_now("first")
    assert write_now("second")
    assert pipe.written == [frame_of("first"), frame_of("second")]


@pytest.mark.parametrize("obstacle", ["the peer is behind", "the transport closes", "somebody has said goodbye"])
def test_nothing_is_written_where_something_is_in_the_way(obstacle: str) -> None:
    """The usual way knows how to wait, and what to do at the end."""
    pipe = Pipe()
    pipe.pending = 1 if obstacle == "the peer is behind" else 0
    pipe.closing = obstacle == "the transport closes"
    assert not fast_path(pipe, lambda: obstacle != "somebody has said goodbye")("hello")
    assert pipe.written == []


@asynccontextmanager
async def offered() -> AsyncIterator[tuple[int, list[WriteNow]]]:
    """Serve an echo, and keep the fast path of each of its sockets."""
    paths: list[WriteNow] = []
    async with echo_server(on_fast_path=paths.append) as port:
        yield port, paths


async def test_a_real_socket_has_a_fast_path_until_the_client_says_goodbye() -> None:
    """What it writes is read between what comes the usual way; after the goodbye no frame may follow."""
    async with offered() as (port, paths), connect(f"ws://127.0.0.1:{port}/echo", compression=None) as client:
        await client.send("one")
        assert await client.recv() == "one"
        [write_now] = paths
        assert write_now("two")
        assert await client.recv() == "two"
        await client.send("three")
        assert await client.recv() == "three"
        await client.close()
        assert not write_now("too late")


async def test_a_real_peer_that_does_not_read_is_waited_for_the_usual_way() -> None:
    """What the kernel does not take stays in the transport, and from then on the fast path declines."""
    async with offered() as (port, paths):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /echo HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        while not paths:  # noqa: ASYNC110  # the server's side of the handshake
            await asyncio.sleep(0.01)
        page = "x" * 1_000_000
        taken = 0
        while paths[0](page):
            taken += 1
            assert taken < 1000
        assert taken > 0
        writer.close()

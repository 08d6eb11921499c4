"""The proxy of the trials misbehaves exactly as it is told."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scripts.chaos.proxy import CALM, ChaosProxy, Weather

PATIENCE_SECONDS = 20.0


class Server:
    """Answers each line with the same line; knows what it got and which connections ended."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.ended = asyncio.Event()
        self.arrived = asyncio.Event()
        self.writers: list[StreamWriter] = []

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection."""
        self.writers.append(writer)
        try:
            while line := await reader.readline():
                self.got.append(line)
                self.arrived.set()
                writer.write(line)
                await writer.drain()
        except ConnectionError:
            self.got.append(b"broken")
        finally:
            writer.close()
            self.ended.set()


Client = tuple[StreamReader, StreamWriter]


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Server, ChaosProxy]]:
    """Run a server and a proxy in front of it."""
    server = Server()
    async with asyncio.timeout(PATIENCE_SECONDS):
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        async with ChaosProxy("127.0.0.1", listening.sockets[0].getsockname()[1]) as proxy:
            yield server, proxy
        listening.close()


async def connected(proxy: ChaosProxy) -> Client:
    """Connect through the proxy; one exchange makes sure that the way is open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await exchanged((reader, writer), b"hello\n") == b"hello\n"
    return reader, writer


async def exchanged(client: Client, line: bytes) -> bytes:
    """Send a line and return the answer."""
    client[1].write(line)
    return await client[0].readline()


async def test_in_calm_weather_everything_passes() -> None:
    """Large things too, both ways."""
    async with proxied() as (_, proxy):
        client = await connected(proxy)
        line = b"x" * 60_000 + b"\n"
        assert await exchanged(client, line) == line
        client[1].close()


async def test_the_end_of_one_side_is_the_end_of_the_other() -> None:
    """Whichever begins."""
    async with proxied() as (server, proxy):
        _, writer = await connected(proxy)
        writer.close()
        await server.ended.wait()
        reader, writer = await connected(proxy)
        server.writers[-1].close()
        assert await reader.read() == b""
        writer.close()


async def test_a_reset_is_one_for_both() -> None:
    """Not a clean end."""
    async with proxied() as (server, proxy):
        reader, writer = await connected(proxy)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await server.ended.wait()
        assert server.got[-1] == b"broken"
        writer.close()


async def test_a_swallowed_connection_stays_and_nothing_passes() -> None:
    """A new one is a good one."""
    async with proxied() as (server, proxy):
        reader, writer = await connected(proxy)
        proxy.swallow()
        writer.write(b"into the dark\n")
        server.writers[0].write(b"nor back\n")
        other = await connected(proxy)
        assert await exchanged(other, b"but this\n") == b"but this\n"
        assert b"into the dark\n" not in server.got
        assert not server.ended.is_set()
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        other[1].close()


async def test_a_stranded_server_goes_on_talking() -> None:
    """Its client is gone, and it is not told."""
    async with proxied() as (server, proxy):
        reader, writer = await connected(proxy)
        proxy.strand()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        server.writers[0].write(b"anybody?\n")
        await server.writers[0].drain()
        await exchanged(again := await connected(proxy), b"here again\n")
        assert not server.ended.is_set()
        assert len(proxy) == 2
        writer.close()
        again[1].close()


async def test_a_delay_keeps_the_order() -> None:
    """And ends with the weather."""
    async with proxied() as (_, proxy):
        reader, writer = await connected(proxy)
        proxy.weather = Weather(delay_seconds=0.01)
        writer.write(b"one\n")
        writer.write(b"two\n")
        assert [await reader.readline(), await reader.readline()] == [b"one\n", b"two\n"]
        proxy.weather = CALM
        assert await exchanged((reader, writer), b"three\n") == b"three\n"
        writer.close()


async def test_little_bandwidth_takes_time_by_the_loops_clock() -> None:
    """At least as long as the bytes need."""
    async with proxied() as (_, proxy):
        client = await connected(proxy)
        proxy.weather = Weather(bytes_per_second=100_000)
        began_at = asyncio.get_running_loop().time()
        await exchanged(client, b"x" * 9_999 + b"\n")
        assert asyncio.get_running_loop().time() - began_at >= 0.09
        client[1].close()


async def test_who_is_not_admitted_is_reset() -> None:
    """The server hears nothing of it; likewise when there is none."""
    async with proxied() as (server, proxy):
        proxy.weather = Weather(admits=False)
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        assert server.got == []
        writer.close()
    async with ChaosProxy("127.0.0.1", 9) as nowhere:
        reader, writer = await asyncio.open_connection("127.0.0.1", nowhere.port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()

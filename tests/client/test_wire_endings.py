"""How connections fail to begin, and how they end."""

from __future__ import annotations

import asyncio
import socket

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from bridge.client import (
    ClientLimits,
    ConnectionLost,
    MessageReceived,
    Unreachable,
    WireClient,
)
from tests.client.scripted import Peer, message, scripted


async def test_a_dropped_connection_fails_everything_at_once() -> None:
    """Pending requests, later requests and the pushes all end with ConnectionLost when the network breaks."""

    async def script(peer: Peer) -> None:
        await peer.push(message(1))
        for _ in range(2):
            await peer.command("ping")
        peer.drop()

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        pings = await asyncio.gather(client.ping(), client.ping(), return_exceptions=True)
        assert [type(ping) for ping in pings] == [ConnectionLost, ConnectionLost]
        with pytest.raises(ConnectionLost):
            await client.load_conversations()
        assert await anext(client.pushes()) == MessageReceived(message(1))
        with pytest.raises(ConnectionLost, match="broke"):
            await anext(client.pushes())


@pytest.mark.parametrize(("code", "is_final"), [(1012, False), (4008, False), (4500, True), (4999, True)])
async def test_the_close_code_is_reported(code: int, is_final: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """The server's close code and reason reach the caller; 4500 to 4999 mean: do not come back."""

    async def script(peer: Peer) -> None:
        await peer.command("ping")
        await peer.connection.close(code, "because")

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        with pytest.raises(ConnectionLost, match="because") as lost:
            await client.ping()
    assert (lost.value.close_code, lost.value.is_final) == (code, is_final)


async def test_leaving_the_block_ends_what_is_under_way() -> None:
    """Requests of other tasks fail when the client is closed, and the pushes stop without an error."""
    received = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.command("ping")
        received.set()
        await peer.until_closed()

    async with scripted(script) as server, asyncio.TaskGroup() as group:
        async with WireClient.connect(server.url) as client:
            ping = group.create_task(_outcome(client))
            reading = group.create_task(_all_pushes(client))
            await received.wait()
        assert isinstance(await ping, ConnectionLost)
        assert await reading == []


@pytest.mark.parametrize(
    "frame",
    ["not json", "[]", '{"type":"pong"}', b"\x00", '{"type":"message_received","payload":{"message":1}}'],
)
async def test_a_server_of_another_protocol_is_left(frame: str | bytes) -> None:
    """A frame that is none of the protocol's ends the connection; it is not skipped."""

    async def script(peer: Peer) -> None:
        await peer.command("ping")
        await peer.raw(frame)
        await peer.until_closed()

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        with pytest.raises(ConnectionLost, match="the server sent"):
            await client.ping()


async def test_a_loss_and_a_cancellation_at_the_same_moment() -> None:
    """A request that is being cancelled is left alone when the connection ends, and later pushes go nowhere."""
    received = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.command("ping")
        received.set()
        await peer.until_closed()

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        async with asyncio.TaskGroup() as group:
            ping = group.create_task(client.ping())
            await received.wait()
            ping.cancel()
            client._end(ConnectionLost("broke"))
        assert ping.cancelled()
        client._pushes.put(MessageReceived(message(1)))
        with pytest.raises(ConnectionLost):
            await anext(client.pushes())


async def test_a_name_that_nobody_has() -> None:
    """A host that cannot be found is said in words."""
    with pytest.raises(Unreachable, match=r"ws://nowhere\.invalid/ws cannot be reached: \w+"):
        async with WireClient.connect("ws://nowhere.invalid/ws"):
            pytest.fail("connected")


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/ws", "http://127.0.0.1/", "nonsense"])
async def test_nobody_there(url: str) -> None:
    """An address where nothing listens, or that is none, is one sentence that names it."""
    with pytest.raises(Unreachable, match=url):
        async with WireClient.connect(url):
            pytest.fail("connected")


async def test_a_server_that_does_not_speak_websocket() -> None:
    """An HTTP server that answers with a page is no bridge."""

    def page(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(200, "welcome")

    async with serve(_never, "127.0.0.1", 0, process_request=page) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(Unreachable, match="does not speak WebSocket"):
            async with WireClient.connect(f"ws://127.0.0.1:{port}/ws"):
                pytest.fail("connected")


async def test_a_server_that_never_answers() -> None:
    """Opening a connection has a limit."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"ws://127.0.0.1:{server.getsockname()[1]}/ws"
        with pytest.raises(Unreachable, match="did not answer within"):
            async with WireClient.connect(url, limits=ClientLimits(open_timeout_seconds=0.05)):
                pytest.fail("connected")


async def test_sending_on_a_connection_that_just_broke() -> None:
    """A loss that the reader has not seen yet is the same loss."""

    async def script(peer: Peer) -> None:
        await peer.command("ping")
        await peer.connection.close(1012, "restart")

    async with scripted(script) as server, WireClient.connect(server.url) as client:
        with pytest.raises(ConnectionLost, match="restart"):
            await client.ping()
        client._lost = None
        with pytest.raises(ConnectionLost, match="restart"):
            await client.ping()


async def _never(connection: ServerConnection) -> None:
    pytest.fail(f"a WebSocket was opened by {connection.remote_address}")


async def _outcome(client: WireClient) -> BaseException | None:
    try:
        await client.ping()
    except ConnectionLost as lost:
        return lost
    return None


async def _all_pushes(client: WireClient) -> list[object]:
    return [push async for push in client.pushes()]

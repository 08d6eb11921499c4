"""What clients may use, over real sockets: connections by address, by user and in all; frames."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from bridge.errors import CloseCode
from bridge.refusals import Refusal
from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.sockets import connect
from tests.e2e.test_bad_input import ANSWER_SECONDS, answer, envelope


async def refused(bridge: RunningBridge, **headers: str) -> int:
    """Return the status with which a handshake is answered; when to try again is said, too."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(bridge.url, additional_headers=headers):
            pass
    assert caught.value.response.headers["Retry-After"] == "10"
    return int(caught.value.response.status_code)


async def close_code(socket: ClientConnection) -> int | None:
    """Wait until the bridge ends the connection, and return the code."""
    async with asyncio.timeout(ANSWER_SECONDS):
        await socket.wait_closed()
    return socket.close_code


async def sign_in(socket: ClientConnection, bridge: RunningBridge, name: str) -> None:
    """Authenticate as a sample person."""
    await socket.send(envelope("auth", {"token": bridge.sandbox.people[name].token}))
    assert (await answer(socket))["type"] == "auth_success"


async def test_one_address_has_so_many_sockets(start_bridge: StartBridge) -> None:
    """429 before the handshake, counted; a header that anybody may write is no way around it (contract F14)."""
    async with start_bridge(max_connections_per_address=1) as bridge, connect(bridge.url):
        assert await refused(bridge) == 429
        assert await refused(bridge, **{"X-Forwarded-For": "203.0.113.1"}) == 429
        assert bridge.parts.refusals.handshakes[Refusal.ADDRESS_FULL] == 2


async def test_behind_a_trusted_proxy_each_client_has_its_own(start_bridge: StartBridge) -> None:
    """What a client wrote into the header itself stands further left and does not count (contract F14)."""
    first, forged, second = ({"X-Forwarded-For": it} for it in ("203.0.113.1", "1.1.1.1, 203.0.113.1", "203.0.113.2"))
    async with (
        start_bridge(max_connections_per_address=1, trusted_proxies="127.0.0.0/8") as bridge,
        connect(bridge.url, additional_headers=first) as socket,
    ):
        await socket.send(envelope())
        assert (await answer(socket))["type"] == "pong"
        assert await refused(bridge, **first) == 429
        assert await refused(bridge, **forged) == 429
        async with connect(bridge.url, additional_headers=second):
            pass


async def test_a_full_bridge_says_so(start_bridge: StartBridge) -> None:
    """503, and one that leaves makes room."""
    async with start_bridge(max_connections=1) as bridge:
        async with connect(bridge.url):
            assert await refused(bridge) == 503
            assert bridge.parts.refusals.handshakes[Refusal.FULL] == 1
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(bridge.parts.sockets):  # noqa: ASYNC110  # the server ends it in its own time
                await asyncio.sleep(0.01)
        async with connect(bridge.url) as socket:
            await socket.send(envelope())
            assert (await answer(socket))["type"] == "pong"


async def test_a_user_who_opens_too_many_loses_the_oldest(start_bridge: StartBridge) -> None:
    """4500: it is not to come back by itself; sockets that authenticate again are no new ones."""
    async with (
        start_bridge(max_connections_per_user=2) as bridge,
        connect(bridge.url) as first,
        connect(bridge.url) as second,
        connect(bridge.url) as third,
        connect(bridge.url) as carols,
    ):
        await sign_in(carols, bridge, "carol")
        for socket in (first, second, second):
            await sign_in(socket, bridge, "bob")
        await sign_in(third, bridge, "bob")
        assert await close_code(first) == 4500
        for socket in (second, third, carols):
            await socket.send(envelope())
            assert (await answer(socket))["type"] == "pong"
        assert bridge.parts.refusals.closings == {CloseCode.REPLACED: 1}


async def test_a_connection_that_sends_too_fast_is_closed(start_bridge: StartBridge) -> None:
    """4028, for pings and rubbish as for anything else; what was sent before is answered."""
    async with start_bridge(frames_burst=3, frames_per_second=0.001) as bridge, connect(bridge.url) as socket:
        for frame in (envelope(request_id="a"), "rubbish", envelope(request_id="c"), envelope(request_id="d")):
            await socket.send(frame)
        assert [(await answer(socket))["type"] for _ in range(3)] == ["pong", "error", "pong"]
        assert await close_code(socket) == 4028


async def test_a_user_sends_no_more_by_more_connections(start_bridge: StartBridge) -> None:
    """The connection that sends the one too many is closed; other users are not concerned."""
    async with (
        start_bridge(user_frames_burst=3, user_frames_per_second=0.001) as bridge,
        connect(bridge.url) as first,
        connect(bridge.url) as second,
        connect(bridge.url) as carols,
    ):
        for socket, name in ((first, "bob"), (second, "bob"), (carols, "carol")):
            await sign_in(socket, bridge, name)
        for socket in (first, second, first):
            await socket.send(envelope())
            assert (await answer(socket))["type"] == "pong"
        await second.send(envelope())
        assert await close_code(second) == 4028
        await carols.send(envelope())
        assert (await answer(carols))["type"] == "pong"


async def test_compression_is_offered_and_not_taken(bridge: RunningBridge) -> None:
    """A small frame that unpacks to a large one is no frame here (runtime.md 2.4)."""
    async with connect(bridge.url, compression="deflate") as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers

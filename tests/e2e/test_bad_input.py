"""Frames no client should send, on a real socket: the contract's error, and a connection that stays usable."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.sockets import connect
from tests.specified import check_from_bridge

ANSWER_SECONDS = 20.0
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ENDLESS_TEXT = b"\x81\xff" + (2**40).to_bytes(8) + bytes(4)
"""The head of a text frame of a terabyte, with a mask that changes nothing (RFC 6455, section 5.2)."""
INVALID = ("INVALID_MESSAGE", "Invalid message format")


def envelope(kind: object = "ping", payload: object = None, request_id: object = "r1", **fields: object) -> str:
    """Return a frame; whatever is given replaces what would be right."""
    return json.dumps(
        {
            "type": kind,
            "payload": {} if payload is None else payload,
            "requestId": request_id,
            "timestamp": "2026-01-01T00:00:00.000Z",
            **fields,
        }
    )


BROKEN: Mapping[str, tuple[str | bytes, str | None]] = {
    "empty text": ("", None),
    "empty binary": (b"", None),
    "binary": (b"\x00\x01", None),
    "JSON in a binary frame": (envelope().encode(), None),
    "not JSON": ("hello", None),
    "half JSON": ('{"type":"ping","payload":{', None),
    "a list": ("[1,2]", None),
    "a text": ('"ping"', None),
    "null": ("null", None),
    "deep nesting": ("[" * 50_000, None),
    "no type": (json.dumps({"payload": {}, "requestId": "r1", "timestamp": "t"}), "r1"),
    "no payload": (json.dumps({"type": "ping", "requestId": "r1", "timestamp": "t"}), "r1"),
    "no requestId": (json.dumps({"type": "ping", "payload": {}, "timestamp": "t"}), None),
    "no timestamp": (json.dumps({"type": "ping", "payload": {}, "requestId": "r1"}), "r1"),
    "type is a number": (envelope(7), "r1"),
    "payload is null": (json.dumps({"type": "ping", "payload": None, "requestId": "r1", "timestamp": "t"}), "r1"),
    "payload is a text": (envelope(payload="x"), "r1"),
    "requestId is a number": (envelope(request_id=7), None),
    "timestamp is a number": (envelope(timestamp=7), "r1"),
    "timestamp is empty": (envelope(timestamp=""), "r1"),
    "type is not listed": (envelope("drop_table"), "r1"),
    "half an emoji": ('{"type":"send_message","payload":{"content":"\\ud83d"},"requestId":"r1","timestamp":"t"}', "r1"),
}


@pytest.fixture
async def socket(bridge: RunningBridge) -> AsyncIterator[ClientConnection]:
    """Open a bare socket."""
    async with connect(bridge.url) as opened:
        yield opened


async def answer(socket: ClientConnection) -> dict[str, Any]:
    """Return the next frame that is no message: a young bridge delivers also what other tests wrote just before."""
    async with asyncio.timeout(ANSWER_SECONDS):
        while (frame := decoded(await socket.recv()))["type"] == "message_received":
            pass
    return frame


def decoded(text: str | bytes) -> dict[str, Any]:
    """Return what a frame says; it is one that the specification describes."""
    check_from_bridge(text)
    frame: dict[str, Any] = json.loads(text)
    assert isinstance(frame["requestId"], str)
    assert frame["requestId"]
    assert frame["timestamp"]
    return frame


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_frame_gets_the_error_and_the_connection_goes_on(socket: ClientConnection, name: str) -> None:
    """INVALID_MESSAGE with the frame's request id where one can be read, else a fresh uuid (contract F23)."""
    frame, request_id = BROKEN[name]
    await socket.send(frame)
    told = await answer(socket)
    assert told["type"] == "error"
    assert (told["payload"]["code"], told["payload"]["error"]) == INVALID
    assert told["payload"]["requestId"] == request_id
    if request_id is None:
        uuid.UUID(told["requestId"])
    else:
        assert told["requestId"] == request_id
    await socket.send(envelope(request_id="after"))
    assert (await answer(socket))["requestId"] == "after"


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("load_conversations", "AUTH_REQUIRED"),
        ("join_conversation", "AUTH_REQUIRED"),
        ("leave_conversation", "AUTH_REQUIRED"),
        ("create_conversation", "AUTH_REQUIRED"),
        ("create_group", "AUTH_REQUIRED"),
        ("join_group", "AUTH_REQUIRED"),
        ("load_groups", "AUTH_REQUIRED"),
        ("send_message", "UNAUTHORIZED"),
        ("load_messages", "UNAUTHORIZED"),
        ("load_more_messages", "UNAUTHORIZED"),
    ],
)
async def test_an_action_before_auth_is_refused_with_its_own_code(
    socket: ClientConnection, action: str, code: str
) -> None:
    """Two codes for the same thing, kept (contract F19)."""
    await socket.send(envelope(action))
    told = await answer(socket)
    assert (told["payload"]["code"], told["payload"]["error"]) == (code, "Authentication required")
    assert told["requestId"] == "r1"


async def test_ping_works_before_auth_and_with_a_null_request_id(socket: ClientConnection) -> None:
    """pong with the request's id, or a uuid where it was null."""
    await socket.send(envelope())
    assert (await answer(socket))["type"] == "pong"
    await socket.send(envelope(request_id=None))
    uuid.UUID((await answer(socket))["requestId"])


@pytest.mark.parametrize(
    ("payload", "code"),
    [({}, "MISSING_TOKEN"), ({"token": ""}, "MISSING_TOKEN"), ({"token": 7}, "MISSING_TOKEN"),
     ({"token": "nonsense"}, "INVALID_TOKEN"), ({"token": "x" * 20_000}, "INVALID_TOKEN")],
)  # fmt: skip
async def test_a_bad_auth_is_answered_and_may_be_repeated(
    bridge: RunningBridge, socket: ClientConnection, payload: object, code: str
) -> None:
    """The connection stays open; a good token then works."""
    await socket.send(envelope("auth", payload))
    assert (await answer(socket))["payload"]["code"] == code
    await socket.send(envelope("auth", {"token": bridge.sandbox.people["bob"].token}, "r2"))
    told = await answer(socket)
    assert (told["type"], told["requestId"]) == ("auth_success", "r2")


async def test_a_frame_that_is_too_large_closes_the_connection(start_bridge: StartBridge) -> None:
    """1009: the rest of such a frame is never read (runtime.md section 1)."""
    async with start_bridge(max_frame_characters=1000) as bridge, connect(bridge.url) as socket:
        await socket.send(envelope(payload={"x": "y" * 2000}))
        with pytest.raises(ConnectionClosed) as closed:
            await answer(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_frame_far_too_large_closes_the_connection_at_once(bridge: RunningBridge) -> None:
    """Also if the client's close comes with the frame's end, and nothing ever comes after it."""
    async with connect(bridge.url, ping_interval=None) as socket, asyncio.timeout(ANSWER_SECONDS):
        await socket.send("x" * 400_000)
        await socket.wait_closed()
    assert socket.close_code == 1009


async def go_on(writer: asyncio.StreamWriter) -> None:
    """Write, whatever is answered."""
    while True:
        writer.write(b"x" * 10_000)
        await writer.drain()


async def test_who_goes_on_with_a_frame_that_is_refused_is_cut_off(start_bridge: StartBridge) -> None:
    """Nothing of it is kept, and a client that never hears of it does not send for ever."""
    async with start_bridge(max_frame_characters=1000) as bridge, asyncio.timeout(ANSWER_SECONDS):
        address = urlsplit(bridge.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ENDLESS_TEXT)
        with pytest.raises(ConnectionError):
            await go_on(writer)
        writer.close()


async def test_a_page_of_another_origin_is_refused_before_the_handshake(start_bridge: StartBridge) -> None:
    """Browsers send cookies with handshakes of any page; programs send no Origin (supabase.md 1.4)."""
    async with start_bridge(allowed_origins="https://chat.example") as bridge:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(bridge.url, origin="https://evil.example"):  # type: ignore[arg-type]  # a NewType
                pass
        assert refused.value.response.status_code == 403
        assert "Retry-After" not in refused.value.response.headers  # it would be refused again
        async with connect(bridge.url, origin="https://chat.example") as socket:  # type: ignore[arg-type]  # a NewType
            await socket.send(envelope())
            assert (await answer(socket))["type"] == "pong"


@pytest.mark.parametrize(
    "path", ["/", "/ws?token=nonsense", "/some/where", "/protocol", "/asyncapi.json", "/healthz", "//ws"]
)
async def test_any_path_and_query_is_the_socket(bridge: RunningBridge, path: str) -> None:
    """W1 asks none, W3 asks /ws; a token in the query means nothing (contract ws-protocol section 11, F6)."""
    async with connect(bridge.url.removesuffix("/ws") + path) as socket:
        await socket.send(envelope("load_messages", {"conversationId": str(uuid.uuid4())}))
        assert (await answer(socket))["payload"]["code"] == "UNAUTHORIZED"


async def test_a_client_that_never_authenticates_is_closed(start_bridge: StartBridge) -> None:
    """4003, in the range that means: come back after a pause."""
    async with start_bridge(auth_deadline_seconds=0.05) as bridge, connect(bridge.url) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await answer(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4003


async def test_a_burst_of_commands_that_cost_nothing_is_no_flood(socket: ClientConnection) -> None:
    """A thousand are answered, though they come in one piece."""
    for number in range(1000):
        await socket.send(envelope("load_conversations", request_id=f"r{number}"))
    for number in range(1000):
        assert (await answer(socket))["requestId"] == f"r{number}"


async def flood(socket: ClientConnection) -> None:
    """Send more commands than anybody may."""
    for _ in range(100_000):
        await socket.send(envelope("load_conversations"))


async def test_a_client_that_floods_is_closed_and_gone(start_bridge: StartBridge) -> None:
    """4029; and though it goes on sending, nothing of the connection stays behind."""
    async with start_bridge(max_waiting_commands=5) as bridge, connect(bridge.url) as socket:
        await socket.send(envelope("auth", {"token": bridge.sandbox.people["bob"].token}))
        await answer(socket)
        with pytest.raises(ConnectionClosed) as closed:
            await flood(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4029
        await socket.wait_closed()
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(bridge.parts.sockets):  # noqa: ASYNC110  # the server ends it in its own time
                await asyncio.sleep(0.01)

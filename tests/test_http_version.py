"""One protocol on a connection: HTTP/1.1, and the WebSocket that begins with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypercorn.asyncio import serve
from quart import Quart

from bridge import hypercorn_socket
from bridge.refusals import Refusals
from bridge.serving import _config, _listening_sockets
from bridge.settings import load_settings

UPGRADE_TO_HTTP2 = (
    b"GET /asked HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
)
"""What a client sends that wants to go on in HTTP/2 (RFC 7540 section 3.2)."""
PRIOR_KNOWLEDGE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""What one sends that knows that the server speaks it (RFC 9113 section 3.3): the preface, and empty settings."""
HTTP2_SETTINGS = b"\x04\x00\x00\x00\x00\x00"
"""Type, flags and stream of the frame with which a server of HTTP/2 begins."""


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to Hypercorn as a bridge runs it, around an application that answers one request."""
    app = Quart(__name__)
    app.add_url_rule("/asked", view_func=_asked)
    hypercorn_socket.install()
    settings = load_settings(supabase_url="https://x.example", supabase_secret_key="secret", port=0)
    config = _config(settings, Refusals())
    (listening,) = _listening_sockets(config).insecure_sockets
    over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(app, config, shutdown_trigger=over.wait))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            over.set()


async def _asked() -> str:
    return "asked"


async def test_an_upgrade_to_http2_is_answered_as_if_nobody_had_asked_for_it() -> None:
    """Or a proxy that passes upgrades on for the socket would pass on unseen whatever is sent after this one."""
    async with connected() as (reader, writer):
        for _ in range(2):  # the connection goes on
            writer.write(UPGRADE_TO_HTTP2)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(len("asked")) == b"asked"


async def test_nobody_begins_in_http2() -> None:
    """The preface is a request that leads nowhere, and the connection is at its end."""
    async with connected() as (reader, writer):
        writer.write(PRIOR_KNOWLEDGE)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 4")
        assert HTTP2_SETTINGS not in answer


@pytest.mark.parametrize("wanted", [b"websocket, h2c", b"TLS/1.0"])
async def test_other_protocols_are_not_taken_either(wanted: bytes) -> None:
    """The request is answered."""
    async with connected() as (reader, writer):
        writer.write(UPGRADE_TO_HTTP2.replace(b"h2c", wanted))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

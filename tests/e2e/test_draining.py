"""The end of the program: SIGTERM, what is under way is finished, clients are told when to come back, exit status 0.

Also run with the other Pythons by `scripts/pythons`: from 3.12 on, servers of asyncio end differently (runtime.md 3).
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from bridge.errors import come_back_in
from scripts.sandbox.address import SandboxAddress
from scripts.stack import ROOT, running_bridge
from tests.e2e.database import Database
from tests.e2e.sockets import connect
from tests.e2e.test_bad_input import answer, envelope

SENDS = 5
SOCKETS = 50
SLOW_MILLISECONDS = 300
PATIENCE_SECONDS = 60.0


async def ended(process: Process) -> int:
    """Wait for the end of the program."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await process.wait()


async def signed_in(clients: AsyncExitStack, url: str, sandbox: SandboxAddress, name: str) -> ClientConnection:
    """Open a socket of a sample person."""
    socket = await clients.enter_async_context(connect(url))
    await socket.send(envelope("auth", {"token": sandbox.people[name].token}))
    assert (await answer(socket))["type"] == "auth_success"
    return socket


async def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next frame of a type; others may come between, such as what a young bridge tells again."""
    while (frame := await answer(socket))["type"] != kind:
        pass
    return frame


async def until_red(url: str) -> None:
    """Wait until clients should not be sent here any more."""
    async with httpx.AsyncClient() as http:
        while (await http.get(url.replace("ws:", "http:").replace("/ws", "/readyz"))).is_success:
            pass


async def test_sends_under_way_are_finished_while_nobody_is_let_in(sandbox: SandboxAddress, database: Database) -> None:
    """Every send that was taken is acknowledged and stored once, though the tables are slow and the end has begun.

    Meanwhile /readyz is red and handshakes are answered with 503.
    """
    conversation_id = await database.conversation("bob", "carol")
    texts = {f"r{number}": f"the last words {number}" for number in range(SENDS)}
    async with AsyncExitStack() as clients:
        url, process = await clients.enter_async_context(running_bridge(sandbox, quiet=True))
        bob = await signed_in(clients, url, sandbox, "bob")
        await clients.enter_async_context(database.faults(data_api={"delay_ms": SLOW_MILLISECONDS}))
        for request_id, text in texts.items():
            send = {"conversationId": conversation_id, "content": text}
            await bob.send(envelope("send_message", send, request_id))
        await bob.send(envelope())
        await told(bob, "pong")  # all of them have been taken
        process.send_signal(signal.SIGTERM)
        await until_red(url)
        with pytest.raises(InvalidStatus) as refused:
            await clients.enter_async_context(connect(url))
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "10"
        assert [(await told(bob, "message_sent"))["requestId"] for _ in range(SENDS)] == list(texts)
        await bob.wait_closed()
        assert await ended(process) == 0
    assert await database.texts(conversation_id) == list(texts.values())
    assert bob.close_code == 1012


async def test_clients_are_told_different_moments_and_new_ones_are_not_let_in(sandbox: SandboxAddress) -> None:
    """The reason of 1012 says when; the ends and the returns are spread."""
    async with AsyncExitStack() as clients:
        url, process = await clients.enter_async_context(running_bridge(sandbox, quiet=True))
        sockets = [await clients.enter_async_context(connect(url)) for _ in range(SOCKETS)]
        process.send_signal(signal.SIGTERM)
        for socket in sockets:
            await socket.wait_closed()
        assert await ended(process) == 0
    assert {socket.close_code for socket in sockets} == {1012}
    assert {come_back_in(socket.close_reason or "") for socket in sockets} == set(range(1, 11))


async def test_a_peer_that_has_vanished_does_not_keep_the_program_alive(sandbox: SandboxAddress) -> None:
    """It reads nothing and answers nothing; from Python 3.12 on the server would wait for it (hypercorn#308)."""
    async with AsyncExitStack() as clients:
        environment = {"BRIDGE_DRAIN_SECONDS": "1"}
        url, process = await clients.enter_async_context(running_bridge(sandbox, environment=environment, quiet=True))
        vanished = await clients.enter_async_context(connect(url, close_timeout=0.1))
        vanished.transport.pause_reading()
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0
        vanished.transport.abort()


async def test_an_end_that_hangs_is_forced() -> None:
    """Exit status 1, and standard error says where it hung; no task, no signal can prevent it."""
    program = (
        "import asyncio, time; from bridge.__main__ import _stop; stop = asyncio.Event();"
        "_stop(stop, 0.2); _stop(stop, 600); time.sleep(600)"  # asked twice, it does not take longer
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT, stderr=PIPE)
    async with asyncio.timeout(PATIENCE_SECONDS):
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"Timeout" in said

"""From a send or a legacy insert to a socket, and what the bridge needs of memory for it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Coroutine
from contextlib import AsyncExitStack

import httpx
import psycopg

from bridge.client import MessageReceived, WireClient
from scripts.benchmarks.tables import LATENCY_HEADINGS, Row, latency_row, print_table
from scripts.processes import resident_mb
from scripts.stack import Stack

SENDS = 500
INSERTS = 1_000
INSERTS_PER_SECOND = 100
IDLE_SOCKETS = 500
LAST_ONE_SECONDS = 30.0


async def measure(stack: Stack, scale: float) -> None:
    """Run all measurements on one stack and print their tables."""
    memory = [Row("after start", [_resident(stack.bridge_pid)])]
    await _sends(stack, int(SENDS * scale))
    await _legacy_inserts(stack, int(INSERTS * scale))
    memory.append(Row("after the sends and inserts above", [_resident(stack.bridge_pid)]))
    memory.append(await _idle_sockets(stack, int(IDLE_SOCKETS * scale)))
    print_table("Memory of the bridge", ("", "resident"), memory)


async def _sends(stack: Stack, count: int) -> None:
    conversation_id = str(stack.sandbox.conversations["bob-carol"])
    answered: list[float] = []
    delivered: list[float] = []
    async with AsyncExitStack() as clients:
        bob = await _client(stack, clients, "bob")
        carol = await _client(stack, clients, "carol")
        await bob.send_message(conversation_id, "the membership is known from here on")
        await _next_message(carol)
        for number in range(count):
            began_at = time.perf_counter()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_timed(bob.send_message(conversation_id, f"message {number}"), began_at, answered))
                tasks.create_task(_timed(_next_message(carol), began_at, delivered))
    rows = [latency_row("send → message_sent", answered), latency_row("send → another member's socket", delivered)]
    print_table(f"Sending, one after the other ({count})", LATENCY_HEADINGS, rows)


async def _timed(happening: Coroutine[object, object, object], began_at: float, sample: list[float]) -> None:
    await happening
    sample.append(time.perf_counter() - began_at)


async def _legacy_inserts(stack: Stack, count: int) -> None:
    """Insert by SQL at a fixed rate; the stand-in says when it wrote each change to the bridge's socket."""
    conversation_id = str(stack.sandbox.conversations["bob-carol"])
    inserted: dict[str, float] = {}
    received: dict[str, float] = {}
    async with AsyncExitStack() as clients:
        carol = await _client(stack, clients, "carol")
        faults = await clients.enter_async_context(_operator(stack))
        (await faults.post("/sandbox/faults", json={"trace": True})).raise_for_status()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_insert(stack, conversation_id, count, inserted))
            tasks.create_task(_collect(carol, count, received))
        traces = (await faults.get("/sandbox/metrics")).json()
        (await faults.post("/sandbox/faults", json={"trace": False})).raise_for_status()
    written = {one["key"]["id"]: one["first_written_at"] for one in traces if one["table"] == "messages"}
    known = [one for one in inserted if one in received and written.get(one)]
    rows = [
        latency_row("insert → socket", [received[one] - inserted[one] for one in known]),
        latency_row("of it: the stand-in's part", [written[one] - inserted[one] for one in known]),
        latency_row("of it: the bridge's part", [received[one] - written[one] for one in known], "p99 ≤ 5 ms"),
    ]
    print_table(f"Legacy inserts at {INSERTS_PER_SECOND}/s ({len(known)} of {count})", LATENCY_HEADINGS, rows)


async def _insert(stack: Stack, conversation_id: str, count: int, inserted: dict[str, float]) -> None:
    sender = stack.sandbox.people["bob"].user_id
    statement = "insert into messages (id, conversation_id, sender_id, encrypted_content) values (%s, %s, %s, %s)"
    async with await psycopg.AsyncConnection.connect(stack.sandbox.database_url, autocommit=True) as connection:
        next_at = time.perf_counter()
        for number in range(count):
            message_id = str(uuid.uuid4())
            inserted[message_id] = time.time()
            await connection.execute(statement, (message_id, conversation_id, sender, f"legacy {number}"))
            next_at += 1 / INSERTS_PER_SECOND
            await asyncio.sleep(max(0.0, next_at - time.perf_counter()))


async def _collect(client: WireClient, count: int, received: dict[str, float]) -> None:
    async with asyncio.timeout(count / INSERTS_PER_SECOND + LAST_ONE_SECONDS):
        while len(received) < count:
            message = await _next_message(client)
            received[message.message.id] = time.time()


async def _idle_sockets(stack: Stack, count: int) -> Row:
    async with AsyncExitStack() as clients:
        for _ in range(count):
            await _client(stack, clients, "bob")
        return Row(f"with {count} authenticated sockets", [_resident(stack.bridge_pid)])


async def _client(stack: Stack, clients: AsyncExitStack, name: str) -> WireClient:
    client = await clients.enter_async_context(WireClient.connect(stack.bridge_url))
    await client.authenticate(str(stack.sandbox.people[name].token))
    return client


async def _next_message(client: WireClient) -> MessageReceived:
    async for push in client.pushes():
        if isinstance(push, MessageReceived):
            return push
    raise AssertionError("pushes ended")


def _operator(stack: Stack) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=stack.sandbox.url, headers={"apikey": stack.sandbox.secret_key})


def _resident(pid: int) -> str:
    return f"{resident_mb(pid):.0f} MB"

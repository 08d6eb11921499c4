"""What a bridge says of itself: to clients that ask for it, and to /readyz."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest
from msgspec import json

from bridge.client import ConnectionLost, OtherPush, WireClient
from scripts.sandbox.address import SandboxAddress
from scripts.stack import running_bridge, running_sandbox
from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import RunningBridge, eventually, serving
from tests.e2e.database import Database

ANSWER_SECONDS = 60.0
OPERATOR_TOKEN = "a-token-of-operators"
BACK_OFF_SECONDS = 90.0
"""Two of the feed's longest pauses between attempts, and some."""


async def statuses(client: WireClient) -> AsyncIterator[tuple[str, str | None]]:
    """Yield status and reason of each connection_status."""
    async for push in client.pushes():
        if isinstance(push, OtherPush) and push.type == "connection_status":
            payload = json.decode(push.payload)
            yield payload["status"], payload["reason"]


@asynccontextmanager
async def newcomer(
    url: str, sandbox: SandboxAddress, *capabilities: str, name: str = "bob"
) -> AsyncIterator[WireClient]:
    """Connect and authenticate with capabilities."""
    async with CheckedClient.connect(url) as client:
        await client.request("auth", {"token": str(sandbox.people[name].token), "capabilities": [*capabilities]})
        yield client


async def readiness(url: str) -> tuple[int, dict[str, Any]]:
    """Ask /readyz."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(url.replace("ws://", "http://").removesuffix("/ws") + "/readyz")
    assert ("Retry-After" in answer.headers) is (answer.status_code == 503)
    return answer.status_code, answer.json()


async def test_an_outage_of_realtime_is_told_from_its_beginning_to_its_end(
    bridge: RunningBridge, database: Database
) -> None:
    """Live, lost, catching up, live."""
    async with newcomer(bridge.url, bridge.sandbox, "connection_status") as bob, asyncio.timeout(ANSWER_SECONDS):
        told = statuses(bob)
        assert await anext(told) == ("live", None)
        async with database.faults(refuse_connect=503):
            await database.drop_realtime()
            assert await anext(told) == ("degraded", "realtime_lost")
            status, body = await readiness(bridge.url)
            assert (status, body["feed"], body["reasons"][0]) == (503, False, "realtime_lost")
        seen = await anext(told)
        while seen != ("live", None):
            assert seen[0] == "degraded"
            seen = await anext(told)
        assert await readiness(bridge.url) == (200, {"status": "ready", "feed": True})


async def test_tables_that_do_not_answer_are_told(bridge: RunningBridge, database: Database) -> None:
    """As soon as the relay asks them in vain."""
    async with newcomer(bridge.url, bridge.sandbox, "connection_status") as bob, asyncio.timeout(ANSWER_SECONDS):
        told = statuses(bob)
        assert await anext(told) == ("live", None)
        async with database.faults(data_api={"down": True, "path": "/rest/"}):
            await database.resubscribe_realtime()
            assert await anext(told) == ("degraded", "tables_unreachable")
        seen = await anext(told)
        while seen != ("live", None):
            seen = await anext(told)


async def test_tables_that_never_answer_are_told(bridge: RunningBridge, database: Database) -> None:
    """Though nobody asks them: they take a question and say nothing. /readyz goes by it."""
    async with newcomer(bridge.url, bridge.sandbox, "connection_status") as bob, asyncio.timeout(ANSWER_SECONDS):
        told = statuses(bob)
        assert await anext(told) == ("live", None)
        async with database.faults(data_api={"delay_ms": 600_000, "path": "/rest/"}):
            assert await anext(told) == ("degraded", "tables_unreachable")
            assert bridge.parts.context.health.tables_silent
            status, body = await readiness(bridge.url)
            assert (status, body["reasons"][0]) == (503, "tables_unreachable")
        seen = await anext(told)
        while seen != ("live", None):
            seen = await anext(told)


async def test_a_restart_is_told_before_the_socket_closes(sandbox: SandboxAddress) -> None:
    """Draining, then 1012."""
    async with (
        running_bridge(sandbox, quiet=True) as (url, process),
        newcomer(url, sandbox, "connection_status") as bob,
        asyncio.timeout(ANSWER_SECONDS),
    ):
        told = statuses(bob)
        assert await anext(told) == ("live", None)
        process.terminate()
        assert await anext(told) == ("draining", None)
        with pytest.raises(ConnectionLost) as lost:
            await anext(told)
    assert lost.value.close_code == 1012


async def test_with_the_anon_key_health_turns_red_by_name(sandbox: SandboxAddress) -> None:
    """Receipts, typing and presence are refused (contract F43); messages are served all the same."""
    environment = {"SUPABASE_SECRET_KEY": sandbox.anon_key}
    async with (
        running_bridge(sandbox, environment=environment, quiet=True) as (url, _),
        newcomer(url, sandbox) as bob,
    ):
        conversation_id = str(sandbox.conversations["bob-carol"])
        await bob.join_conversation(conversation_id)
        assert (await bob.load_messages(conversation_id)).messages
        await bob.request("typing_start", {"conversationId": conversation_id})
        red = {
            "message_status cannot be written",
            "typing_indicators cannot be written",
            "user_presence cannot be written",
        }

        async def is_red() -> bool:
            status, body = await readiness(url)
            return status == 503 and red <= set(body["reasons"])

        await eventually(is_red)
        assert (await bob.load_messages(conversation_id)).messages


async def test_with_an_empty_publication_a_bridge_serves_and_says_what_to_run() -> None:
    """Nothing breaks (contract F33); when the statements that it shows have been run, all is well (contract F44)."""
    async with (
        running_sandbox(["--publication", "empty"], quiet=True) as (sandbox, _),
        serving(sandbox, operator_token=OPERATOR_TOKEN) as bridge,
        newcomer(bridge.url, sandbox, "connection_status", "presence") as bob,
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection,
        asyncio.timeout(BACK_OFF_SECONDS),
    ):
        told = statuses(bob)
        assert await anext(told) == ("degraded", "realtime_lost")
        await names_an_unpublished_table(bridge)
        status, body = await readiness(bridge.url)
        assert (status, body["reasons"][0]) == (503, "realtime_lost")  # in doubt or not: the tables are looked at
        await bob.send_message(str(sandbox.conversations["bob-carol"]), "all the same")
        await is_online(connection, str(sandbox.people["bob"].user_id))
        while await readiness(bridge.url) != (200, {"status": "ready", "feed": True}):
            await run_what_it_says(bridge, connection)
        while await anext(told) != ("live", None):
            pass
        await hears_presence(bridge, connection)


async def names_an_unpublished_table(bridge: RunningBridge) -> None:
    """Wait until the reasons say which table Realtime does not know."""

    async def does() -> bool:
        _, body = await readiness(bridge.url)
        return "messages is not in the publication supabase_realtime" in body["reasons"]

    await eventually(does)


async def run_what_it_says(bridge: RunningBridge, connection: psycopg.AsyncConnection) -> None:
    """Run the statements that /status shows and that have not been run."""
    for lack in (await state(bridge))["feed"]["not_published"]:
        cursor = await connection.execute("select from pg_publication_tables where tablename = %s", (lack["table"],))
        if await cursor.fetchone() is None:
            await connection.execute(lack["sql"])


async def state(bridge: RunningBridge) -> dict[str, Any]:
    """Ask /status as an operator."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{bridge.http_url}/status", headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"})
    document: dict[str, Any] = answer.json()
    return document


async def is_online(connection: psycopg.AsyncConnection, user_id: str) -> None:
    """Wait until the table says so."""

    async def says_so() -> bool:
        cursor = await connection.execute(
            "select 1 from user_presence where user_id = %s and status = 'online'", (user_id,)
        )
        return await cursor.fetchone() is not None

    await eventually(says_so)


async def hears_presence(bridge: RunningBridge, connection: psycopg.AsyncConnection) -> None:
    """Run what is said until changes of presence arrive, and nothing is said any more."""

    async def does() -> bool:
        await run_what_it_says(bridge, connection)
        return bridge.parts.context.presence._hearing and not (await state(bridge))["feed"]["not_published"]

    await eventually(does)

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


async def test_with_an_empty_publication_a_bridge_serves_and_says_what_is_wrong() -> None:
    """Nothing breaks (contract F33); when the tables are published it is well, those that are optional one by one."""
    async with (
        running_sandbox(["--publication", "empty"], quiet=True) as (sandbox, _),
        serving(sandbox) as bridge,
        newcomer(bridge.url, sandbox, "connection_status", "presence") as bob,
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection,
        asyncio.timeout(BACK_OFF_SECONDS),
    ):
        told = statuses(bob)
        assert await anext(told) == ("degraded", "realtime_lost")
        status, body = await readiness(bridge.url)
        assert (status, body["reasons"][0]) == (503, "realtime_lost")  # in doubt or not: the tables are looked at
        await bob.send_message(str(sandbox.conversations["bob-carol"]), "all the same")
        await is_online(connection, str(sandbox.people["bob"].user_id))
        await connection.execute(
            "alter publication supabase_realtime add table messages, conversation_participants, user_presence"
        )
        while await anext(told) != ("live", None):
            pass
        await hears_presence(bridge)
        assert await readiness(bridge.url) == (200, {"status": "ready", "feed": True})


async def is_online(connection: psycopg.AsyncConnection, user_id: str) -> None:
    """Wait until the table says so."""

    async def says_so() -> bool:
        cursor = await connection.execute(
            "select 1 from user_presence where user_id = %s and status = 'online'", (user_id,)
        )
        return await cursor.fetchone() is not None

    await eventually(says_so)


async def hears_presence(bridge: RunningBridge) -> None:
    """Wait until changes of presence arrive, although other optional tables are not published."""

    async def does() -> bool:
        return bridge.parts.context.presence._hearing

    await eventually(does)

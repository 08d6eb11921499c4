"""With the change log in a real database nothing is lost that happens while Realtime is gone or says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

from scripts.sandbox.address import SandboxAddress
from tests.e2e.conftest import PATIENCE_SECONDS, RunningBridge, eventually, running
from tests.e2e.database import Database
from tests.e2e.listening import ids_in, newcomer, next_push, read
from tests.e2e.test_delivery import bridge_is_deaf
from tests.logged import with_log

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
EDIT = "update messages set encrypted_content = %s where id = %s"
DELETE = "delete from messages where id = %s"


@pytest.fixture
async def bridge(sandbox: SandboxAddress) -> AsyncIterator[RunningBridge]:
    """Run a bridge on a database with the log, which it has begun to read."""
    with with_log(sandbox.database_url):
        async with running(sandbox) as started:

            async def has_begun() -> bool:
                store = started.parts.context.store
                if not store.change_log.available:  # the Data API did not know the functions yet
                    await store.check()
                await started.parts.relay.catch_up()
                return store.change_log.available

            await eventually(has_begun)
            yield started


@pytest.fixture
async def conversation(database: Database) -> str:
    """Return a new conversation of bob and carol."""
    return await database.conversation("bob", "carol")


async def test_everything_that_happens_while_realtime_is_gone_is_told(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """Rows that are deleted for good, edits without a time, writers whose clock is years slow, members who go."""
    deleted = await database.message(conversation, "carol", "regretted", created_at=LONG_AGO)
    edited = await database.message(conversation, "carol", "first", created_at=LONG_AGO)
    other = await database.conversation("bob", "carol")
    await bridge.parts.relay.catch_up()
    async with newcomer(bridge, "bob") as bob:
        async with database.faults(refuse_connect=503):
            await database.drop_realtime()
            await bridge_is_deaf(bridge)
            await database.run(DELETE, deleted)
            await database.run(EDIT, "second", edited)
            late = await database.message(conversation, "carol", "from another year", created_at=LONG_AGO)
            await database.remove(other, "bob", deleted=True)
            new = await database.conversation("bob", "carol")
        expected = {
            ("message_deleted", deleted),
            ("message_updated", edited),
            ("message_received", late),
            ("conversation_removed", other),
            ("conversation_added", new),
        }
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for push in bob.pushes():
                name, payload = read(push)
                expected -= {(name, one) for one in ids_in(payload)}
                if not expected:
                    return


async def test_a_transaction_that_commits_late_is_not_forgotten(
    bridge: RunningBridge, conversation: str, database: Database, sandbox: SandboxAddress
) -> None:
    """Realtime says nothing of it, and its rows are dated long before what was read meanwhile."""
    row = "insert into messages (conversation_id, sender_id, encrypted_content, created_at) values (%s, %s, %s, %s)"
    async with (
        newcomer(bridge, "bob") as bob,
        database.faults(withhold=["messages"]),
        await psycopg.AsyncConnection.connect(sandbox.database_url) as slow,
    ):
        await slow.execute(row.encode(), (conversation, database.user("carol"), "late", LONG_AGO))
        early = await database.message(conversation, "carol", "early")
        await bridge.parts.relay.catch_up()
        assert (await next_push(bob, of=early))[0] == "message_received"
        await slow.commit()
        await bridge.parts.relay.catch_up()
        _, payload = await next_push(bob, of=conversation)
        assert payload["message"]["encrypted_content"] == "late"


async def test_how_long_the_canary_took_is_at_readyz(bridge: RunningBridge) -> None:
    """Only where it is known."""
    address = bridge.url.replace("ws://", "http://").removesuffix("/ws") + "/readyz"
    async with httpx.AsyncClient() as http:
        bridge.parts.context.health.lag_seconds = None
        assert "lagSeconds" not in (await http.get(address)).json()
        bridge.parts.context.health.lag_seconds = 0.12345
        assert (await http.get(address)).json()["lagSeconds"] == 0.123

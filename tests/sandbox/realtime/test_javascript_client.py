"""The real JavaScript client, supabase-js, against the stand-in, over both protocol versions."""

from __future__ import annotations

import asyncio
import json
import uuid
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import psycopg
import pytest
import pytest_asyncio

from scripts.sandbox.keys import Keys
from scripts.sandbox.npm import NODE_FOLDER, ensure_node_packages
from scripts.sandbox.realtime.faults import Drop, ExpireTokens
from tests.sandbox.realtime.eventually import DEADLINE_SECONDS
from tests.sandbox.realtime.notes import NOTES, fresh_id
from tests.sandbox.realtime.running import StandIn

pytestmark = pytest.mark.sandbox
SCRIPT = Path(__file__).with_name("javascript_client.mjs")
Json = dict[str, object]


class JavaScript:
    """supabase-js in a Node of its own, under remote control."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input, self._output = process.stdin, process.stdout

    def order(self, command: str, **parameters: object) -> None:
        """Send a command."""
        self._input.write(json.dumps({"command": command, **parameters}).encode() + b"\n")

    async def hears(self, what: str) -> Json:
        """Return the next thing it tells of this kind; others are skipped."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for line in self._output:
                told: Json = json.loads(line)
                if told["what"] == what:
                    return told
        raise AssertionError(f"it ended without telling of {what}")

    async def subscribe(self, name: str, **parameters: object) -> None:
        """Subscribe and wait for SUBSCRIBED."""
        self.order("subscribe", name=name, **parameters)
        assert (await self.hears("status"))["status"] == "SUBSCRIBED"

    async def listen(self, name: str, *changes: object) -> None:
        """Subscribe to changes and wait until they flow."""
        await self.subscribe(name, changes=changes)
        await self.flows()

    async def flows(self) -> None:
        """Wait for "Subscribed to PostgreSQL"; the library hands every system message and reply over."""
        while cast("Json", (await self.hears("system"))["payload"]).get("extension") != "postgres_changes":
            pass

    async def changed(self) -> Json:
        """Return the next change."""
        return cast("Json", (await self.hears("change"))["change"])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node() -> str:
    """Return a Node that finds supabase-js."""
    return (await ensure_node_packages(print)).node


@pytest.fixture(params=["1.0.0", "2.0.0"])
def vsn(request: pytest.FixtureRequest) -> str:
    """Return each protocol version."""
    return str(request.param)


@pytest_asyncio.fixture
async def client(stand_in: StandIn, node: str, vsn: str) -> AsyncIterator[JavaScript]:
    """Yield a client with the publishable key; it has to end well."""
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), str(NODE_FOLDER), stand_in.url, stand_in.keys.publishable, vsn, stdin=PIPE, stdout=PIPE
    )
    try:
        yield JavaScript(process)
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_changes(client: JavaScript, database: psycopg.AsyncConnection) -> None:
    """Insert, update and delete, as callbacks get them; a filter decides on the server."""
    number = fresh_id()
    await client.listen("changes", {**NOTES, "filter": f"id=eq.{number}"})
    await database.execute("insert into notes (id, body) values (%s, 'other')", (fresh_id(),))
    await database.execute("insert into notes values (%s, 'mine', 1.5, '2026-11-22 22:25:14+00', '{a}')", (number,))
    await database.execute("update notes set body = 'edited' where id = %s", (number,))
    await database.execute("delete from notes where id = %s", (number,))
    inserted, updated, deleted = [await client.changed() for _ in range(3)]
    row = {"id": number, "body": "mine", "rank": 1.5, "written_at": "2026-11-22T22:25:14+00:00", "tags": ["a"]}
    assert (inserted["eventType"], inserted["new"], inserted["old"]) == ("INSERT", row, {})
    assert (updated["eventType"], updated["old"]) == ("UPDATE", {"id": number})
    assert updated["new"] == {**row, "body": "edited"}
    assert (deleted["eventType"], deleted["new"], deleted["old"]) == ("DELETE", {}, {"id": number})
    assert inserted["errors"] is None


async def test_two_bindings_of_one_channel(client: JavaScript, database: psycopg.AsyncConnection) -> None:
    """Both callbacks are called for a row that fits both."""
    other = {"event": "INSERT", "schema": "public", "table": "notes"}
    await client.listen("changes", NOTES, other)
    await database.execute("insert into notes values (%s)", (fresh_id(),))
    heard = [await client.hears("change"), await client.hears("change")]
    assert [each["filter"] for each in heard] == [NOTES, other]


async def test_row_security_follows_set_auth(client: JavaScript, database: psycopg.AsyncConnection, keys: Keys) -> None:
    """Joined as anon nothing is visible; with a person's token the rows of theirs are."""
    person, conversation = str(uuid.uuid4()), str(uuid.uuid4())
    await database.execute("insert into members values (%s, %s)", (conversation, person))
    await client.listen("room", {**NOTES, "table": "messages"})
    insert = "insert into messages (conversation_id, sender_id, body) values (%s, %s, %s)"
    await database.execute(insert, (conversation, person, "unseen"))
    client.order("authenticate", token=keys.mint(person))
    await client.flows()
    await database.execute(insert, (conversation, person, "seen"))
    assert cast("Json", (await client.changed())["new"])["body"] == "seen"


async def test_broadcasts(client: JavaScript) -> None:
    """With an own copy and an acknowledged send; v2 sends them as binary frames."""
    await client.subscribe("bc", config={"broadcast": {"ack": True, "self": True}})
    client.order("broadcast", name="bc", event="typing", payload={"who": "me"})
    heard = await client.hears("broadcast")
    assert (heard["event"], heard["payload"]) == ("typing", {"who": "me"})
    assert (await client.hears("sent"))["result"] == "ok"


@pytest.mark.parametrize("vsn", ["2.0.0"], indirect=False)
async def test_binary_broadcasts(client: JavaScript) -> None:
    """Only v2 can carry them."""
    await client.subscribe("bc", config={"broadcast": {"ack": True, "self": True}})
    client.order("broadcast", name="bc", event="blob", bytes=[0, 1, 255])
    assert (await client.hears("broadcast"))["payload"] == [0, 1, 255]


async def test_presence(client: JavaScript) -> None:
    """Track and untrack are a join and a leave."""
    await client.subscribe("pres", config={"presence": {"key": "ann", "enabled": True}})
    client.order("track", name="pres", state={"mood": "good"})
    joined = await client.hears("join")
    assert joined["key"] == "ann"
    assert [presence["mood"] for presence in cast("list[Json]", joined["newPresences"])] == ["good"]
    client.order("untrack", name="pres")
    left = await client.hears("leave")
    assert [presence["mood"] for presence in cast("list[Json]", left["leftPresences"])] == ["good"]


async def test_a_leave_is_answered(client: JavaScript, stand_in: StandIn) -> None:
    """And the server forgets the channel."""
    await client.subscribe("gone")
    client.order("leave", name="gone")
    assert (await client.hears("left"))["result"] == "ok"
    assert stand_in.faults.counts.channels == 0


async def test_a_refused_join_is_a_channel_error(client: JavaScript, stand_in: StandIn) -> None:
    """With the server's reason."""
    stand_in.faults.apply({"refuse_join": "Unauthorized: not you"})
    client.order("subscribe", name="room")
    status = await client.hears("status")
    assert status["status"] == "CHANNEL_ERROR"
    assert "Unauthorized: not you" in str(status["error"])


async def test_an_expired_token_closes_the_channel(client: JavaScript, stand_in: StandIn) -> None:
    """The library says CLOSED."""
    await client.subscribe("room")
    stand_in.faults.perform(ExpireTokens())
    assert (await client.hears("status"))["status"] == "CLOSED"


@pytest.mark.parametrize("code", [None, 1012])
async def test_a_dropped_client_comes_back(
    client: JavaScript, stand_in: StandIn, database: psycopg.AsyncConnection, code: int | None
) -> None:
    """It reconnects, rejoins by itself and hears the next row."""
    await client.listen("changes", NOTES)
    stand_in.faults.perform(Drop(code=code))
    assert (await client.hears("status"))["status"] == "CHANNEL_ERROR"
    assert (await client.hears("status"))["status"] == "SUBSCRIBED"
    await client.flows()
    number = fresh_id()
    await database.execute("insert into notes values (%s)", (number,))
    assert cast("Json", (await client.changed())["new"])["id"] == number

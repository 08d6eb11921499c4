"""Who sees which row: policies asked of PostgreSQL as the subscriber (supabase.md 2.4)."""

from __future__ import annotations

import asyncio
import uuid
from typing import cast

import psycopg
import pytest

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime.database import Database
from scripts.sandbox.realtime.visibility import SETUP, Question, Visibility
from tests.sandbox.realtime.conftest import Connect
from tests.sandbox.realtime.notes import fresh_id
from tests.sandbox.realtime.phoenix_client import PhoenixClient

pytestmark = pytest.mark.sandbox


def binding(table: str) -> dict[str, object]:
    """Ask for everything of a table."""
    return {"event": "*", "schema": "public", "table": table}


class Conversation:
    """A conversation in the recorded tables."""

    def __init__(self, database: psycopg.AsyncConnection) -> None:
        self.id = str(uuid.uuid4())
        self._database = database

    async def add(self, user: str) -> None:
        """Make somebody a member."""
        await self._database.execute("insert into members values (%s, %s)", (self.id, user))

    async def say(self, body: str) -> str:
        """Write a message and return its id."""
        message = str(uuid.uuid4())
        await self._database.execute(
            "insert into messages (id, conversation_id, sender_id, body) values (%s, %s, %s, %s)",
            (message, self.id, str(uuid.uuid4()), body),
        )
        return message


async def bodies(client: PhoenixClient, last: str) -> list[object]:
    """Return the bodies a client hears up to the last one."""
    frames = await client.until(lambda found: found.event == "postgres_changes" and found.record["body"] == last)
    return [frame.record["body"] for frame in frames]


async def test_members_see_their_conversations_only(
    connect: Connect, database: psycopg.AsyncConnection, keys: Keys
) -> None:
    """Two people on the same table, each with claims of their own; an outsider and anon see nothing of both."""
    ann, bob, outsider = (str(uuid.uuid4()) for _ in range(3))
    one, two, all_of_them = Conversation(database), Conversation(database), Conversation(database)
    await one.add(ann)
    await two.add(bob)
    for person in (ann, bob, outsider):
        await all_of_them.add(person)
    clients = {person: await connect() for person in (ann, bob, outsider)}
    for person, client in clients.items():
        await client.subscribe("realtime:t", binding("messages"), token=keys.mint(person))
    server, anonymous = await connect(keys.secret), await connect()
    for client in (server, anonymous):
        await client.subscribe("realtime:t", binding("messages"))
    await one.say("to ann")
    await two.say("to bob")
    await all_of_them.say("end")
    assert await bodies(clients[ann], "end") == ["to ann", "end"]
    assert await bodies(clients[bob], "end") == ["to bob", "end"]
    assert await bodies(clients[outsider], "end") == ["end"]
    assert await bodies(server, "end") == ["to ann", "to bob", "end"]
    await anonymous.nothing_but_a_heartbeat()


async def test_deletes_reach_everybody_with_the_key_only(
    connect: Connect, database: psycopg.AsyncConnection, keys: Keys
) -> None:
    """Policies cannot be asked about a row that is gone (recorded: an outsider got it, under REPLICA IDENTITY FULL)."""
    conversation, outsider, server = Conversation(database), await connect(), await connect(keys.secret)
    for client in (outsider, server):
        await client.subscribe("realtime:t", binding("messages"))
    message = await conversation.say("secret")
    await server.expect("postgres_changes")
    await database.execute("delete from messages where id = %s", (message,))
    for client in (outsider, server):
        deleted = (await client.expect("postgres_changes")).change
        assert deleted["type"] == "DELETE"
        assert deleted["old_record"] == {"id": message}


async def test_a_new_member_sees_from_then_on(connect: Connect, database: psycopg.AsyncConnection, keys: Keys) -> None:
    """Rights are looked up for each row, not when subscribing."""
    ann, conversation, client = str(uuid.uuid4()), Conversation(database), await connect()
    await client.subscribe("realtime:t", binding("messages"), token=keys.mint(ann))
    server = await connect(keys.secret)
    await server.subscribe("realtime:t", binding("messages"))
    await conversation.say("before")
    await server.expect("postgres_changes")  # it was judged before the membership is written
    await conversation.add(ann)
    await conversation.say("after")
    assert await bodies(client, "after") == ["after"]


async def test_a_fresh_token_changes_who_one_is(
    connect: Connect, database: psycopg.AsyncConnection, keys: Keys
) -> None:
    """After the system message that follows a pushed token the new claims count."""
    ann, conversation, client = str(uuid.uuid4()), Conversation(database), await connect()
    await conversation.add(ann)
    await client.subscribe("realtime:t", binding("messages"))
    await client.send("realtime:t", "access_token", {"access_token": keys.mint(ann)})
    await client.expect("system")
    await conversation.say("hello")
    assert await bodies(client, "hello") == ["hello"]


async def test_without_a_policy_only_the_service_role_sees(
    connect: Connect, database: psycopg.AsyncConnection, keys: Keys
) -> None:
    """As with typing_indicators of the chat: a legacy client that listens gets nothing."""
    person, server, number = await connect(), await connect(keys.service_role), fresh_id()
    await person.subscribe("realtime:t", binding("typing_indicators"), token=keys.mint(str(uuid.uuid4())))
    await server.subscribe("realtime:t", binding("typing_indicators"))
    await database.execute("insert into typing_indicators values (%s, true)", (number,))
    await database.execute("update typing_indicators set is_typing = false where id = %s", (number,))
    assert (await server.next()).record == {"id": number, "is_typing": True}
    assert (await server.next()).record == {"id": number, "is_typing": False}
    await person.nothing_but_a_heartbeat()


async def test_a_policy_that_fails_hides_its_row_only(
    connect: Connect, database: psycopg.AsyncConnection, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is logged; rows of other tables keep coming."""
    client, number = await connect(), fresh_id()
    await client.subscribe("realtime:f", binding("failing"))
    await client.subscribe("realtime:n", binding("notes"))
    await database.execute("insert into failing values (%s)", (number,))
    await database.execute("insert into notes values (%s)", (number,))
    assert (await client.next()).topic == "realtime:n"
    assert "division by zero" in caplog.text


async def test_row_security_can_be_switched_while_listening(
    connect: Connect, database: psycopg.AsyncConnection, keys: Keys
) -> None:
    """The stream announces the table anew, and the stand-in looks again."""
    person, server = await connect(), await connect(keys.secret)
    for client in (person, server):
        await client.subscribe("realtime:t", binding("notes"))
    try:
        await database.execute("alter table notes enable row level security")
        await database.execute("insert into notes values (%s)", (fresh_id(),))
        await server.next()
        await person.nothing_but_a_heartbeat()
    finally:
        await database.execute("alter table notes disable row level security")
    number = fresh_id()
    await database.execute("insert into notes values (%s)", (number,))
    assert (await person.next()).record["id"] == number


async def test_nobody_is_asked_before_the_row_can_be_seen(dsn: str) -> None:
    """The log shows a commit before other sessions see it; the answer waits for them."""
    asking = Database(dsn, name="test", setup=SETUP)
    try:
        async with await psycopg.AsyncConnection.connect(dsn) as writer:
            cursor = await writer.execute("select pg_current_xact_id()::text::bigint & 4294967295")
            [xid] = cast("tuple[int]", await cursor.fetchone())
            await writer.execute("insert into notes values (%s)", (number := fresh_id(),))
            seen = Question(f"select exists (select from notes where id = {number})", "anon", "{}")
            answer = asyncio.create_task(Visibility(asking).answer({xid}, [seen]))
            await asyncio.wait((answer,), timeout=0.05)
            assert not answer.done()
            await writer.commit()
        assert await answer == {seen}
    finally:
        await asking.close()

"""What becomes of every kind of change, read from a real write-ahead log (supabase.md 2.4)."""

from __future__ import annotations

import asyncio
from typing import cast

import psycopg
import pytest

from tests.sandbox.realtime.conftest import Connect
from tests.sandbox.realtime.notes import NOTES, fresh_id, marked
from tests.sandbox.realtime.phoenix_client import Json, PhoenixClient

pytestmark = pytest.mark.sandbox
NOTE_COLUMNS = [
    {"name": "id", "type": "int4"},
    {"name": "body", "type": "text"},
    {"name": "rank", "type": "numeric"},
    {"name": "written_at", "type": "timestamptz"},
    {"name": "tags", "type": "_text"},
]


async def change(client: PhoenixClient) -> Json:
    """Return the next change."""
    return (await client.expect("postgres_changes")).change


async def test_insert_update_delete(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """Under the default replica identity an old row is its primary key."""
    client, number = await connect(), fresh_id()
    await client.subscribe("realtime:t", NOTES)
    await database.execute("insert into notes values (%s, 'a', 1.50, '2026-11-22 22:25:14+00', '{x,NULL}')", (number,))
    inserted = await change(client)
    assert inserted.pop("commit_timestamp")
    record = {"id": number, "body": "a", "rank": 1.5, "written_at": "2026-11-22T22:25:14+00:00", "tags": ["x", None]}
    shape = {"schema": "public", "table": "notes", "columns": NOTE_COLUMNS, "errors": None}
    assert inserted == {**shape, "type": "INSERT", "record": record}

    await database.execute("update notes set body = 'b' where id = %s", (number,))
    updated = await change(client)
    assert updated.pop("commit_timestamp")
    assert updated == {**shape, "type": "UPDATE", "record": {**record, "body": "b"}, "old_record": {"id": number}}

    moved = fresh_id()
    await database.execute("update notes set id = %s where id = %s", (moved, number))
    assert (await change(client))["old_record"] == {"id": number}

    await database.execute("delete from notes where id = %s", (moved,))
    deleted = await change(client)
    assert deleted.pop("commit_timestamp")
    assert deleted == {**shape, "type": "DELETE", "old_record": {"id": moved}}


async def test_changes_come_in_commit_order_and_only_when_committed(
    connect: Connect, dsn: str, database: psycopg.AsyncConnection
) -> None:
    """A rolled-back row never comes; rows of a transaction come together, at its commit."""
    client = await connect()
    await client.subscribe("realtime:t", NOTES)
    numbers = [fresh_id() for _ in range(4)]
    async with await psycopg.AsyncConnection.connect(dsn) as slow:
        await slow.execute("insert into notes values (%s), (%s)", numbers[:2])
        await database.execute("insert into notes values (%s)", (numbers[2],))
        await slow.commit()
        await slow.execute("insert into notes values (%s)", (numbers[3],))
        await slow.rollback()
    frames = await marked(client, database)
    assert [frame.record["id"] for frame in frames] == [numbers[2], numbers[0], numbers[1]]


async def test_many_changes_arrive_completely(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """Batches end nowhere: a transaction of a thousand rows comes whole, in order."""
    client, first = await connect(), fresh_id()
    await client.subscribe("realtime:t", NOTES)
    await database.execute("insert into notes (id) select generate_series(%s::int, %s::int)", (first, first + 999))
    frames = await marked(client, database)
    assert [frame.record["id"] for frame in frames] == list(range(first, first + 1000))


async def test_several_bindings_of_a_channel_share_one_event(
    connect: Connect, database: psycopg.AsyncConnection
) -> None:
    """With the ids of all that match."""
    client = await connect()
    inserts = {**NOTES, "event": "INSERT"}
    high = {**NOTES, "filter": "rank=gt.5"}
    every_id, insert_id, high_id = await client.subscribe("realtime:t", NOTES, inserts, high)
    await database.execute("insert into notes (id, rank) values (%s, 9)", (fresh_id(),))
    await database.execute("insert into notes (id, rank) values (%s, 1)", (fresh_id(),))
    first, second = await client.next(), await client.next()
    assert set(cast("list[int]", first.payload["ids"])) == {every_id, insert_id, high_id}
    assert set(cast("list[int]", second.payload["ids"])) == {every_id, insert_id}


async def test_every_channel_gets_its_own_copy(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """Two channels of a socket and one of another."""
    first, second = await connect(), await connect(vsn="2.0.0")
    await first.subscribe("realtime:a", NOTES)
    await first.subscribe("realtime:b", NOTES)
    await second.subscribe("realtime:a", NOTES)
    await database.execute("insert into notes (id) values (%s)", (fresh_id(),))
    assert {(await first.next()).topic, (await first.next()).topic} == {"realtime:a", "realtime:b"}
    assert (await second.next()).topic == "realtime:a"


async def test_filters_decide(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """On the new row; for a delete on what is known of the old one, which is its key."""
    client, number = await connect(), fresh_id()
    await client.subscribe("realtime:all", NOTES)
    by_key = {**NOTES, "filter": f"id=eq.{number}"}
    by_body = {**NOTES, "filter": "body=eq.wanted"}
    by_time = {**NOTES, "filter": "written_at=gte.2026-01-01T02:00:00+02:00"}
    other = await connect()
    for topic, binding in (("realtime:key", by_key), ("realtime:body", by_body), ("realtime:time", by_time)):
        await other.subscribe(topic, binding)
    await database.execute("insert into notes values (%s, 'wanted', 1, '2026-01-01 00:00:00+00')", (number,))
    assert {(await other.next()).topic for _ in range(3)} == {"realtime:key", "realtime:body", "realtime:time"}
    await database.execute("delete from notes where id = %s", (number,))
    assert (await other.next()).topic == "realtime:key"
    await marked(client, database)
    await other.nothing_but_a_heartbeat()


async def test_other_filters_decide_too(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """Patterns, lists, negation and several conditions, on the wire."""
    client, number = await connect(), fresh_id()
    wanted = f"id=in.({number},{number + 1},{number + 2}),body=like.a%,rank=not.is.null,rank=isdistinct.7.0"
    await client.subscribe("realtime:t", {**NOTES, "filter": wanted})
    rows = [(number, "b", 1), (number + 1, "ab", 7), (number + 3, "ab", 1), (number + 2, "ab", 1)]
    for row in rows:
        await database.execute("insert into notes values (%s, %s, %s)", row)
    assert (await client.next()).record["id"] == number + 2


async def test_select_leaves_columns_out(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """The primary key is always there; an unselected channel on the same socket gets the whole row."""
    client = await connect()
    await client.subscribe("realtime:some", {**NOTES, "select": ["body"]})
    await client.subscribe("realtime:all", NOTES)
    number = fresh_id()
    await database.execute("insert into notes values (%s, 'a', 1)", (number,))
    frames = {frame.topic: frame for frame in (await client.next(), await client.next())}
    assert frames["realtime:some"].record == {"id": number, "body": "a"}
    assert frames["realtime:some"].change["columns"] == NOTE_COLUMNS[:2]
    assert len(frames["realtime:all"].record) == 5


async def test_a_whole_schema_and_a_table_without_schema(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """Without a table every published one counts; without a schema it is public."""
    client, number = await connect(), fresh_id()
    await client.subscribe("realtime:schema", {"event": "INSERT", "schema": "public"})
    await client.subscribe("realtime:table", {"event": "INSERT", "table": "notes"})
    await database.execute("insert into keyless values ('x')")
    assert (await client.next()).change["table"] == "keyless"
    await database.execute("insert into notes values (%s)", (number,))
    assert {(await client.next()).topic, (await client.next()).topic} == {"realtime:schema", "realtime:table"}


async def test_a_new_column_is_seen_at_once(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """A table may change while it is listened to."""
    client, number = await connect(), fresh_id()
    await client.subscribe("realtime:t", {**NOTES, "table": "partly", "event": "INSERT"})
    await database.execute("alter table partly add column later int")
    await database.execute("grant select (later) on partly to anon")
    await database.execute("insert into partly (id, later) values (%s, 7)", (number,))
    assert (await client.next()).record == {"id": number, "shown": None, "later": 7}
    await database.execute("alter table partly drop column later")
    await database.execute("insert into partly (id) values (%s)", (fresh_id(),))
    assert "later" not in (await client.next()).record


async def test_truncate_says_nothing(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """As on the real server."""
    client = await connect()
    await client.subscribe("realtime:t", NOTES)
    await client.subscribe("realtime:k", {**NOTES, "table": "keyless"})
    await database.execute("truncate keyless")
    assert await marked(client, database) == []


async def test_what_is_committed_before_the_system_message_is_missed(
    connect: Connect, database: psycopg.AsyncConnection
) -> None:
    """ok means joined, not receiving; from the system message on nothing is missed."""
    client, watcher = await connect(), await connect()
    await watcher.subscribe("realtime:w", NOTES)
    await database.execute("insert into notes values (%s)", (fresh_id(),))
    await watcher.expect("postgres_changes")
    await client.subscribe("realtime:t", NOTES)
    assert await marked(client, database) == []


async def test_a_left_channel_hears_no_more(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """While another of the same socket does."""
    client = await connect()
    await client.subscribe("realtime:a", NOTES)
    await client.subscribe("realtime:b", NOTES)
    await client.send("realtime:a", "phx_leave", {})
    await client.expect("phx_reply")
    await client.expect("phx_close")
    assert await marked(client, database) == []


async def test_concurrent_writers(connect: Connect, dsn: str, database: psycopg.AsyncConnection) -> None:
    """Rows of ten connections at once arrive once each."""
    client = await connect()
    await client.subscribe("realtime:t", NOTES)
    numbers = [fresh_id() for _ in range(100)]

    async def write(own: list[int]) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            for number in own:
                await connection.execute("insert into notes values (%s)", (number,))

    async with asyncio.TaskGroup() as tasks:
        for start in range(10):
            tasks.create_task(write(numbers[start::10]))
    frames = await marked(client, database)
    assert sorted(cast("int", frame.record["id"]) for frame in frames) == sorted(numbers)

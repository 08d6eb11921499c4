"""What the change log records, and that nobody reads past what is still to be committed; on a real PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.logged import Entry, Reader, Room, Writer, a_room, message_entry

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_transaction_that_stays_open_is_not_skipped(reader: Reader, room: Room, writers: list[Writer]) -> None:
    """What others commit meanwhile waits for it; then everything comes, each once, in the order of transactions."""
    slow, quick, _ = writers
    slow.begin()
    early = quick.message(room)
    quick.commit()
    assert reader.read() == []
    late = slow.message(room)
    assert reader.read() == []
    slow.commit()
    assert reader.read() == [message_entry("INSERT", late, room), message_entry("INSERT", early, room)]
    assert reader.read() == []
    assert reader.is_gapless


async def test_what_is_rolled_back_never_happened(reader: Reader, room: Room, writers: list[Writer]) -> None:
    """Neither a transaction nor a part of one; a number that was taken leaves no hole to wait for."""
    writer, other, _ = writers
    writer.message(room)
    writer.roll_back()
    kept = other.message(room)
    other.run("savepoint here")
    other.message(room)
    other.run("rollback to savepoint here")
    other.commit()
    assert reader.read() == [message_entry("INSERT", kept, room)]


async def test_each_kind_of_change_is_recorded_with_what_finds_it_again(
    reader: Reader, room: Room, writers: list[Writer]
) -> None:
    """Of a deleted row its conversation and person too, for nothing else knows them any more."""
    writer = writers[0]
    message = writer.message(room)
    writer.run("update messages set edited_at = now() where id = %s", message)
    writer.run("insert into message_status (message_id, user_id, status) values (%s, %s, 'read')", message, room.bob)
    writer.run("update conversation_participants set left_at = now() where user_id = %s", room.bob)
    writer.run("delete from messages where id = %s", message)
    writer.run("delete from conversation_participants where user_id = %s", room.bob)
    writer.run("update conversations set name = 'new' where id = %s", room.id)
    writer.commit()
    told = [(one.table, one.operation, one.conversation_id, one.user_id) for one in reader.read()]
    assert told == [
        ("messages", "INSERT", room.id, None),
        ("messages", "UPDATE", room.id, None),
        ("message_status", "INSERT", None, room.bob),
        ("conversation_participants", "UPDATE", room.id, room.bob),
        ("messages", "DELETE", room.id, None),
        ("conversation_participants", "DELETE", room.id, room.bob),
        ("conversations", "UPDATE", room.id, None),
    ]


async def test_what_goes_with_a_conversation_is_recorded_too(reader: Reader, room: Room, writers: list[Writer]) -> None:
    """Foreign keys delete messages and participants."""
    message = writers[0].message(room)
    writers[0].commit()
    reader.read()
    writers[0].run("delete from conversations where id = %s", room.id)
    writers[0].commit()
    told = reader.read()
    assert message_entry("DELETE", message, room) in told
    assert {one.user_id for one in told if one.table == "conversation_participants"} == {room.ann, room.bob}
    assert Entry(table="conversations", operation="DELETE", row_id=room.id, conversation_id=room.id) in told


async def test_a_row_made_over_to_somebody_else_is_gone_from_the_first(
    reader: Reader, room: Room, admin: psycopg.Connection
) -> None:
    """One update, two entries."""
    other = a_room(admin)
    reader.read()
    admin.execute("update conversation_participants set user_id = %s where user_id = %s", (other.ann, room.bob))
    told = [(one.operation, one.user_id) for one in reader.read()]
    assert told == [("UPDATE", other.ann), ("DELETE", room.bob)]


async def test_many_rows_are_read_page_by_page(reader: Reader, room: Room, admin: psycopg.Connection) -> None:
    """A page may end within a transaction; nothing is left out or comes twice."""
    admin.execute(
        "insert into messages (conversation_id, sender_id, encrypted_content) "
        "select %s, %s, 'x' from generate_series(1, 25)",
        (room.id, room.ann),
    )
    told = reader.read(limit=10)
    assert len({one.row_id for one in told}) == len(told) == 25
    assert reader.places == sorted(reader.places)


async def test_statements_that_touch_nothing_record_nothing(reader: Reader, admin: psycopg.Connection) -> None:
    """And receipts only that somebody has read."""
    admin.execute("delete from messages where id = gen_random_uuid()")
    assert reader.read() == []


async def test_a_truncated_table_is_recorded_without_a_row(reader: Reader, admin: psycopg.Connection) -> None:
    """Realtime says nothing at all."""
    admin.execute("truncate message_status")
    assert reader.read() == [Entry(table="message_status", operation="TRUNCATE", row_id=None)]


async def test_contents_are_not_recorded(room: Room, writers: list[Writer], admin: psycopg.Connection) -> None:
    """Not a word of it is in the log's tables."""
    writers[0].message(room, "a very secret text")
    writers[0].commit()
    rows = admin.execute("select changes::text from chat_bridge.changes").fetchall()
    assert rows
    assert not [row for (row,) in rows if "secret" in row]


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "begin", "commit", "roll back", "save", "read", "read"]), st.integers(0, 2)),
    max_size=30,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, limit=st.sampled_from([1, 2, 1000]))
async def test_whatever_is_committed_is_read_once_however_transactions_overlap(
    room: Room, writers: list[Writer], admin: psycopg.Connection, steps: list[tuple[str, int]], limit: int
) -> None:
    """Nothing else is read, and all of it in the order of the transactions."""
    reader = Reader(admin).begin()
    committed: list[str] = []
    pending: dict[int, list[str]] = {0: [], 1: [], 2: []}
    read: list[str | None] = []
    for step, who in [*steps, *(("commit", who) for who in range(3)), ("read", 0)]:
        writer = writers[who]
        if step == "write":
            pending[who].append(writer.message(room))
        elif step == "begin":
            writer.begin()
        elif step == "commit":
            writer.commit()
            committed += pending[who]
            pending[who] = []
        elif step == "roll back":
            writer.roll_back()
            pending[who] = []
        elif step == "save":
            writer.run("savepoint here")
            writer.message(room)
            writer.run("rollback to savepoint here")
        else:
            read += [one.row_id for one in reader.read(limit=limit)]
            assert set(read) <= set(committed)
    assert sorted(map(str, read)) == sorted(committed)
    assert reader.places == sorted(reader.places)
    assert reader.is_gapless

"""What the change log records, and that nobody reads past what is still to be committed; on a real PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.change_log import state
from scripts.sandbox.postgres import Postgres
from tests.logged import Entry, Reader, Room, Writer, a_room, message_entry, of, with_log

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dsn() -> AsyncIterator[str]:
    """Yield a chat's database on a server of its own: a stranger's transaction would hold the log up."""
    async with Postgres(database_url=os.environ.get("SANDBOX_DATABASE_URL")) as postgres:
        yield postgres.dsn


@pytest.fixture
def admin(dsn: str) -> Iterator[psycopg.Connection]:
    """Yield an administrator's connection to the database with the log."""
    with with_log(dsn) as connection:
        yield connection


@pytest.fixture
def room(admin: psycopg.Connection) -> Room:
    """Return a new conversation of two people."""
    return a_room(admin)


@pytest.fixture
def reader(room: Room, admin: psycopg.Connection) -> Reader:
    """Return somebody who has read everything up to now."""
    return Reader(admin).begin()


@pytest.fixture
def writers(dsn: str) -> Iterator[list[Writer]]:
    """Yield three people with a connection each."""
    made = [Writer(dsn) for _ in range(3)]
    yield made
    for one in made:
        one.connection.close()


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


async def test_other_triggers_switched_off_does_not_switch_the_log_off(
    reader: Reader, room: Room, writers: list[Writer]
) -> None:
    """As restores and replication do."""
    writers[0].run("set local session_replication_role = replica")
    made = writers[0].message(room)
    writers[0].commit()
    assert reader.read() == [message_entry("INSERT", made, room)]


async def test_a_failing_log_fails_no_write_and_says_so(
    reader: Reader, room: Room, writers: list[Writer], admin: psycopg.Connection
) -> None:
    """Whoever reads learns that something is missing, once."""
    admin.execute("alter table chat_bridge.changes add constraint nothing_goes check (false) not valid")
    made = writers[0].message(room)
    writers[0].commit()
    admin.execute("alter table chat_bridge.changes drop constraint nothing_goes")
    assert admin.execute("select count(*) from messages where id = %s", (made,)).fetchone() == (1,)
    assert (reader.read(), reader.is_gapless) == ([], False)
    assert (reader.read(), reader.is_gapless) == ([], True)
    numbers = state(of(admin)).numbers
    assert numbers is not None
    assert numbers.missed == 1


async def test_without_its_tables_a_log_still_fails_no_write(
    room: Room, writers: list[Writer], admin: psycopg.Connection
) -> None:
    """Not even its counter is needed."""
    admin.execute("drop table chat_bridge.changes")
    admin.execute("drop sequence chat_bridge.changes_missed")
    made = writers[0].message(room)
    writers[0].commit()
    assert admin.execute("select count(*) from messages where id = %s", (made,)).fetchone() == (1,)


async def test_a_place_of_another_log_is_a_gap(reader: Reader, dsn: str, admin: psycopg.Connection) -> None:
    """Of one that was removed, and of a database whose transactions are numbered otherwise, as of a restored copy."""
    assert reader.place is not None
    log, xid, seq, missed = reader.place.split("/")
    for place in (f"{room_free_id(admin)}/{xid}/{seq}/{missed}", f"{log}/{int(xid) + 1_000_000}/{seq}/{missed}"):
        other = Reader(admin, place)
        other.read()
        assert not other.is_gapless
        other.read()
        assert other.is_gapless


def room_free_id(admin: psycopg.Connection) -> str:
    """Return an id that is nobody's."""
    row = admin.execute("select gen_random_uuid()::text").fetchone()
    assert row is not None
    return str(row[0])


# Keeping it short ----------------------------------------------------------------------------------------------------


def prune(admin: psycopg.Connection) -> int:
    """Prune until nothing is left to be pruned, and return how many entries remain."""
    while admin.execute("select public.chat_bridge_prune()").fetchone() == (False,):
        pass
    row = admin.execute("select count(*) from chat_bridge.changes").fetchone()
    assert row is not None
    return int(row[0])


async def test_old_entries_go_and_whoever_had_not_read_them_has_a_gap(
    reader: Reader, room: Room, writers: list[Writer], admin: psycopg.Connection
) -> None:
    """Whoever had read them has none."""
    writers[0].message(room)
    writers[0].commit()
    ahead = Reader(admin).begin()
    admin.execute("update chat_bridge.changes set at = at - interval '73 hours'")
    young = writers[0].message(room)
    writers[0].commit()
    assert prune(admin) == 1
    assert (ahead.read(), ahead.is_gapless) == ([message_entry("INSERT", young, room)], True)
    assert (reader.read(), reader.is_gapless) == ([], False)


async def test_entries_over_the_number_go(reader: Reader, room: Room, admin: psycopg.Connection) -> None:
    """However young, and many of them."""
    admin.execute(
        "insert into messages (conversation_id, sender_id, encrypted_content) "
        "select %s, %s, 'x' from generate_series(1, 45000)",
        (room.id, room.ann),
    )
    admin.execute("update chat_bridge.change_log set max_entries = 100")
    assert prune(admin) == 100
    assert (reader.read(), reader.is_gapless) == ([], False)


async def test_what_is_not_settled_is_not_pruned(room: Room, writers: list[Writer], admin: psycopg.Connection) -> None:
    """However old it is, for a reader cannot have read it."""
    slow, quick, _ = writers
    reader = Reader(admin).begin()
    slow.begin()
    made = quick.message(room)
    quick.commit()
    admin.execute("update chat_bridge.changes set at = at - interval '73 hours'")
    prune(admin)
    slow.roll_back()
    assert message_entry("INSERT", made, room) in reader.read()
    assert reader.is_gapless


# Any order of things -------------------------------------------------------------------------------------------------

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

"""A change log that fails, or is another one, fails no write, and readers can tell."""

from __future__ import annotations

import psycopg
import pytest

from migration.change_log import state
from tests.logged import Reader, Room, Writer, message_entry, of

pytestmark = pytest.mark.asyncio(loop_scope="module")


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

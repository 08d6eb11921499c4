"""The change log is kept short, and whoever had not read what went has a gap."""

from __future__ import annotations

import psycopg
import pytest

from tests.logged import Reader, Room, Writer, message_entry

pytestmark = pytest.mark.asyncio(loop_scope="module")


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

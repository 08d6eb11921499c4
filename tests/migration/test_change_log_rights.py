"""Who may read and prune the change log, and who needs no right for being recorded; on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from migration.change_log import install
from tests.logged import READ, Reader, a_room, connected, of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def logged(server: str) -> AsyncIterator[psycopg.Connection]:
    """Yield a connection to a database with the log, for tests that leave it as it is."""
    with connected(server) as connection:
        install(of(connection))
        yield connection


async def test_the_canary_is_written_again_and_those_of_old_bridges_go(logged: psycopg.Connection) -> None:
    """One row for each bridge."""
    mine, old = (str(uuid.uuid4()) for _ in range(2))
    for one, beat in ((old, 1), (mine, 1), (mine, 2)):
        logged.execute("select public.chat_bridge_canary(%s, %s)", (one, beat))
    logged.execute("update chat_bridge.canary set at = at - interval '2 hours'")
    logged.execute("select public.chat_bridge_canary(%s, 3)", (mine,))
    assert logged.execute("select bridge::text, beat from chat_bridge.canary").fetchall() == [(mine, 3)]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize(
    "statement",
    [
        "select * from chat_bridge.changes",
        "select * from chat_bridge.change_log",
        "select last_value from chat_bridge.changes_missed",
        "insert into chat_bridge.changes (table_name, operation) values ('messages', 'DELETE')",
        "delete from chat_bridge.changes",
        "select * from public.chat_bridge_changes(null, 10)",
        "select public.chat_bridge_prune()",
        "select * from chat_bridge.canary",
        "select public.chat_bridge_canary(gen_random_uuid(), 1)",
        "select chat_bridge.watch('users', '{id}')",
    ],
)
async def test_nobody_but_the_service_role_may(logged: psycopg.Connection, role: str, statement: str) -> None:
    """Neither read, nor write, nor prune."""
    logged.execute(f"set role {role}".encode())
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            logged.execute(statement.encode())
    finally:
        logged.execute("reset role")


async def test_the_service_role_may_read_and_prune_and_nothing_else(logged: psycopg.Connection) -> None:
    """What is recorded cannot be made up."""
    logged.execute("set role service_role")
    assert logged.execute(READ.encode(), (None, 10)).fetchone()
    assert logged.execute("select public.chat_bridge_prune()").fetchone() == (True,)
    logged.execute("select * from chat_bridge.changes")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        logged.execute("delete from chat_bridge.changes")
    logged.execute("reset role")


async def test_legacy_writers_need_no_rights_for_their_changes_to_be_recorded(logged: psycopg.Connection) -> None:
    """The trigger writes in its own name."""
    room, reader = a_room(logged), Reader(logged).begin()
    logged.execute("grant usage on schema public to authenticated")
    logged.execute("alter table messages disable row level security")
    logged.execute("set role authenticated")
    logged.execute(
        "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, 'x')", (room.id, room.ann)
    )
    logged.execute("reset role")
    assert [one.operation for one in reader.read()] == ["INSERT"]

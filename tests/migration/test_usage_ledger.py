"""Installing the usage ledger, completing half of one, removing it, and who may use it; on a real PostgreSQL."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from migration import change_log
from migration.objects import NotAllowed, script
from migration.usage_ledger import LedgerNumbers, OtherVersion, install, installing, remove, removing, state
from tests.logged import connected, of, with_ledger
from tests.migration.test_change_log_install import catalogue

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADD = "select public.chat_bridge_usage_add(%s)"
WRITES = "select public.chat_bridge_usage_writes('2000-01-01', 10)"
DAY = "2026-12-01"


@pytest.fixture
def kept(server: str) -> Iterator[psycopg.Connection]:
    """Yield a connection to a database with the ledger."""
    with with_ledger(server) as connection:
        yield connection


def batch(*rows: str, by_bridge: bool = False) -> str:
    """Return a batch of a request and rows of messages."""
    asked = {"endpoint": "socket", "client": "web", "version": "1", "user_id": "", "count": 1}
    return json.dumps(
        {
            "id": str(uuid.uuid4()),
            "requests": [{**asked, "day": DAY, "last_seen": f"{DAY}T12:00:00Z"}],
            "rows": [
                {"day": DAY, "table": "messages", "conversation_id": "a", "row": one, "by_bridge": by_bridge}
                for one in rows
            ],
        }
    )


def written(connection: psycopg.Connection) -> list[tuple[int, int]]:
    """Return how many rows are counted as bridges' and as legacy writers'."""
    row = connection.execute(WRITES).fetchone()
    assert row is not None
    return [(one["by_bridge"], one["by_legacy"]) for one in row[0]]


def is_whole(connection: psycopg.Connection) -> bool:
    """Tell whether the ledger is there, and counts."""
    before = sum(map(sum, written(connection)))
    connection.execute(ADD, (batch(str(uuid.uuid4())),))
    return not state(of(connection)).missing and sum(map(sum, written(connection))) == before + 1


async def test_removing_leaves_no_trace(admin: psycopg.Connection) -> None:
    """Neither does removing what is not there."""
    before = catalogue(admin)
    install(of(admin))
    assert catalogue(admin) != before
    remove(of(admin))
    assert catalogue(admin) == before
    remove(of(admin))
    assert catalogue(admin) == before
    assert state(of(admin)).is_absent


async def test_installing_again_changes_nothing(admin: psycopg.Connection) -> None:
    """What was counted stays."""
    install(of(admin))
    admin.execute(ADD, (batch("1"),))
    before = catalogue(admin)
    install(of(admin))
    assert catalogue(admin) == before
    assert written(admin) == [(0, 1)]


async def test_as_the_role_that_a_project_gives_out(dsn: str, admin: psycopg.Connection) -> None:
    """postgres is no superuser there."""
    with connected(dsn) as connection:
        connection.execute("set role postgres")
        install(of(connection))
        assert not state(of(connection)).missing
    assert is_whole(admin)


@pytest.mark.parametrize(
    "damage",
    [
        "drop table chat_bridge.usage_requests",
        "drop table chat_bridge.usage_writes",
        "drop table chat_bridge.usage_counted",
        "drop table chat_bridge.usage_batches",
        "drop index chat_bridge.usage_counted_at",
        "drop function public.chat_bridge_usage_add(text)",
        "drop function public.chat_bridge_usage_requests(date, integer)",
        "drop function public.chat_bridge_usage_writes(date, integer)",
        "drop function public.chat_bridge_usage_forget(date)",
        "drop schema chat_bridge cascade",
    ],
)
async def test_what_is_half_there_is_seen_and_completed(admin: psycopg.Connection, damage: str) -> None:
    """Whatever somebody has done to it."""
    install(of(admin))
    admin.execute(damage.encode())
    seen = state(of(admin))
    assert seen.missing
    assert (seen.is_absent, seen.numbers) == (False, None)
    install(of(admin))
    assert is_whole(admin)


async def test_a_table_of_another_kind_is_named_and_left(admin: psycopg.Connection) -> None:
    """What was counted is nobody's to throw away."""
    install(of(admin))
    admin.execute("alter table chat_bridge.usage_writes rename column by_legacy to by_others")
    with pytest.raises(OtherVersion, match=r"^chat_bridge\.usage_writes$"):
        install(of(admin))
    assert state(of(admin)).missing == ("columns of chat_bridge.usage_writes",)
    admin.execute("alter table chat_bridge.usage_writes rename to usage_writes_of_last_year")
    install(of(admin))
    assert is_whole(admin)
    admin.execute("drop table chat_bridge.usage_writes_of_last_year")


@pytest.mark.parametrize("first", ["the log", "the ledger"])
async def test_log_and_ledger_do_not_depend_on_each_other(admin: psycopg.Connection, first: str) -> None:
    """Either can be installed or removed by itself; the schema goes with the last."""
    before = catalogue(admin)
    additions = [change_log.install, install] if first == "the log" else [install, change_log.install]
    removals = [change_log.remove, remove] if first == "the log" else [remove, change_log.remove]
    for one in additions:
        one(of(admin))
    assert not state(of(admin)).missing
    assert not change_log.state(of(admin)).missing
    removals[0](of(admin))
    assert (state(of(admin)).missing == ()) is (first == "the log")
    assert (change_log.state(of(admin)).missing == ()) is (first == "the ledger")
    removals[1](of(admin))
    assert catalogue(admin) == before


async def test_what_others_keep_in_the_schema_stays(admin: psycopg.Connection) -> None:
    """The schema with it."""
    install(of(admin))
    admin.execute("create table chat_bridge.other (id int)")
    remove(of(admin))
    assert state(of(admin)).is_absent
    admin.execute("drop schema chat_bridge cascade")


async def test_the_printed_script_is_the_same_thing(admin: psycopg.Connection) -> None:
    """Pasted into an editor, which sends it as one."""
    before = catalogue(admin)
    admin.execute(script(installing()).encode())
    assert is_whole(admin)
    admin.execute(script(removing()).encode())
    assert catalogue(admin) == before


async def test_a_role_without_the_right_leaves_nothing_behind(dsn: str, admin: psycopg.Connection) -> None:
    """Not even a schema."""
    before = catalogue(admin)
    with connected(dsn) as connection:
        connection.execute("set role service_role")
        with pytest.raises(NotAllowed):
            install(of(connection))
    assert catalogue(admin) == before


async def test_the_state_says_how_much_is_there(kept: psycopg.Connection) -> None:
    """Kinds of requests, conversations by day, and since when."""
    numbers = state(of(kept)).numbers
    assert numbers is not None
    empty = LedgerNumbers(requests=0, writes=0, oldest=None, bytes=numbers.bytes)
    assert numbers == empty
    kept.execute(ADD, (batch("1", "2"),))
    numbers = state(of(kept)).numbers
    assert numbers is not None
    assert (numbers.requests, numbers.writes, numbers.oldest) == (1, 1, date.fromisoformat(DAY))


# Several bridges -----------------------------------------------------------------------------------------------------


async def test_two_bridges_tell_of_the_same_row_at_the_same_moment(server: str, kept: psycopg.Connection) -> None:
    """The second waits for the first, sees what it has counted, and is believed if the row is its own."""
    with psycopg.connect(server) as first, connected(server) as second:
        first.execute(ADD, (batch("1", "2"),))
        adding = threading.Thread(target=lambda: second.execute(ADD, (batch("2", "3", by_bridge=True),)))
        adding.start()
        waits = "select count(*) from pg_stat_activity where wait_event = 'advisory'"
        while kept.execute(waits).fetchone() != (1,):
            pass
        assert written(kept) == []
        first.commit()
        adding.join()
    assert written(kept) == [(2, 1)]


async def test_whoever_gives_up_has_counted_nothing(server: str, kept: psycopg.Connection) -> None:
    """A transaction that is rolled back leaves the other's word as it is, and its batch to be added again."""
    told = batch("1", by_bridge=True)
    kept.execute(ADD, (batch("1"),))
    with psycopg.connect(server) as other:
        other.execute(ADD, (told,))
        other.rollback()
    assert written(kept) == [(0, 1)]
    assert kept.execute(ADD, (told,)).fetchone() == (True,)
    assert kept.execute(ADD, (told,)).fetchone() == (False,)
    assert written(kept) == [(1, 0)]


# Who may -------------------------------------------------------------------------------------------------------------


TABLES = ("usage_requests", "usage_writes", "usage_counted", "usage_batches")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize("table", TABLES)
async def test_nobody_gets_at_the_tables(kept: psycopg.Connection, role: str, table: str) -> None:
    """Not even the service role, but by the functions; and row security is on besides."""
    secured = "select relrowsecurity from pg_class where oid = to_regclass(%s)"
    assert kept.execute(secured, (f"chat_bridge.{table}",)).fetchone() == (True,)
    for statement in ("select * from", "delete from"):
        kept.execute(f"set role {role}".encode())
        try:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                kept.execute(f"{statement} chat_bridge.{table}".encode())
        finally:
            kept.execute("reset role")


CALLS = (
    "chat_bridge_usage_add('{}')",
    "chat_bridge_usage_requests('2026-01-01', 1)",
    "chat_bridge_usage_writes('2026-01-01', 1)",
    "chat_bridge_usage_forget('2026-01-01')",
)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("call", CALLS)
async def test_nobody_but_the_service_role_may(kept: psycopg.Connection, role: str, call: str) -> None:
    """Neither count, nor read, nor forget."""
    kept.execute(f"set role {role}".encode())
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            kept.execute(f"select public.{call}".encode())
    finally:
        kept.execute("reset role")


async def test_the_service_role_may(kept: psycopg.Connection) -> None:
    """Whatever it has put in its own search path."""
    kept.execute("create temporary table usage_writes (day date)")
    kept.execute("set role service_role")
    kept.execute("set search_path = pg_temp")
    try:
        kept.execute(ADD, (batch("1"),))
        assert written(kept) == [(0, 1)]
        for call in CALLS[1:]:
            kept.execute(f"select public.{call}".encode())
    finally:
        kept.execute("reset search_path")
        kept.execute("reset role")

"""Installing the change log, completing half of one, and removing it; on a real PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest

from migration.change_log import State, install, installing, keep, remove, removing, state
from migration.objects import ATTEMPTS, Busy, NotAllowed, script
from scripts.sandbox.generations import Generation
from scripts.sandbox.postgres import Postgres
from tests.logged import Reader, Writer, a_room, connected, message_entry, of

pytestmark = pytest.mark.asyncio(loop_scope="module")

CATALOGUE = """
select 'schema ' || nspname from pg_namespace where nspname not like 'pg_t%'
union all select 'relation ' || oid::regclass || coalesce(relacl::text, '') from pg_class
  where relkind in ('r', 'S', 'i')
  and relnamespace::regnamespace::text not in ('pg_toast', 'pg_catalog', 'information_schema')
union all select 'function ' || oid::regprocedure || coalesce(proacl::text, '') from pg_proc
union all select 'trigger ' || tgname || ' ' || tgrelid::regclass || tgenabled::text from pg_trigger
union all select 'published ' || prrelid::regclass from pg_publication_rel
union all select 'type ' || oid::regtype from pg_type
order by 1
"""


def catalogue(connection: psycopg.Connection) -> list[str]:
    """Return everything that is in the database, with who may use it."""
    return [row[0] for row in connection.execute(CATALOGUE.encode())]


def is_whole(connection: psycopg.Connection) -> bool:
    """Tell whether the log is there, and records."""
    room, reader = a_room(connection), Reader(connection).begin()
    made = connection.execute(
        "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, 'x') returning id::text",
        (room.id, room.ann),
    ).fetchone()
    assert made is not None
    return not state(of(connection)).missing and reader.read() == [message_entry("INSERT", made[0], room)]


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
    """What was recorded stays, and readers go on where they were."""
    install(of(admin))
    room, reader = a_room(admin), Reader(admin).begin()
    admin.execute("update conversations set name = 'new' where id = %s", (room.id,))
    before = catalogue(admin)
    install(of(admin))
    assert catalogue(admin) == before
    assert [one.operation for one in reader.read()] == ["UPDATE"]
    assert reader.is_gapless


async def test_as_the_role_that_a_project_gives_out(dsn: str, admin: psycopg.Connection) -> None:
    """postgres is no superuser there; it owns the tables."""
    for table in ("messages", "conversation_participants", "conversations", "message_status"):
        admin.execute(f"alter table {table} owner to postgres".encode())
    with connected(dsn) as connection:
        connection.execute("set role postgres")
        install(of(connection))
        assert not state(of(connection)).missing
    assert is_whole(admin)


@pytest.mark.parametrize(
    "damage",
    [
        "drop trigger chat_bridge_update on messages",
        "alter table messages disable trigger chat_bridge_insert",
        "drop function public.chat_bridge_changes(text, integer)",
        "drop function chat_bridge.record_change() cascade",
        "drop table chat_bridge.changes",
        "drop table chat_bridge.change_log",
        "delete from chat_bridge.change_log",
        "drop sequence chat_bridge.changes_missed",
        "alter table chat_bridge.changes drop column user_id",
        "drop schema chat_bridge cascade",
        "drop table chat_bridge.canary",
        "drop function public.chat_bridge_canary(uuid, bigint)",
        "alter publication supabase_realtime drop table chat_bridge.canary",
    ],
)
async def test_what_is_half_there_is_seen_and_completed(admin: psycopg.Connection, damage: str) -> None:
    """Whatever somebody has done to it."""
    install(of(admin))
    admin.execute(damage.encode())
    seen = state(of(admin))
    assert seen.missing
    assert not seen.is_absent
    install(of(admin))
    assert is_whole(admin)


async def test_what_is_half_there_is_removed(admin: psycopg.Connection) -> None:
    """And with it whatever stood in somebody's way."""
    before = catalogue(admin)
    for count in range(1, len(installing())):
        for transaction in installing()[:count]:
            admin.execute(transaction.encode())
        remove(of(admin))
        assert catalogue(admin) == before


async def test_another_version_begins_anew(admin: psycopg.Connection) -> None:
    """What an old table holds is worth less than a table that is right; readers learn of the gap."""
    install(of(admin))
    reader = Reader(admin).begin()
    admin.execute("alter table chat_bridge.changes add column other text")
    install(of(admin))
    assert (reader.read(), reader.is_gapless) == ([], False)
    assert is_whole(admin)


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


async def test_a_table_that_is_never_free_is_waited_for_and_then_left(dsn: str, admin: psycopg.Connection) -> None:
    """With pauses, in which the app's writes pass; the same command goes on later."""
    holder, pauses = Writer(dsn), list[float]()
    holder.run("lock table messages in row exclusive mode")
    with pytest.raises(Busy):
        install(of(admin), pause=pauses.append)
    assert len(pauses) == ATTEMPTS - 1
    holder.connection.close()
    install(of(admin), pause=pauses.append)
    assert is_whole(admin)


async def test_a_role_without_the_right_leaves_nothing_behind(dsn: str, admin: psycopg.Connection) -> None:
    """Not even a schema."""
    before = catalogue(admin)
    with connected(dsn) as connection:
        connection.execute("set role service_role")
        with pytest.raises(NotAllowed):
            install(of(connection))
    assert catalogue(admin) == before


@pytest.mark.parametrize("generation", ["db2", "db3"])
async def test_on_later_generations(server: str, generation: Generation) -> None:
    """Whatever the columns' types are."""
    async with Postgres(database_url=server, generation=generation) as postgres:
        with connected(postgres.dsn) as connection:
            install(of(connection))
            assert not state(of(connection)).missing
            room, reader = a_room(connection), Reader(connection).begin()
            connection.execute(
                "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, 'x')",
                (room.id, room.ann),
            )
            assert [one.operation for one in reader.read()] == ["INSERT"]


async def test_a_table_that_is_not_there_is_left_out(admin: psycopg.Connection) -> None:
    """The log is whole without it."""
    admin.execute("drop table message_status")
    install(of(admin))
    assert is_whole(admin)


async def test_pg_cron_prunes_where_it_is_at_hand(admin: psycopg.Connection) -> None:
    """The job goes with the log; here a stand-in notes what is asked of it."""
    admin.execute("create schema cron")
    admin.execute("create table cron.job (name text, schedule text, command text)")
    admin.execute(
        "create function cron.schedule(text, text, text) returns bigint language sql as "
        "'insert into cron.job values ($1, $2, $3) returning 1'"
    )
    admin.execute(
        "create function cron.unschedule(text) returns boolean language sql as "
        "'delete from cron.job where name = $1 returning true'"
    )
    install(of(admin))
    jobs = admin.execute("select command from cron.job").fetchall()
    assert jobs == [("select public.chat_bridge_prune()",)]
    admin.execute(jobs[0][0].encode())
    remove(of(admin))
    assert admin.execute("select command from cron.job").fetchall() == []


async def test_what_is_kept_can_be_set(admin: psycopg.Connection) -> None:
    """Each by itself."""
    install(of(admin))
    keep(of(admin), hours=12, entries=None)
    keep(of(admin), hours=None, entries=500)
    install(of(admin))
    numbers = state(of(admin)).numbers
    assert numbers is not None
    assert (numbers.keep_hours, numbers.max_entries) == (12, 500)


async def test_a_database_without_realtime_gets_a_log(admin: psycopg.Connection) -> None:
    """And so does one that publishes everything."""
    admin.execute("drop publication supabase_realtime")
    install(of(admin))
    assert is_whole(admin)
    admin.execute("create publication supabase_realtime for all tables")
    install(of(admin))
    assert is_whole(admin)


async def test_the_state_says_how_much_is_there(dsn: str, admin: psycopg.Connection) -> None:
    """And what holds it up."""
    assert state(of(admin)) == State(missing=state(of(admin)).missing, is_absent=True, numbers=None)
    install(of(admin))
    a_room(admin)
    holder = Writer(dsn)
    holder.begin()
    numbers = state(of(admin)).numbers
    holder.connection.close()
    assert numbers is not None
    assert (numbers.entries, numbers.missed) == (3, 0)
    assert numbers.oldest is not None
    assert numbers.bytes > 0
    assert numbers.held_up_seconds > 0

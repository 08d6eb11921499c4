"""The app's database as it is, broken or bare: what is served, what is refused, and that nothing of it is changed."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from bridge.actions import ACTIONS
from bridge.actions.timers import NO_OWN_TIMERS
from bridge.client import RequestRefused, WireClient
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.cast import INVITE_CODE, fixed_id
from scripts.stack import ROOT, bridge_environment, running_sandbox
from tests.authorisation.stage import REQUESTS
from tests.conftest import SandboxOf
from tests.e2e.conftest import RunningBridge, running
from tests.e2e.database import Database
from tests.e2e.test_delivery import next_message
from tests.e2e.test_program import program

TEXT = "the text that nobody may find in a log"
TRIP_MESSAGE = fixed_id("e", 1100)
WITHOUT_TABLES = {"leave_conversation", "set_presence"}
"""What is answered without asking the tables; presence is written later."""

Request = dict[str, Any]

ABOUT_USERS = {"search_users", "load_retention", "set_retention", "update_profile"}
"""Actions that need no table but the users'."""

NOT_IN_THIS_GENERATION = {"set_own_timer": (NO_OWN_TIMERS.code.value, NO_OWN_TIMERS.text)}
"""Participants have timers of their own from DB-3 on."""


def requests_in(conversation_id: str, message_id: str, other_id: str, invite_code: str) -> dict[str, Request]:
    """Return a good request of every action, about what is in this database."""
    named: Request = {
        "conversationId": conversation_id,
        "beforeMessageId": message_id,
        "replyToId": message_id,
        "messageIds": [message_id],
        "participantIds": [other_id],
        "userIds": [other_id],
        "inviteCode": invite_code,
        "content": TEXT,
    }
    return {action: {name: named.get(name, one) for name, one in REQUESTS[action].items()} for action in ACTIONS}


@asynccontextmanager
async def renamed(database: Database, table: str, column: str) -> AsyncIterator[None]:
    """Let a column be missing until the block ends."""
    await database.run(f"alter table {table} rename column {column} to mislaid")
    try:
        yield
    finally:
        await database.run(f"alter table {table} rename column mislaid to {column}")


async def outcomes(client: WireClient, requests: dict[str, Request]) -> dict[str, tuple[str, str] | None]:
    """Ask for everything and return code and text of each refusal, None where there was none."""
    told: dict[str, tuple[str, str] | None] = {}
    for action, request in requests.items():
        try:
            await client.request(action, request)
            told[action] = None
        except RequestRefused as refused:
            told[action] = (refused.code, refused.text)
    return told


async def test_what_the_database_says_is_told_to_nobody(bridge: RunningBridge, database: Database) -> None:
    """Columns are missing: each action has its fixed text; no log has the token or what was sent (contract F11)."""
    conversation_id = await database.conversation("bob", "carol")
    token = str(bridge.sandbox.people["bob"].token)
    asking = [action for action in ACTIONS if action not in WITHOUT_TABLES | ABOUT_USERS]
    with capture_logs() as logs:
        async with bridge.client() as client:
            await client.authenticate(token)
            message_id = await database.message(conversation_id, "carol", "hello")
            assert (await next_message(client)).id == message_id
            bridge.parts.context.members.hear(hearing=True)  # what was learnt from the message is forgotten
            requests = requests_in(conversation_id, message_id, database.user("frank"), INVITE_CODE)
            async with (
                renamed(database, "conversation_participants", "user_id"),
                renamed(database, "group_members", "user_id"),
            ):
                told = await outcomes(client, {action: requests[action] for action in asking})
            assert await outcomes(client, requests) == {**dict.fromkeys(ACTIONS), **NOT_IN_THIS_GENERATION}
    faults = {action: ACTIONS[action].faults.database for action in asking}
    assert told == {action: (fault.code.value, fault.text) for action, fault in faults.items()}
    logged = json.dumps(logs, default=str)
    assert "mislaid" not in logged
    assert "42703" in logged
    assert TEXT not in logged
    assert not any(part in logged for part in token.split("."))


async def test_without_any_of_the_apps_functions_everything_works() -> None:
    """Nor the trigger on messages that needs one of them (contract F41)."""
    async with running_sandbox(quiet=True) as (sandbox, _):
        async with await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection:
            await connection.execute(DROP_FUNCTIONS)
            [left] = await (await connection.execute(COUNT_FUNCTIONS)).fetchall()
            assert left == (0,)
        async with running(sandbox) as bridge, bridge.client("bob") as bob, bridge.client("carol") as carol:
            room, xavier = str(sandbox.conversations["trip"]), str(sandbox.people["xavier"].user_id)
            requests = requests_in(room, TRIP_MESSAGE, xavier, INVITE_CODE)
            assert await outcomes(bob, requests) == {**dict.fromkeys(ACTIONS), **NOT_IN_THIS_GENERATION}
            assert (await next_message(carol)).encrypted_content == TEXT
            assert room in {row.id for row in await carol.load_conversations()}
            assert TEXT in {row.encrypted_content for row in (await carol.load_messages(room)).messages}


NAMES = """
    'get_user_conversations_enhanced', 'get_user_conversations', 'create_direct_conversation',
    'create_group_with_default_room', 'join_group_by_invite', 'get_user_groups', 'get_group_rooms',
    'calculate_message_expiration', 'cleanup_expired_messages', 'sync_user_with_auth'
"""
"""The functions of contract data-model section 4."""

COUNT_FUNCTIONS = f"select count(*) from pg_proc where pronamespace = 'public'::regnamespace and proname in ({NAMES})"
DROP_FUNCTIONS = f"""
do $$
declare
  found regprocedure;
begin
  drop trigger set_message_expiration on public.messages;
  for found in
    select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace and proname in ({NAMES})
  loop
    execute format('drop function %s', found);
  end loop;
end $$
"""


async def test_a_database_without_a_needed_column_is_refused_by_name(
    sandbox: SandboxAddress, database: Database
) -> None:
    """At the start, with exit status 1 (contract F41)."""
    async with renamed(database, "messages", "metadata"):
        status, said = await program(bridge_environment(sandbox))
    assert status == 1
    *_, sentence, remedy = said.splitlines()
    assert sentence == (
        "bridge: the database lacks messages.metadata; it needs the tables of the chat. To run in the database:"
    )
    assert remedy == "alter table public.messages add column metadata jsonb default '{}';"


@pytest.mark.parametrize("generation", ["db1", "db2", "db3"])
async def test_nothing_of_the_apps_schema_is_changed(generation: Any, sandbox_of: SandboxOf) -> None:
    """By starting, working, stopping, and starting again, on data with all its damage (contract F47)."""
    sandbox = sandbox_of(generation)
    async with await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection:
        before = await schema_of(connection)
        assert len(before) > 200
        for _ in ("first", "second"):
            async with running(sandbox) as bridge, bridge.client("bob") as bob:
                made = await bob.create_conversation("room", [str(sandbox.people["alice"].user_id)], name="x")
                await bob.send_message(made.id, "back\\slash")
                await bob.request("typing_start", {"conversationId": made.id})
                await bob.load_messages(str(sandbox.conversations["general"]))
                assert await schema_of(connection) == before
            assert await schema_of(connection) == before


async def test_the_optional_index_comes_and_goes(sandbox: SandboxAddress) -> None:
    """Installed twice it is there once; taken away, nothing is left of it (contract F47)."""
    script = re.sub(r"--.*", "", (ROOT / "migration" / "sql" / "indexes.sql").read_text())
    [statement] = [one for one in script.split(";") if "create index" in one and "messages_newest_first" in one]
    async with await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection:
        before = await schema_of(connection)
        try:
            for _ in ("first", "second"):
                await connection.execute(statement.encode())
            added = set(await schema_of(connection)) - set(before)
            assert len(added) == 2
            assert all("messages_newest_first" in one for one in added)
        finally:
            await connection.execute("drop index public.messages_newest_first")
        assert await schema_of(connection) == before


async def schema_of(connection: psycopg.AsyncConnection) -> list[str]:
    """Return every object of the app's schema as text."""
    rows = await (await connection.execute(SCHEMA)).fetchall()
    return sorted(row[0] for row in rows)


SCHEMA = """
select format('relation %s %s %s %s %s %s', relname, relkind, relrowsecurity, relforcerowsecurity, relreplident, relacl)
  from pg_class where relnamespace = 'public'::regnamespace
union all select format('column %s.%s %s %s %s %s', table_name, column_name, ordinal_position, data_type, is_nullable,
  column_default) from information_schema.columns where table_schema = 'public'
union all select format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid))
  from pg_constraint where connamespace = 'public'::regnamespace
union all select indexdef from pg_indexes where schemaname = 'public'
union all select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
union all select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace and prokind = 'f'
union all select format('policy %s', p) from pg_policies p where schemaname = 'public'
union all select format('publication %s', t) from pg_publication_tables t
union all select format('schema %s', nspname) from pg_namespace where nspname !~ '^pg_'
"""


async def test_what_has_expired_is_shown_nowhere(bridge: RunningBridge, database: Database) -> None:
    """Neither loaded, nor paged, nor the latest, nor unread; a person who keeps for 0 days keeps for ever (F48)."""
    conversation_id = await database.conversation("bob", "frank")
    kept = [await database.message(conversation_id, "frank", f"kept {number}") for number in range(3)]
    for number in range(2):
        expired = await database.message(conversation_id, "frank", f"expired {number}")
        await database.run("update messages set expires_at = now() - interval '1 second' where id = %s", expired)
    async with bridge.client("bob") as bob, bridge.client("frank") as frank:
        row = next(row for row in await bob.load_conversations() if row.id == conversation_id)
        assert (row.latest_message_content, row.unread_count) == ("kept 2", 3)
        newest = await bob.load_messages(conversation_id, limit=1)
        older = await bob.load_more_messages(conversation_id, newest.messages[0].id, limit=50)
        assert [one.id for one in (*older.messages, *newest.messages)] == kept
        assert (await frank.send_message(conversation_id, "for ever")).expires_at is None
        assert (await bob.send_message(conversation_id, "for thirty days")).expires_at is not None


async def test_a_transaction_that_commits_late_is_not_passed_over(bridge: RunningBridge, database: Database) -> None:
    """Its row is older than those that were delivered meanwhile, and Realtime was gone when it came (contract F30)."""
    conversation_id = await database.conversation("bob", "carol")
    async with (
        bridge.client("carol") as carol,
        await psycopg.AsyncConnection.connect(bridge.sandbox.database_url) as late,
    ):
        await late.execute(
            "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, 'late')",
            (conversation_id, database.user("bob")),
        )
        early = await database.message(conversation_id, "bob", "early")
        assert (await next_message(carol)).id == early
        await bridge.parts.relay.catch_up()
        async with database.faults(withhold=["messages"]):
            await late.commit()
            await bridge.parts.relay.catch_up()
        assert (await next_message(carol)).encrypted_content == "late"


async def test_a_row_that_comes_without_its_text_is_read(bridge: RunningBridge, database: Database) -> None:
    """Realtime leaves out what is larger than a mebibyte (contract F30)."""
    conversation_id = await database.conversation("bob", "carol")
    async with bridge.client("carol") as carol:
        large = "x" * (1 << 20)
        sent = await database.message(conversation_id, "bob", large)
        message = await next_message(carol)
    assert (message.id, message.encrypted_content) == (sent, large)

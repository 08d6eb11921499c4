"""The platform and the tables of DB-1: names, rules and triggers that clients and migrations rely on."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from scripts.sandbox import schema
from scripts.sandbox.postgres import Postgres, Publication
from scripts.sandbox.seed import CONVERSATIONS, PEOPLE
from tests.sandbox.postgres.acting import Acting, user_id

CHAT_TABLES = {
    "messages",
    "typing_indicators",
    "conversation_participants",
    "conversations",
    "message_status",
    "user_presence",
}
TABLES = CHAT_TABLES | {"users", "groups", "group_members"}
NOT_CHAT = {"phone_verifications", "sms_templates", "sms_audit_log", "sms_rate_limits"}

CONSTRAINTS = {
    "conversation_participants_user_id_fkey": "FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE",
    "conversation_participants_conversation_id_user_id_key": "UNIQUE (conversation_id, user_id)",
    "messages_sender_id_fkey": "FOREIGN KEY (sender_id) REFERENCES users(id) ON DELETE CASCADE",
    "messages_reply_to_id_fkey": "FOREIGN KEY (reply_to_id) REFERENCES messages(id) ON DELETE SET NULL",
    "messages_message_type_check": "CHECK ((message_type = ANY (ARRAY['text'::text, 'image'::text, 'file'::text, "
    "'system'::text])))",
    "message_status_message_id_user_id_key": "UNIQUE (message_id, user_id)",
    "typing_indicators_conversation_id_user_id_key": "UNIQUE (conversation_id, user_id)",
    "group_members_group_id_user_id_key": "UNIQUE (group_id, user_id)",
    "groups_invite_code_key": "UNIQUE (invite_code)",
    "conversations_created_by_fkey": "FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL "
    "DEFERRABLE INITIALLY DEFERRED",
    "user_presence_pkey": "PRIMARY KEY (user_id)",
}


# Platform ------------------------------------------------------------------------------------------------------------


async def test_the_roles_have_supabases_rights(acting: Acting) -> None:
    """service_role passes RLS, the authenticator may become each of the three, postgres is no superuser."""
    roles = await acting.rows("select rolname, rolbypassrls, rolcanlogin, rolsuper from pg_roles")
    rights = {name: rest for name, *rest in roles}
    assert rights["anon"] == rights["authenticated"] == [False, False, False]
    assert rights["service_role"] == [True, False, False]
    assert rights["authenticator"] == [False, True, False]
    assert rights["postgres"] == [True, True, False]
    for role in ("anon", "authenticated", "service_role"):
        assert await acting.one("select pg_has_role('authenticator', %s, 'member')", role)


@pytest.mark.parametrize("setting", ["request.jwt.claims", "request.jwt.claim"])
async def test_claims_are_read_in_both_spellings(acting: Acting, setting: str) -> None:
    """All in one setting, or one setting each (supabase.md 8.1); nobody is null."""
    assert await acting.one("select auth.uid(), auth.role(), auth.jwt()") == (None, None, None)
    claims = {"sub": str(PEOPLE["bob"].auth_id), "role": "authenticated", "email": "bob@example.com"}
    await acting.rows("select set_config(%s, %s, true)", setting, json.dumps(claims))
    if setting == "request.jwt.claim":
        for name, claim in claims.items():
            await acting.rows("select set_config(%s, %s, true)", f"request.jwt.claim.{name}", claim)
    found = await acting.one("select auth.uid()::text, auth.role(), auth.email(), auth.jwt()")
    assert found == (claims["sub"], claims["role"], claims["email"], claims)


async def test_uuids_are_generated_without_naming_the_schema(acting: Acting) -> None:
    """The extension is missing in the wheel; its one function is there for every role, version 4."""
    for made in (await acting.become("bob"), await acting.become_anon()):
        assert str(await made.one("select uuid_generate_v4()"))[14] == "4"
    assert await acting.one("select extensions.uuid_generate_v4() <> extensions.uuid_generate_v4()")


async def test_storage_paths_have_folders(acting: Acting) -> None:
    """As storage policies use them."""
    assert await acting.one("select storage.foldername('avatars/bob/face.png')") == ["avatars", "bob"]
    assert await (await acting.become("bob")).rows("select * from storage.objects") == []


async def test_new_tables_are_open_to_the_api_roles(acting: Acting) -> None:
    """Supabase's default privileges hold for what postgres and the superuser create."""
    for creator in ("postgres", await acting.one("select session_user")):
        await acting.changed(f"set local role {creator}")
        await acting.changed(f"create table public.made_by_{creator} (id integer)")
        await acting.become_owner()
        for role in ("anon", "authenticated", "service_role"):
            privileges = "select has_table_privilege(%s, %s, 'select, insert, update, delete')"
            assert await acting.one(privileges, role, f"public.made_by_{creator}")


# Tables --------------------------------------------------------------------------------------------------------------


async def test_these_are_the_tables_and_no_others(acting: Acting) -> None:
    """All owned by postgres, with RLS on but not forced, and the default replica identity."""
    rows = await acting.rows(
        "select relname, relowner::regrole::text, relrowsecurity, relforcerowsecurity, relreplident::text "
        "from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    assert {row[0] for row in rows} == TABLES | NOT_CHAT
    assert {row[1:] for row in rows} == {("postgres", True, False, "d")}


@pytest.mark.parametrize("name", CONSTRAINTS)
async def test_constraints_have_the_names_that_clients_use(acting: Acting, name: str) -> None:
    """As embed hints and in error texts."""
    definition = "select pg_get_constraintdef(oid) from pg_constraint where conname = %s"
    assert await acting.one(definition, name) == CONSTRAINTS[name]


async def test_the_phone_number_is_unique_twice(acting: Acting) -> None:
    """Two constraints on one column."""
    count = (
        "select count(*) from pg_constraint where conrelid = 'users'::regclass "
        "and pg_get_constraintdef(oid) = 'UNIQUE (phone_number)'"
    )
    assert await acting.one(count) == 2


async def test_usernames_are_unique_whatever_their_case(acting: Acting) -> None:
    """By a unique index on lower(username)."""
    statement = "insert into users (phone_number, username, display_name) values ('+12025550198', %s, 'Another')"
    error = await acting.error(statement, "BOB")
    assert error is not None
    assert (error.sqlstate, error.diag.constraint_name) == ("23505", "users_username_lower_idx")


async def test_two_users_may_claim_one_account(acting: Acting) -> None:
    """auth_user_id is neither unique nor a foreign key."""
    await acting.changed("update users set auth_user_id = %s where id = %s", PEOPLE["bob"].auth_id, user_id("dave"))
    same = "select count(*) from users where auth_user_id = %s"
    assert await acting.one(same, PEOPLE["bob"].auth_id) == 2


async def test_messages_have_these_indexes(acting: Acting) -> None:
    """The partial one is for the clean-up that nobody schedules."""
    rows = await acting.rows("select indexdef from pg_indexes where tablename = 'messages'")
    definitions = "\n".join(row[0] for row in rows)
    assert len(rows) == 5
    for part in (
        "(conversation_id)",
        "(sender_id)",
        "(created_at DESC)",
        "(expires_at) WHERE (expires_at IS NOT NULL)",
    ):
        assert part in definitions


async def test_the_content_is_text_and_required(acting: Acting) -> None:
    """DB-1: not bytea, so a backslash is a backslash."""
    column = (
        "select data_type, is_nullable from information_schema.columns "
        "where table_name = 'messages' and column_name = 'encrypted_content'"
    )
    assert await acting.one(column) == ("text", "NO")


@pytest.mark.parametrize("table", ["users", "groups", "conversations", "typing_indicators", "user_presence"])
async def test_an_update_is_dated(acting: Acting, table: str) -> None:
    """Trigger before UPDATE: updated_at becomes now()."""
    await acting.changed(
        "insert into typing_indicators (conversation_id, user_id, updated_at) values (%s, %s, '2026-10-01Z')",
        CONVERSATIONS["bob-carol"],
        user_id("bob"),
    )
    assert await acting.changed(f"update {table} set updated_at = '2000-01-01Z'") > 0
    assert await acting.one(f"select bool_and(updated_at = now()) from {table}")


async def test_a_message_does_not_touch_its_conversation(acting: Acting) -> None:
    """updated_at says nothing about activity, and no trigger adds the creator as participant."""
    triggers = await acting.rows(
        "select tgrelid::regclass::text, tgname from pg_trigger where not tgisinternal and tgrelid::regclass::text = "
        "any(array['messages', 'conversation_participants', 'conversations'])"
    )
    assert set(triggers) == {
        ("messages", "set_message_expiration"),
        ("conversations", "update_conversations_updated_at"),
    }


# Expiry --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "conversation", "days"),
    [
        ("bob", "bob-carol", 30),  # the sender's default
        ("frank", "alice-frank", 7),  # the conversation's duration comes first
        ("frank", "general", None),  # 0 days: never
        ("xavier", "xavier-notes", 3),
    ],
)
async def test_a_message_expires_as_the_trigger_says(
    acting: Acting, sender: str, conversation: str, days: int | None
) -> None:
    """Whatever the client sent is overwritten."""
    await acting.changed("update users set default_message_retention_days = 3 where username = 'XavierX'")
    found = await acting.one(
        "insert into messages (conversation_id, sender_id, encrypted_content, expires_at) "
        "values (%s, %s, 'hi', '2000-01-01Z') returning expires_at - now()",
        CONVERSATIONS[conversation],
        user_id(sender),
    )
    assert found == (timedelta(days=days) if days is not None else None)


@pytest.mark.parametrize(
    ("enabled", "duration", "days"), [(True, None, 30), (True, 0, None), (False, 5, 30), (True, 5, 5)]
)
async def test_the_conversations_duration_counts_when_enabled_and_given(
    acting: Acting, *, enabled: bool, duration: int | None, days: int | None
) -> None:
    """Otherwise the sender's days; 0 is a duration too."""
    conversation = CONVERSATIONS["bob-carol"]
    await acting.changed(
        "update conversations set disappearing_messages_enabled = %s, disappearing_messages_duration_days = %s "
        "where id = %s",
        enabled,
        duration,
        conversation,
    )
    found = await acting.one(
        "select calculate_message_expiration(conversation_id => %s, sender_id => %s) - now()",
        conversation,
        user_id("bob"),
    )
    assert found == (timedelta(days=days) if days is not None else None)


async def test_expired_messages_stay_until_somebody_cleans_up(acting: Acting) -> None:
    """Nothing schedules the clean-up; run by hand it deletes the expired ones only, past RLS."""
    expired = "select count(*) from messages where expires_at <= now()"
    every = await acting.one("select count(*) from messages")
    assert await acting.one(expired) == 1
    assert await (await acting.become("bob")).one("select cleanup_expired_messages()") == 1
    await acting.become_owner()
    assert await acting.one("select count(*) from messages") == every - 1


# Publication ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("publication", "tables"), [("full", CHAT_TABLES), ("messages", {"messages"}), ("empty", set())]
)
async def test_the_publication_is_full_partial_or_as_empty_as_in_a_stock_project(
    postgres_dsn: str, publication: Publication, tables: set[str]
) -> None:
    """Without it Realtime is silent (data-model, section 5)."""
    async with (
        Postgres(database_url=postgres_dsn, publication=publication) as postgres,
        await psycopg.AsyncConnection.connect(postgres.dsn) as connection,
    ):
        published = Acting(connection)
        rows = await published.rows("select tablename from pg_publication_tables where pubname = 'supabase_realtime'")
        assert {row[0] for row in rows} == tables
        assert await published.one("select pubowner::regrole::text from pg_publication") == "postgres"


async def test_a_failing_migration_is_named_and_leaves_nothing(
    postgres_dsn: str, acting: Acting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error says which file; the fresh database is dropped."""
    broken = tmp_path / "010_broken.sql"
    broken.write_text("create table public.twice (id integer); create table public.twice (id integer);")
    monkeypatch.setattr(schema, "migrations", lambda _: [broken])
    databases = "select datname from pg_database"
    before = await acting.rows(databases)
    with pytest.raises(psycopg.errors.DuplicateTable) as failure:
        async with Postgres(database_url=postgres_dsn):
            pytest.fail("it must not start")
    assert failure.value.__notes__ == ["in 010_broken.sql"]
    assert await acting.rows(databases) == before

"""The schemas after DB-1: what is in each, and in the states between them (contract/data-model, section 7)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import pytest

from scripts.sandbox.generations import GENERATIONS, Generation
from scripts.sandbox.seed import CONVERSATIONS, MESSAGES
from tests.sandbox.postgres.acting import Acting, user_id
from tests.sandbox.postgres.conftest import ActingOn, in_session_loop

pytestmark = in_session_loop

NOBODY = "00000000-0000-4000-8000-000000000000"
WITH_CREATOR: tuple[Generation, ...] = ("db2", "db2-text", "db3-bytea-copies", "db3-text", "db3")
UPSERTING: tuple[Generation, ...] = ("db3-bytea-copies", "db3-text", "db3")
LAST_STATES: tuple[Generation, ...] = ("db3-text", "db3")
every_generation = pytest.mark.parametrize("generation", GENERATIONS)
sealed_generation = pytest.mark.parametrize("generation", UPSERTING)

# What each has besides DB-1; a table stands for all its columns.
BYTEA = {"messages.encrypted_content bytea not null"}
STEP_4 = {
    "messages.content_type text default 'text'",
    "messages.has_attachments boolean",
    "conversation_participants.disappear_seconds integer default 0",
    "conversation_participants.start_on text",
    "deliveries",
    "attachments",
}
LAST = {
    "users.unique_identifier text",
    "conversation_participants.archived_at timestamp with time zone",
    "encrypted_files",
    "calls",
}
ADDED: Mapping[Generation, set[str]] = {
    "db1": set(),
    "db2-bare": BYTEA,
    "db2-text": STEP_4,
    "db2": BYTEA | STEP_4,
    "db3-bytea-copies": BYTEA | STEP_4 | {"message_recipients"},
    "db3-text": STEP_4 | {"message_recipients"} | LAST,
    "db3": BYTEA | STEP_4 | {"message_recipients"} | LAST,
}
COLUMNS = (
    "select c.relname, c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, null)"
    " || case when a.attnotnull then ' not null' else '' end"
    " || coalesce(' default ' || replace(pg_get_expr(d.adbin, d.adrelid), '::text', ''), '')"
    " from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
    " left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum"
    " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'"
)
NEW_CONVERSATION = "insert into conversations (type, created_by) values ('group', %s) returning id"
MEMBERS = "select user_id::text, role, left_at is null from conversation_participants where conversation_id = %s"
COPY = "insert into message_recipients (message_id, recipient_user_id, encrypted_content) values (%s, %s, 'sealed')"
COPIES = "select count(*) from message_recipients"


async def columns(acting: Acting) -> dict[str, set[str]]:
    """Return the columns of every table, with type and default."""
    found: dict[str, set[str]] = {}
    for table, column in await acting.rows(COLUMNS):
        found.setdefault(table, set()).add(column)
    return found


# Tables --------------------------------------------------------------------------------------------------------------


@every_generation
async def test_a_generation_has_these_columns_besides_those_of_db1(acting_on: ActingOn, generation: Generation) -> None:
    """And no others; nothing of DB-1 is gone but the type of the content."""
    before, after = await columns(await acting_on("db1")), await columns(await acting_on(generation))
    added = {table for table in after if table not in before}
    changed = {column for table in before for column in after[table] - before[table]}
    assert added | changed == ADDED[generation]
    gone = {column for table in before for column in before[table] - after[table]}
    assert gone == ({"messages.encrypted_content text not null"} if ADDED[generation] >= BYTEA else set())


@every_generation
async def test_every_table_is_like_those_of_db1(acting_on: ActingOn, generation: Generation) -> None:
    """RLS on but not forced, owned by postgres, default replica identity."""
    rows = await (await acting_on(generation)).rows(
        "select relowner::regrole::text, relrowsecurity, relforcerowsecurity, relreplident::text "
        "from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    assert set(rows) == {("postgres", True, False, "d")}


@pytest.mark.parametrize(
    ("generation", "expected"), [("db3", "text"), ("db3-text", "text"), ("db3-bytea-copies", "bytea")]
)
async def test_copies_are_bytea_at_first_and_base64_later(
    acting_on: ActingOn, generation: Generation, expected: str
) -> None:
    """One for each recipient of a message."""
    acting = await acting_on(generation)
    column = "select atttypid::regtype::text from pg_attribute where attrelid = %s::regclass and attname = %s"
    assert await acting.one(column, "message_recipients", "encrypted_content") == expected
    again = f"{COPY}, (%s, %s, 'again')"
    twice = (MESSAGES["hello"], user_id("bob"))
    error = await acting.error(again, *twice, *twice)
    assert error is not None
    assert error.diag.constraint_name == "message_recipients_message_id_recipient_user_id_key"


async def test_a_delivery_may_be_to_nobody_but_is_one_for_each_message_and_recipient(acting_on: ActingOn) -> None:
    """The recipient has no foreign key."""
    acting = await acting_on("db2")
    delivered = "insert into deliveries (message_id, recipient_user_id) values (%s, %s)"
    assert await acting.changed(delivered, MESSAGES["hello"], NOBODY) == 1
    assert await acting.sqlstate(delivered, MESSAGES["hello"], NOBODY) == "23505"
    assert await acting.sqlstate(delivered, NOBODY, user_id("bob")) == "23503"


async def test_the_time_of_a_participant_starts_at_one_of_two_moments(acting_on: ActingOn) -> None:
    """Delivered or read (CHECK)."""
    acting = await acting_on("db2")
    for moment, sqlstate in (("delivered", None), ("read", None), ("sent", "23514")):
        assert await acting.sqlstate("update conversation_participants set start_on = %s", moment) == sqlstate


@every_generation
async def test_only_the_last_state_knows_notes_to_oneself(acting_on: ActingOn, generation: Generation) -> None:
    """A fourth type of conversation; the others stay."""
    acting = await acting_on(generation)
    for kind in ("direct", "group", "room", "note_to_self"):
        refused = kind == "note_to_self" and generation not in LAST_STATES
        sqlstate = await acting.sqlstate("insert into conversations (type) values (%s)", kind)
        assert sqlstate == ("23514" if refused else None)


@pytest.mark.parametrize(("generation", "tables"), [("db2", {"deliveries", "attachments"}), ("db2-bare", set())])
async def test_a_full_publication_has_the_tables_that_are_there(
    postgres_dsn: str, acting_on: ActingOn, generation: Generation, tables: set[str]
) -> None:
    """Somebody switched them on, too."""
    published = "select tablename from pg_publication_tables where pubname = 'supabase_realtime'"
    first = {row[0] for row in await (await acting_on("db1")).rows(published)}
    assert {row[0] for row in await (await acting_on(generation)).rows(published)} == first | tables


# Triggers ------------------------------------------------------------------------------------------------------------


@every_generation
async def test_the_creator_is_put_in_from_step_9_on(acting_on: ActingOn, generation: Generation) -> None:
    """As 'admin'; a conversation of nobody stays empty."""
    acting = await acting_on(generation)
    made = await acting.one(NEW_CONVERSATION, user_id("bob"))
    assert await acting.rows(MEMBERS, made) == ([(user_id("bob"), "admin", True)] if generation in WITH_CREATOR else [])
    assert await acting.rows(MEMBERS, await acting.one(NEW_CONVERSATION, None)) == []


@pytest.mark.parametrize("generation", WITH_CREATOR)
async def test_a_row_that_is_there_first_is_kept_by_one_trigger_and_changed_by_the_next(
    acting_on: ActingOn, generation: Generation
) -> None:
    """ON CONFLICT DO NOTHING, then an upsert that clears left_at; here another trigger was faster."""
    acting = await acting_on(generation)
    await acting.changed(
        "create function pg_temp.faster() returns trigger language plpgsql as $$ begin insert into "
        "conversation_participants (conversation_id, user_id, left_at) values (new.id, new.created_by, now()); "
        "return new; end $$"
    )
    await acting.changed(
        "create trigger a_faster after insert on conversations for each row execute function pg_temp.faster()"
    )
    made = await acting.one(NEW_CONVERSATION, user_id("bob"))
    kept, changed = (user_id("bob"), "member", False), (user_id("bob"), "admin", True)
    assert await acting.rows(MEMBERS, made) == [changed if generation in UPSERTING else kept]


@pytest.mark.parametrize("generation", WITH_CREATOR)
async def test_a_creator_of_nobody_fails_at_once_or_only_at_the_commit(
    acting_on: ActingOn, generation: Generation
) -> None:
    """The upsert swallows the participants' key; the conversation's own is deferred."""
    acting = await acting_on(generation)
    at_once = await acting.sqlstate(NEW_CONVERSATION, NOBODY)
    assert at_once == (None if generation in UPSERTING else "23503")
    if generation in UPSERTING:
        await acting.one(NEW_CONVERSATION, NOBODY)
        assert await acting.sqlstate("set constraints all immediate") == "23503"


@pytest.mark.parametrize("generation", WITH_CREATOR)
async def test_whoever_adds_the_creator_besides_the_trigger_fails(acting_on: ActingOn, generation: Generation) -> None:
    """Contract F3; the functions of DB-1 do (23505)."""
    acting = await acting_on(generation)
    direct = "select create_direct_conversation(%s, %s)"
    assert await acting.sqlstate(direct, user_id("carol"), user_id("frank")) == "23505"
    assert await acting.sqlstate("select create_group_with_default_room('Choir', %s)", user_id("alice")) == "23505"


@every_generation
async def test_the_last_state_makes_a_status_for_everyone(acting_on: ActingOn, generation: Generation) -> None:
    """Also when a user inserts, who may not write there; active members only, and none is 'read'."""
    acting = await (await acting_on(generation)).become("bob")
    message = "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, 'hi') returning id"
    made = await acting.one(message, CONVERSATIONS["general"], user_id("bob"))
    await acting.become_owner()
    statuses = dict(await acting.rows("select user_id::text, status from message_status where message_id = %s", made))
    others = dict.fromkeys((user_id("alice"), user_id("carol"), user_id("dave")), "delivered")
    assert statuses == ({**others, user_id("bob"): "sent"} if generation in LAST_STATES else {})


# Rights --------------------------------------------------------------------------------------------------------------


@sealed_generation
async def test_copies_are_read_by_their_recipients_only(acting_on: ActingOn, generation: Generation) -> None:
    """Not by the sender of the message, not by whoever is not linked, not with the anon key."""
    acting = await acting_on(generation)
    own = await acting.one(f"{COPIES} where recipient_user_id = %s", user_id("bob"))
    assert own > 0
    everybody = await acting.one(COPIES)
    assert await (await acting.become("bob")).one(COPIES) == own
    for nobody in (await acting.become("xavier"), await acting.become("dave"), await acting.become_anon()):
        assert await nobody.one(COPIES) == 0
    assert await (await acting.become_service()).one(COPIES) == everybody


@sealed_generation
async def test_copies_are_added_by_the_sender_only(acting_on: ActingOn, generation: Generation) -> None:
    """For any recipient; to mark one as read changes nothing, without an error."""
    acting = await acting_on(generation)
    assert await (await acting.become("bob")).sqlstate(COPY, MESSAGES["hello"], user_id("carol")) is None
    assert await (await acting.become("carol")).sqlstate(COPY, MESSAGES["hello"], user_id("carol")) == "42501"
    assert await acting.changed("update message_recipients set read_at = now()") == 0


@every_generation
async def test_receipts_typing_and_presence_stay_closed(acting_on: ActingOn, generation: Generation) -> None:
    """Contract F43: no generation gives them a policy."""
    acting = await acting_on(generation)
    await acting.become("bob")
    row = (MESSAGES["answer"], user_id("bob"))
    receipt = "insert into message_status (message_id, user_id, status) values (%s, %s, 'read')"
    assert await acting.sqlstate(receipt, *row) == "42501"
    typing = "insert into typing_indicators (conversation_id, user_id) values (%s, %s)"
    assert await acting.sqlstate(typing, CONVERSATIONS["general"], user_id("bob")) == "42501"
    assert await acting.sqlstate("insert into user_presence (user_id) values (%s)", str(uuid.uuid4())) == "42501"


# Functions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generation", "sqlstate"),
    [
        ("db1", "42702"),  # ambiguous
        ("db2-bare", "42702"),
        ("db2-text", "42804"),  # promises bytea, finds text
        ("db2", None),
        ("db3-bytea-copies", None),
        ("db3-text", "42703"),  # asks for a column that is not there
        ("db3", "42703"),
    ],
)
async def test_the_list_function_works_for_a_while(
    acting_on: ActingOn, generation: Generation, sqlstate: str | None
) -> None:
    """Contract F41: nobody can depend on it."""
    acting = await acting_on(generation)
    assert await acting.sqlstate("select * from get_user_conversations(%s)", user_id("bob")) == sqlstate


@pytest.mark.parametrize("generation", [each for each in GENERATIONS if ADDED[each] >= BYTEA])
async def test_functions_that_promise_text_fail_on_bytea(acting_on: ActingOn, generation: Generation) -> None:
    """What REST of the base calls; step 4 left them behind (42804)."""
    acting = await acting_on(generation)
    listed = "select * from get_user_conversations_enhanced(%s)"
    assert await acting.sqlstate(listed, user_id("bob")) == "42804"


async def test_the_list_of_db2_knows_people_by_their_users_id(acting_on: ActingOn) -> None:
    """Names, bytes and true unread counts for a normal user, past RLS."""
    acting = await (await acting_on("db2")).become("bob")
    found = await acting.rows("select * from get_user_conversations(%s) where type = 'direct'", user_id("bob"))
    names = {row[1]: row for row in found}
    assert set(names) == {"Carol Chen", "Alice Archer", "Dave Duarte"}
    assert bytes(names["Carol Chen"][8]) == b"Great. Lunch tomorrow?"
    assert names["Carol Chen"][10] == "bob"
    await acting.become("alice")
    unread = "select unread_count from get_user_conversations(%s) where name = 'Weekend trip'"
    assert await acting.one(unread, user_id("alice")) == 14

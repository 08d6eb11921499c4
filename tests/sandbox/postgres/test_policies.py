"""Row-level security as it is in force, row by row of contract/data-model section 3, and what follows from it."""

from __future__ import annotations

import pytest

from scripts.sandbox.seed import CONVERSATIONS, GROUP_ID, INVITE_CODE, MESSAGES, PEOPLE
from tests.sandbox.postgres.acting import Acting, user_id

OPEN_TABLES = ["users", "conversations", "conversation_participants", "messages"]
CLOSED_TABLES = ["message_status", "typing_indicators", "user_presence"]
OTHER_TABLES = ["phone_verifications", "sms_templates", "sms_audit_log", "sms_rate_limits"]
ALL_TABLES = [*OPEN_TABLES, *CLOSED_TABLES, "groups", "group_members"]

NEW_USER = "insert into users (phone_number, username, display_name) values ('+12025550199', 'zoe', 'Zoe')"
NEW_CONVERSATION = "insert into conversations (type, created_by) values ('group', %s)"
NEW_PARTICIPANT = "insert into conversation_participants (conversation_id, user_id) values (%s, %s)"
NEW_MESSAGE = "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, 'hi')"
NEW_GROUP = "insert into groups (name, created_by) values ('Choir', %s) returning id"
NEW_MEMBER = "insert into group_members (group_id, user_id) values (%s, %s)"
BOB_CAROL = CONVERSATIONS["bob-carol"]


# SELECT --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", OPEN_TABLES)
async def test_everybody_reads_everything_with_the_anon_key_alone(acting: Acting, table: str) -> None:
    """RLS is no fence: a stranger and anon see as many rows as the owner (contract F7)."""
    count = f"select count(*) from {table}"
    every = await acting.one(count)
    assert every > 0
    assert await (await acting.become_anon()).one(count) == every
    assert await (await acting.become("xavier")).one(count) == every


@pytest.mark.parametrize("table", ["message_status", "user_presence"])
async def test_receipts_and_presence_are_visible_to_the_service_role_only(acting: Acting, table: str) -> None:
    """No policy: the rows are there, and nobody but service_role sees one."""
    count = f"select count(*) from {table}"
    assert await (await acting.become("alice")).one(count) == 0
    assert await (await acting.become_anon()).one(count) == 0
    assert await (await acting.become_service()).one(count) > 0


async def test_typing_rows_are_visible_to_the_service_role_only(acting: Acting) -> None:
    """No policy here either."""
    await acting.changed(
        "insert into typing_indicators (conversation_id, user_id) values (%s, %s)", BOB_CAROL, user_id("bob")
    )
    count = "select count(*) from typing_indicators"
    assert await (await acting.become("bob")).one(count) == 0
    assert await (await acting.become_service()).one(count) == 1


async def test_a_private_group_is_visible_to_its_creator_whose_ids_are_equal(acting: Acting) -> None:
    """Not to other members, not even to an admin."""
    names = "select name from groups"
    assert await (await acting.become("alice")).rows(names) == [("Garden Club",)]
    assert await (await acting.become("bob")).rows(names) == []
    assert await (await acting.become_anon()).rows(names) == []


async def test_a_public_group_is_visible_to_everybody_who_is_signed_in(acting: Acting) -> None:
    """Strangers included, anon not."""
    await acting.changed("update groups set is_public = true")
    assert len(await (await acting.become("xavier")).rows("select id from groups")) == 1
    assert await (await acting.become_anon()).rows("select id from groups") == []


async def test_group_members_are_visible_to_everybody_who_is_signed_in(acting: Acting) -> None:
    """Of groups that one cannot see, too."""
    count = "select count(*) from group_members"
    every = await acting.one(count)
    assert await (await acting.become("xavier")).one(count) == every
    assert await (await acting.become_anon()).one(count) == 0


@pytest.mark.parametrize("table", OTHER_TABLES)
async def test_tables_of_the_phone_verification_are_closed(acting: Acting, table: str) -> None:
    """They have RLS and no policy."""
    assert await (await acting.become("alice")).one(f"select count(*) from {table}") == 0
    assert await acting.sqlstate(f"insert into {table} default values") in {"42501", "23502"}


# INSERT --------------------------------------------------------------------------------------------------------------


async def test_nobody_inserts_users(acting: Acting) -> None:
    """There is no INSERT policy."""
    assert await (await acting.become("alice")).sqlstate(NEW_USER) == "42501"
    assert await (await acting.become_anon()).sqlstate(NEW_USER) == "42501"


@pytest.mark.parametrize(
    ("who", "created_by", "sqlstate"),
    [
        ("bob", None, None),
        ("bob", user_id("bob"), None),
        ("bob", PEOPLE["bob"].auth_id, None),  # passes the policy; the deferred key fails at commit
        ("bob", user_id("carol"), "42501"),
        ("alice", user_id("alice"), None),
        ("dave", user_id("dave"), "42501"),  # nothing links him to his row
        ("dave", None, None),
        ("erin", None, None),  # no users row, but signed in
    ],
)
async def test_conversations_are_created_by_oneself_or_by_nobody(
    acting: Acting, who: str, created_by: str | None, sqlstate: str | None
) -> None:
    """Own by either id, or without a creator."""
    assert await (await acting.become(who)).sqlstate(NEW_CONVERSATION, created_by) == sqlstate


async def test_anon_creates_no_conversation(acting: Acting) -> None:
    """auth.uid() is tested here."""
    assert await (await acting.become_anon()).sqlstate(NEW_CONVERSATION, None) == "42501"


async def test_a_creator_who_is_no_user_is_noticed_at_commit(acting: Acting) -> None:
    """The foreign key is deferred: the auth id passes the statement and fails afterwards (23503)."""
    await acting.become("bob")
    assert await acting.changed(NEW_CONVERSATION, PEOPLE["bob"].auth_id) == 1
    assert await acting.sqlstate("set constraints all immediate") == "23503"


async def test_anybody_adds_anybody_to_any_conversation(acting: Acting) -> None:
    """A stranger adds himself and a third person; anon may not."""
    await acting.become("xavier")
    assert await acting.changed(NEW_PARTICIPANT, BOB_CAROL, user_id("xavier")) == 1
    assert await acting.changed(NEW_PARTICIPANT, BOB_CAROL, user_id("frank")) == 1
    assert await (await acting.become_anon()).sqlstate(NEW_PARTICIPANT, BOB_CAROL, user_id("grace")) == "42501"


@pytest.mark.parametrize(
    ("who", "sender", "sqlstate"),
    [
        ("bob", "bob", None),
        ("alice", "alice", None),
        ("bob", "carol", "42501"),
        ("xavier", "xavier", None),  # membership is not tested
        ("dave", "dave", "42501"),  # no auth_user_id: cannot send as a legacy client
        ("erin", "bob", "42501"),
    ],
)
async def test_messages_are_sent_as_oneself_into_any_conversation(
    acting: Acting, who: str, sender: str, sqlstate: str | None
) -> None:
    """The sender must be a users row linked to the caller; whether he belongs there is not asked."""
    assert await (await acting.become(who)).sqlstate(NEW_MESSAGE, BOB_CAROL, user_id(sender)) == sqlstate


async def test_anon_sends_nothing(acting: Acting) -> None:
    """No users row is linked to nobody."""
    assert await (await acting.become_anon()).sqlstate(NEW_MESSAGE, BOB_CAROL, user_id("bob")) == "42501"


async def test_a_message_with_the_auth_id_as_sender_is_refused(acting: Acting) -> None:
    """By the policy (42501), before the foreign key has a say (23503, which the service role gets)."""
    auth_id = PEOPLE["bob"].auth_id
    assert await (await acting.become("bob")).sqlstate(NEW_MESSAGE, BOB_CAROL, auth_id) == "42501"
    assert await (await acting.become_service()).sqlstate(NEW_MESSAGE, BOB_CAROL, auth_id) == "23503"


CLOSED_INSERTS = {
    "message_status": ("insert into message_status (message_id, user_id, status) values (%s, %s, 'read')", "hello"),
    "typing_indicators": ("insert into typing_indicators (conversation_id, user_id) values (%s, %s)", "bob-carol"),
    "user_presence": ("insert into user_presence (user_id, status) values (%s, 'online')", None),
}


def closed_insert(table: str, who: str, clause: str = "") -> tuple[str, list[str]]:
    """Return an insert into a table without policies, for somebody's own row."""
    statement, about = CLOSED_INSERTS[table]
    ids = {**MESSAGES, **CONVERSATIONS}
    return statement + clause, [*([ids[about]] if about else []), user_id(who)]


@pytest.mark.parametrize("table", CLOSED_TABLES)
async def test_receipts_typing_and_presence_are_refused(acting: Acting, table: str) -> None:
    """Also as the upsert that the legacy store sends on every keystroke."""
    await acting.become("carol")
    statement, values = closed_insert(table, "carol")
    assert await acting.sqlstate(statement, *values) == "42501"
    keys = {"message_status": "message_id, user_id", "typing_indicators": "conversation_id, user_id"}
    upsert, values = closed_insert(
        table, "carol", f" on conflict ({keys.get(table, 'user_id')}) do update set user_id = excluded.user_id"
    )
    assert await acting.sqlstate(upsert, *values) == "42501"


@pytest.mark.parametrize("table", CLOSED_TABLES)
async def test_the_service_role_writes_receipts_typing_and_presence(acting: Acting, table: str) -> None:
    """BYPASSRLS is the only way in."""
    await acting.changed("delete from user_presence")
    statement, values = closed_insert(table, "carol")
    assert await (await acting.become_service()).changed(statement, *values) == 1


async def test_groups_are_created_with_the_auth_id_compared_directly(acting: Acting) -> None:
    """So only by those whose ids are equal: others fail by policy, or by key with their auth id."""
    assert await (await acting.become("alice")).sqlstate(NEW_GROUP, user_id("alice")) is None
    assert await (await acting.become("bob")).sqlstate(NEW_GROUP, user_id("bob")) == "42501"
    assert await acting.sqlstate(NEW_GROUP, PEOPLE["bob"].auth_id) == "23503"


async def test_one_joins_groups_as_oneself_by_auth_id(acting: Acting) -> None:
    """Frank (equal ids) may, xavier may not, and nobody may add somebody else."""
    assert await (await acting.become("frank")).sqlstate(NEW_MEMBER, GROUP_ID, user_id("frank")) is None
    assert await acting.sqlstate(NEW_MEMBER, GROUP_ID, user_id("xavier")) == "42501"
    assert await (await acting.become("xavier")).sqlstate(NEW_MEMBER, GROUP_ID, user_id("xavier")) == "42501"


# UPDATE and DELETE ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "whose", "rows"), [("bob", "bob", 1), ("alice", "alice", 1), ("bob", "carol", 0), ("dave", "dave", 0)]
)
async def test_one_updates_ones_own_profile(acting: Acting, who: str, whose: str, rows: int) -> None:
    """By either id; anything else reports success with 0 rows."""
    await acting.become(who)
    assert await acting.changed("update users set bio = 'new' where id = %s", user_id(whose)) == rows


@pytest.mark.parametrize(
    ("who", "conversation", "rows"),
    [("bob", "bob-carol", 1), ("carol", "bob-carol", 0), ("alice", "trip", 1), ("xavier", "damaged", 1)],
)
async def test_conversations_are_updated_by_their_creator_and_without_one_by_anybody(
    acting: Acting, who: str, conversation: str, rows: int
) -> None:
    """A stranger may rename a conversation without a creator."""
    statement = "update conversations set name = 'renamed' where id = %s"
    assert await (await acting.become(who)).changed(statement, CONVERSATIONS[conversation]) == rows
    assert await (await acting.become_anon()).changed(statement, CONVERSATIONS[conversation]) == 0


async def test_groups_are_updated_by_a_creator_whose_ids_are_equal(acting: Acting) -> None:
    """The group's admin touches 0 rows."""
    statement = "update groups set description = 'new' where invite_code = %s"
    assert await (await acting.become("alice")).changed(statement, INVITE_CODE) == 1
    assert await (await acting.become("bob")).changed(statement, INVITE_CODE) == 0


async def test_memberships_are_updated_by_their_owner_whose_ids_are_equal(acting: Acting) -> None:
    """Bob cannot leave."""
    statement = "update group_members set left_at = now() where user_id = %s"
    assert await (await acting.become("alice")).changed(statement, user_id("alice")) == 1
    assert await (await acting.become("bob")).changed(statement, user_id("bob")) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "update conversation_participants set left_at = now()",
        "update messages set encrypted_content = 'changed'",
        "update message_status set status = 'delivered'",
        "update typing_indicators set is_typing = true",
        "update user_presence set status = 'online'",
    ],
)
async def test_an_update_without_a_policy_succeeds_with_no_rows(acting: Acting, statement: str) -> None:
    """Nobody leaves, edits or deletes softly; check row counts (contract F43)."""
    assert await (await acting.become("alice")).changed(statement) == 0


@pytest.mark.parametrize("table", ALL_TABLES)
async def test_a_delete_succeeds_with_no_rows(acting: Acting, table: str) -> None:
    """No table has a DELETE policy, and none answers with an error."""
    assert await (await acting.become("alice")).changed(f"delete from {table}") == 0
    assert await (await acting.become_anon()).changed(f"delete from {table}") == 0

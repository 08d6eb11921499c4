"""The Data API answers legacy clients as contract/legacy-supabase, sections 2 and 3, says for DB-1."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

from scripts.sandbox.address import SandboxAddress
from tests.sandbox.conftest import Room, write_messages
from tests.sandbox.legacy_clients import LegacyClient, Outcome, SupabaseJs

BROWSER_CLOCK = "2026-11-22T10:11:12.345Z"


def assert_refused(outcome: Outcome, code: str, status: int) -> None:
    """Assert this error code and, from the library that tells it, this status."""
    assert outcome.code == code
    assert outcome.status in (None, status)


def message_row(room: Room, sender: object, **more: object) -> dict[str, object]:
    """Return a row as the legacy store writes it."""
    return {
        "conversation_id": room.id,
        "message_type": "text",
        "encrypted_content": "hello",
        "metadata": {},
        "sender_id": str(sender),
        "created_at": BROWSER_CLOCK,
        **more,
    }


# The store -----------------------------------------------------------------------------------------------------------


def test_opening_a_conversation_reads_its_oldest_fifty_messages(
    legacy: LegacyClient, room: Room, database: psycopg.Connection
) -> None:
    """Oldest first, at most 50, deleted ones hidden, each with its sender; timestamps are ISO with an offset."""
    ids = write_messages(database, room, room.bob, 53)
    database.execute("update messages set deleted_at = now() where id = %s", (ids[0],))
    found = legacy.call("oldestMessages", room.bob.token, conversation=room.id)
    assert [row["id"] for row in found.data] == ids[1:51]
    assert found.data[0]["created_at"] == "2026-11-01T12:00:02+00:00"
    assert found.data[0]["sender"] == {
        "id": str(room.bob.user_id),
        "username": "bob",
        "display_name": "Bob Baker",
        "avatar_url": None,
    }


def test_anybody_reads_everything(legacy: LegacyClient, room: Room, database: psycopg.Connection) -> None:
    """The key alone, without a user, sees the messages of any conversation (data-model, section 3)."""
    write_messages(database, room, room.bob, 1)
    assert len(legacy.call("oldestMessages", None, conversation=room.id).data) == 1


def test_quoted_messages_are_read_by_their_ids(legacy: LegacyClient, room: Room, database: psycopg.Connection) -> None:
    """`in` finds each of the given ids and nothing else."""
    ids = write_messages(database, room, room.bob, 3)
    found = legacy.call("replies", room.bob.token, ids=[ids[0], ids[2]])
    assert {row["id"] for row in found.data} == {ids[0], ids[2]}


def test_a_sent_message_keeps_the_clock_of_its_browser(legacy: LegacyClient, room: Room) -> None:
    """The row comes back as one object; created_at is what was sent, expires_at what the trigger made."""
    sent = legacy.call("sendMessage", room.bob.token, row=message_row(room, room.bob.user_id))
    assert sent.status in (None, 201)
    assert sent.data["created_at"] == "2026-11-22T10:11:12.345+00:00"
    expires_at = datetime.fromisoformat(sent.data["expires_at"])
    assert 28 <= (expires_at - datetime.now(UTC)).days <= 31


def test_a_sent_message_comes_back_with_its_sender(supabase_js: SupabaseJs, room: Room) -> None:
    """`columns`, `select` with an embed, representation and the object Accept in one request: the store's own."""
    sent = supabase_js.call("sendMessage", room.bob.token, row=message_row(room, room.bob.user_id))
    assert (sent.status, sent.data["sender"]["username"]) == (201, "bob")


def test_a_stranger_can_write_into_any_conversation(legacy: LegacyClient, room: Room) -> None:
    """Row-level security tests the sender, not the membership."""
    sent = legacy.call("sendMessage", room.xavier.token, row=message_row(room, room.xavier.user_id))
    assert sent.data["sender_id"] == str(room.xavier.user_id)


def test_nobody_writes_as_somebody_else(legacy: LegacyClient, room: Room) -> None:
    """A sender that is not the token's user is refused, and so is a user whose row is not linked to the account."""
    row = message_row(room, room.alice.user_id)
    assert_refused(legacy.call("sendMessage", room.bob.token, row=row), "42501", 403)
    row = message_row(room, room.dave.user_id)
    assert_refused(legacy.call("sendMessage", room.dave.token, row=row), "42501", 403)
    assert_refused(legacy.call("sendMessage", None, row=row), "42501", 401)


def test_a_bad_message_is_refused_with_its_reason(legacy: LegacyClient, room: Room) -> None:
    """Unknown conversation 409, type outside the check 400, an id that is none 400, an unknown column 400."""
    bob, row = room.bob, message_row(room, room.bob.user_id)
    bad = {
        ("23503", 409): {**row, "conversation_id": str(bob.user_id)},
        ("23514", 400): {**row, "message_type": "poem"},
        ("22P02", 400): {**row, "conversation_id": "nonsense"},
        ("PGRST204", 400): {**row, "nonsense": 1},
    }
    for (code, status), wrong in bad.items():
        assert_refused(legacy.call("sendMessage", bob.token, row=wrong), code, status)


def test_older_messages_are_found_from_a_message(
    legacy: LegacyClient, room: Room, database: psycopg.Connection
) -> None:
    """Its time, read by id as a single object, and then what is before, newest first."""
    ids = write_messages(database, room, room.bob, 4)
    before = legacy.call("createdAt", room.bob.token, id=ids[2]).data["created_at"]
    found = legacy.call("messagesBefore", room.bob.token, conversation=room.id, before=before)
    assert [row["id"] for row in found.data] == [ids[1], ids[0]]


def test_a_single_row_that_is_not_there_is_an_error(legacy: LegacyClient, room: Room) -> None:
    """The object Accept without a row is 406 PGRST116."""
    assert_refused(legacy.call("createdAt", room.bob.token, id=room.id), "PGRST116", 406)


def test_receipts_typing_and_presence_are_refused(
    legacy: LegacyClient, room: Room, database: psycopg.Connection
) -> None:
    """The three tables without a policy take nothing from a user, alone or in a list."""
    (message,) = write_messages(database, room, room.alice, 1)
    bob = str(room.bob.user_id)
    receipt = {"message_id": message, "user_id": bob, "status": "read", "timestamp": BROWSER_CLOCK}
    typing = {"conversation_id": room.id, "user_id": bob, "is_typing": True, "updated_at": BROWSER_CLOCK}
    presence = {"user_id": bob, "status": "online", "last_seen": BROWSER_CLOCK, "updated_at": BROWSER_CLOCK}
    for outcome in (
        legacy.call("markMessagesAsRead", room.bob.token, rows=[receipt]),
        legacy.call("markMessageAsRead", room.bob.token, row=receipt),
        legacy.call("setTypingIndicator", room.bob.token, row=typing),
        legacy.call("updatePresence", room.bob.token, row=presence),
    ):
        assert_refused(outcome, "42501", 403)


def test_the_service_role_writes_receipts_typing_and_presence(
    legacy: LegacyClient, sandbox: SandboxAddress, room: Room, database: psycopg.Connection
) -> None:
    """A legacy service_role key in Authorization takes precedence over the publishable key."""
    (message,) = write_messages(database, room, room.alice, 1)
    receipt = {"message_id": message, "user_id": str(room.bob.user_id), "status": "read", "timestamp": BROWSER_CLOCK}
    for _ in range(2):
        done = legacy.call("markMessagesAsRead", sandbox.service_role_key, rows=[receipt])
        assert done.code is None
        assert done.status in (None, 200, 201)
    count = database.execute("select count(*) from message_status where message_id = %s", (message,)).fetchone()
    assert count == (1,)


# Functions -----------------------------------------------------------------------------------------------------------


def test_a_group_is_created_only_by_users_whose_ids_are_equal(legacy: LegacyClient, room: Room) -> None:
    """Alice gets an array with one row; bob, whose ids differ, is refused by the groups' policy."""
    asked = {"group_name": "G", "group_description": None, "is_public_group": False}
    made = legacy.call("createGroup", room.alice.token, **asked, creator_id=str(room.alice.user_id))
    assert set(made.data[0]) == {"group_id", "room_id", "invite_code"}
    refused = legacy.call("createGroup", room.bob.token, **asked, creator_id=str(room.bob.user_id))
    assert_refused(refused, "42501", 403)


def test_joining_a_group_never_succeeds(legacy: LegacyClient, room: Room) -> None:
    """An unknown code is a row that says so; a code that is found fails on an ambiguous column."""
    alice = str(room.alice.user_id)
    unknown = legacy.call("joinGroupByInvite", room.alice.token, invite_code_param="NONE", user_id_param=alice)
    assert unknown.data == [{"success": False, "group_id": None, "message": "Invalid invite code"}]
    group = legacy.call(
        *("createGroup", room.alice.token),
        group_name="G",
        creator_id=alice,
        group_description=None,
        is_public_group=True,
    )
    code = group.data[0]["invite_code"]
    found = legacy.call("joinGroupByInvite", room.alice.token, invite_code_param=code, user_id_param=alice)
    assert_refused(found, "42702", 400)


def test_a_direct_conversation_is_a_bare_uuid(legacy: LegacyClient, room: Room) -> None:
    """With users.ids it is found again or made; with auth ids the foreign key refuses."""
    bob, alice = str(room.bob.user_id), str(room.alice.user_id)
    made = legacy.call("createDirectConversation", room.bob.token, user1_id=bob, user2_id=alice)
    again = legacy.call("createDirectConversation", room.bob.token, user1_id=alice, user2_id=bob)
    assert made.data == again.data
    wrong = legacy.call(
        "createDirectConversation", room.bob.token, user1_id=str(room.bob.auth_id), user2_id=str(room.xavier.user_id)
    )
    assert_refused(wrong, "23503", 409)


def test_the_old_list_function_always_fails(legacy: LegacyClient, room: Room) -> None:
    """42702: a column name is ambiguous."""
    asked = legacy.call("getUserConversations", room.bob.token, user_uuid=str(room.bob.user_id))
    assert_refused(asked, "42702", 400)


def test_the_list_function_finds_nothing_by_auth_id(legacy: LegacyClient, room: Room) -> None:
    """It works with a users.id, and is called with the auth id: an empty list for everybody whose ids differ."""
    by_users_id = legacy.call("getUserConversationsEnhanced", room.bob.token, user_uuid=str(room.bob.user_id))
    assert room.id in [row["conversation_id"] for row in by_users_id.data]
    by_auth_id = legacy.call("getUserConversationsEnhanced", room.bob.token, user_uuid=str(room.bob.auth_id))
    assert by_auth_id.data == []


# The data-access class -----------------------------------------------------------------------------------------------


def test_profiles_are_read_by_anybody_and_written_by_their_owner(legacy: LegacyClient, room: Room) -> None:
    """An update of somebody else's row changes nothing."""
    bob = str(room.bob.user_id)
    assert legacy.call("getUserProfile", None, id=bob).data["username"] == "bob"
    mine = legacy.call("updateUserProfile", room.bob.token, id=bob, changes={"bio": "digs"})
    assert mine.data["bio"] == "digs"
    others = legacy.call("updateUserProfile", room.alice.token, id=bob, changes={"bio": "sleeps"})
    assert others.data is None
    assert legacy.call("getUserProfile", None, id=bob).data["bio"] == "digs"


def test_a_message_is_read_with_the_one_it_answers(
    legacy: LegacyClient, room: Room, database: psycopg.Connection
) -> None:
    """The self-reference by its constraint's name is the one message replied to, an object, or null."""
    (question,) = write_messages(database, room, room.alice, 1)
    row = message_row(room, room.bob.user_id, reply_to_id=question)
    legacy.call("insertMessage", room.bob.token, row=row)
    answer, first = legacy.call("getMessages", room.bob.token, conversation=room.id).data
    assert answer["reply_to"] == {
        "id": question,
        "encrypted_content": "message 1",
        "sender_id": str(room.alice.user_id),
    }
    assert first["reply_to"] is None


# Auth ----------------------------------------------------------------------------------------------------------------


def test_people_sign_in_with_their_password(legacy: LegacyClient, room: Room) -> None:
    """The session's token is the hosted server's: it works on the Data API and names its user."""
    session = legacy.call("signIn", None, email=room.bob.email, password=room.bob.password).data["session"]
    row = message_row(room, room.bob.user_id)
    assert legacy.call("sendMessage", session["access_token"], row=row).code is None
    user = legacy.call("getUser", None, of=session["access_token"]).data["user"]
    assert (user["id"], user["email"]) == (str(room.bob.auth_id), room.bob.email)


def test_a_wrong_password_is_refused(legacy: LegacyClient, room: Room) -> None:
    """invalid_credentials, 400."""
    assert_refused(legacy.call("signIn", None, email=room.bob.email, password="wrong"), "invalid_credentials", 400)

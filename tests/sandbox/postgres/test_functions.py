"""DB-1's functions about groups and accounts, and the signatures of all of them (contract/data-model, section 4)."""

from __future__ import annotations

import re

import pytest

from scripts.sandbox.seed import GROUP_ID, INVITE_CODE, MESSAGES, PEOPLE
from tests.sandbox.postgres.acting import Acting, user_id

NEW_GROUP = "select group_id, room_id, invite_code from create_group_with_default_room('Choir', %s)"
JOIN = "select success, group_id::text, message from join_group_by_invite(%s, %s)"
GROUPS = "select group_name, user_role, room_count, member_count, latest_activity from get_user_groups(%s)"
ROOMS = 'select room_name, is_private, "position", unread_count from get_group_rooms(%s, %s)'

SIGNATURES = {
    "get_user_conversations_enhanced": (
        "user_uuid uuid",
        "TABLE(conversation_id uuid, conversation_type text, conversation_name text, conversation_avatar_url text, "
        "group_id uuid, group_name text, participant_count bigint, latest_message_id uuid, "
        "latest_message_content text, latest_message_sender_id uuid, latest_message_sender_username text, "
        "latest_message_created_at timestamp with time zone, unread_count bigint)",
    ),
    "get_user_conversations": (
        "user_uuid uuid",
        "TABLE(conversation_id uuid, conversation_type text, conversation_name text, conversation_avatar_url text, "
        "participant_count bigint, latest_message_id uuid, latest_message_content text, "
        "latest_message_sender_id uuid, latest_message_sender_username text, "
        "latest_message_created_at timestamp with time zone, unread_count bigint)",
    ),
    "create_direct_conversation": ("user1_id uuid, user2_id uuid", "uuid"),
    "create_group_with_default_room": (
        "group_name text, creator_id uuid, group_description text DEFAULT NULL::text, "
        "is_public_group boolean DEFAULT false",
        "TABLE(group_id uuid, room_id uuid, invite_code text)",
    ),
    "join_group_by_invite": (
        "invite_code_param text, user_id_param uuid",
        "TABLE(success boolean, group_id uuid, message text)",
    ),
    "get_user_groups": (
        "user_uuid uuid",
        "TABLE(group_id uuid, group_name text, group_description text, group_avatar_url text, user_role text, "
        "room_count bigint, member_count bigint, latest_activity timestamp with time zone)",
    ),
    "get_group_rooms": (
        "group_uuid uuid, user_uuid uuid",
        'TABLE(room_id uuid, room_name text, room_description text, is_private boolean, "position" integer, '
        "unread_count bigint, latest_message_content text, latest_message_created_at timestamp with time zone)",
    ),
    "calculate_message_expiration": ("conversation_id uuid, sender_id uuid", "timestamp with time zone"),
    "cleanup_expired_messages": ("", "integer"),
    "sync_user_with_auth": (
        "p_phone_number text, p_auth_user_id uuid, p_username text, p_display_name text",
        "uuid",
    ),
}
DEFINER = {"calculate_message_expiration", "cleanup_expired_messages", "sync_user_with_auth"}


@pytest.mark.parametrize("name", SIGNATURES)
async def test_clients_call_by_these_names_and_get_these_columns(acting: Acting, name: str) -> None:
    """PostgREST calls by argument name; SECURITY DEFINER only where the contract says so."""
    found = await acting.one(
        "select pg_get_function_arguments(oid), pg_get_function_result(oid), prosecdef from pg_proc "
        "where pronamespace = 'public'::regnamespace and proname = %s",
        name,
    )
    assert found == (*SIGNATURES[name], name in DEFINER)


# Groups --------------------------------------------------------------------------------------------------------------


async def test_a_user_whose_ids_are_equal_makes_a_group(acting: Acting) -> None:
    """With a room "general", as its owner and admin, and an invite code of eight hex characters."""
    group, room, code = await (await acting.become("alice")).one(NEW_GROUP, user_id("alice"))
    assert re.fullmatch("[0-9A-F]{8}", code)
    assert await acting.one("select name, is_public, invite_code from groups where id = %s", group) == (
        "Choir",
        False,
        code,
    )
    assert await acting.rows("select user_id::text, role from group_members where group_id = %s", group) == [
        (user_id("alice"), "owner")
    ]
    assert await acting.one("select type, name, position from conversations where id = %s", room) == (
        "room",
        "general",
        0,
    )
    assert await acting.rows(
        "select user_id::text, role from conversation_participants where conversation_id = %s", room
    ) == [(user_id("alice"), "admin")]


async def test_a_normal_user_cannot_make_a_group(acting: Acting) -> None:
    """The groups policies compare the auth id (42501)."""
    assert await (await acting.become("bob")).sqlstate(NEW_GROUP, user_id("bob")) == "42501"


async def test_an_unknown_invite_code_is_invalid(acting: Acting) -> None:
    """An answer, not an error."""
    assert await (await acting.become("frank")).one(JOIN, "00000000", user_id("frank")) == (
        False,
        None,
        "Invalid invite code",
    )


async def test_the_code_of_a_private_group_is_invalid_too(acting: Acting) -> None:
    """RLS hides the group from the function."""
    assert await (await acting.become("frank")).one(JOIN, INVITE_CODE, user_id("frank")) == (
        False,
        None,
        "Invalid invite code",
    )


@pytest.mark.parametrize("who", ["alice", "frank", "bob", "xavier"])
async def test_any_code_that_is_found_fails(acting: Acting, who: str) -> None:
    """group_id is ambiguous (42702), for members and others; joining never succeeds."""
    await acting.changed("update groups set is_public = true")
    error = await (await acting.become(who)).error(JOIN, INVITE_CODE, user_id(who))
    assert error is not None
    assert error.sqlstate == "42702"
    assert 'column reference "group_id" is ambiguous' in str(error)


async def test_groups_are_listed_as_far_as_rls_shows_them(acting: Acting) -> None:
    """The creator with equal ids sees hers, with counts and the time of the latest message; the admin sees none."""
    name, role, rooms, members, activity = await (await acting.become("alice")).one(GROUPS, user_id("alice"))
    assert (name, role, rooms, members) == ("Garden Club", "owner", 3, 4)
    assert activity == await acting.one("select created_at from messages where id = %s", MESSAGES["tomatoes"])
    assert await (await acting.become("bob")).rows(GROUPS, user_id("bob")) == []


async def test_rooms_of_a_group_are_listed(acting: Acting) -> None:
    """Works: private rooms for their members only, in their order; nobody calls it."""
    await acting.become("bob")
    assert await acting.rows(ROOMS, GROUP_ID, user_id("bob")) == [
        ("general", False, 0, 9),
        ("seedlings", False, 1, 1),
        ("committee", True, 2, 0),
    ]
    rooms = await (await acting.become("carol")).rows(ROOMS, GROUP_ID, user_id("carol"))
    assert [room[0] for room in rooms] == ["general", "seedlings"]


# Accounts ------------------------------------------------------------------------------------------------------------


async def test_an_account_is_linked_to_the_row_with_its_phone(acting: Acting) -> None:
    """As SECURITY DEFINER, with a note in the Auth server's audit log."""
    dave = PEOPLE["dave"]
    statement = "select sync_user_with_auth(%s, %s, 'unused', 'Unused')::text"
    await acting.become("dave")
    assert await acting.one(statement, dave.phone, dave.auth_id) == dave.user_id
    await acting.become_owner()
    assert await acting.one("select auth_user_id::text, username from users where id = %s", dave.user_id) == (
        dave.auth_id,
        "dave",
    )
    assert await acting.one("select payload ->> 'user_id' from auth.audit_log_entries") == dave.user_id


async def test_an_account_with_an_unknown_phone_gets_a_row(acting: Acting) -> None:
    """The id is generated: it differs from the auth id."""
    erin = PEOPLE["erin"]
    statement = "select sync_user_with_auth(%s, %s, 'erin', 'Erin')::text"
    made = await (await acting.become("erin")).one(statement, erin.phone, erin.auth_id)
    assert made != erin.auth_id
    assert await acting.one("select auth_user_id::text from users where id = %s", made) == erin.auth_id

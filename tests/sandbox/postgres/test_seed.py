"""The sample people: one of every kind that the contract's checks name, and everything that has broken a chat."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from scripts.sandbox.sample_messages import (
    BACKSLASHES,
    BUFFER_JSON,
    EMOJI,
    HEX_LOOKALIKE,
    SECRET,
    TRIP_MESSAGES,
)
from scripts.sandbox.seed import CONVERSATIONS, GROUP_ID, INVITE_CODE, MESSAGES, PEOPLE, seed
from tests.sandbox.postgres.acting import Acting, user_id


def test_there_is_somebody_of_every_kind() -> None:
    """A and F have equal ids, B, C, X and the left one do not; D is not linked, E has no users row."""
    for name in ("alice", "frank"):
        assert PEOPLE[name].user_id == PEOPLE[name].auth_id
    for name in ("bob", "carol", "grace", "xavier"):
        assert PEOPLE[name].user_id != PEOPLE[name].auth_id
        assert PEOPLE[name].linked
    assert (PEOPLE["dave"].linked, PEOPLE["dave"].email) == (False, None)
    assert (PEOPLE["erin"].user_id, PEOPLE["erin"].auth_id is not None) == (None, True)
    assert {name: person.name for name, person in PEOPLE.items()} == {name: name for name in PEOPLE}


def test_ids_are_distinct_and_look_like_a_legacy_writers() -> None:
    """Version 4: the bridge's own are version 8 (design.md, decision 5)."""
    people = [identifier for person in PEOPLE.values() for identifier in {person.user_id, person.auth_id} - {None}]
    every = [*people, *CONVERSATIONS.values(), *MESSAGES.values(), GROUP_ID]
    assert len(set(every)) == len(every)
    assert {UUID(identifier).version for identifier in every} == {4}


async def test_users_rows_are_what_the_constants_say(acting: Acting) -> None:
    """Erin has none."""
    rows = await acting.rows(
        "select username, display_name, phone_number, id::text, auth_user_id::text from users order by phone_number"
    )
    assert rows == [
        (one.username, one.display_name, one.phone, one.user_id, one.auth_id if one.linked else None)
        for one in PEOPLE.values()
        if one.user_id
    ]


async def test_everybody_has_an_auth_account(acting: Acting) -> None:
    """With the phone as the Auth server keeps it, without its +; the email where there is one."""
    rows = await acting.rows("select id::text, email, phone, confirmed_at is not null from auth.users order by phone")
    assert rows == [(one.auth_id, one.email, one.phone[1:], True) for one in PEOPLE.values()]


async def test_a_direct_conversation_is_damaged_as_rest_damaged_it(acting: Acting) -> None:
    """No creator, only the other person in it; the missing one shows in the senders (data-model, section 6)."""
    damaged = CONVERSATIONS["damaged"]
    assert await acting.one("select type, created_by from conversations where id = %s", damaged) == ("direct", None)
    members = await acting.rows(
        "select user_id::text from conversation_participants where conversation_id = %s", damaged
    )
    assert members == [(user_id("carol"),)]
    senders = await acting.rows("select sender_id::text from messages where conversation_id = %s", damaged)
    assert senders == [(user_id("bob"),)]


async def test_a_long_conversation_has_equal_times_across_a_pages_end(acting: Acting) -> None:
    """120 rows, seven of them at one moment: newest first, the 60th and the 61st are among them."""
    rows = await acting.rows(
        "select created_at, count(*) over (partition by created_at) from messages where conversation_id = %s "
        "order by created_at desc",
        CONVERSATIONS["trip"],
    )
    assert len(rows) == TRIP_MESSAGES == 120
    assert sorted({row[1] for row in rows}) == [1, 7]
    assert [rows[59][1], rows[60][1]] == [7, 7]


async def test_the_group_has_owner_members_and_rooms(acting: Acting) -> None:
    """One of its rooms is private, and one member has left."""
    assert await acting.one("select invite_code, created_by::text from groups where id = %s", GROUP_ID) == (
        INVITE_CODE,
        user_id("alice"),
    )
    members = await acting.rows(
        "select u.username, m.role, m.left_at is null from group_members m join users u on u.id = m.user_id"
    )
    assert set(members) == {
        ("alice", "owner", True),
        ("bob", "admin", True),
        ("carol", "member", True),
        ("dave", "member", True),
        ("grace", "member", False),
    }
    rooms = await acting.rows(
        "select name, is_private from conversations where group_id = %s order by position", GROUP_ID
    )
    assert dict(rooms) == {"general": False, "seedlings": False, "committee": True}


@pytest.mark.parametrize(("who", "conversation"), [("grace", "trip"), ("grace", "general"), ("bob", "book-club")])
async def test_some_have_left(acting: Acting, who: str, conversation: str) -> None:
    """Grace everything; bob one, so that "B left" can be checked with a normal user."""
    left = "select left_at is not null from conversation_participants where conversation_id = %s and user_id = %s"
    assert await acting.one(left, CONVERSATIONS[conversation], user_id(who))


async def test_the_stranger_shares_no_conversation(acting: Acting) -> None:
    """He has one of his own."""
    mine = "select conversation_id from conversation_participants where user_id = %s"
    others = await acting.rows(
        f"select distinct user_id::text from conversation_participants where conversation_id in ({mine})",
        user_id("xavier"),
    )
    assert others == [(user_id("xavier"),)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("backslashes", BACKSLASHES),
        ("hex", HEX_LOOKALIKE),
        ("emoji", EMOJI),
        ("buffer", BUFFER_JSON),
        ("secret", SECRET),
    ],
)
async def test_difficult_texts_are_stored_as_typed(acting: Acting, name: str, text: str) -> None:
    """Nothing is escaped, decoded or normalised on the way."""
    assert await acting.one("select encrypted_content from messages where id = %s", MESSAGES[name]) == text


async def test_some_messages_are_replies_deleted_edited_or_expired(acting: Acting) -> None:
    """The expired one by an update, as the insert trigger decides otherwise."""
    state = "select {} from messages where id = %s"
    assert await acting.one(state.format("reply_to_id::text"), MESSAGES["answer"]) == MESSAGES["hello"]
    assert await acting.one(state.format("deleted_at > created_at"), MESSAGES["deleted"])
    assert await acting.one(state.format("edited_at > created_at"), MESSAGES["edited"])
    assert await acting.one(state.format("expires_at < now()"), MESSAGES["expired"])
    assert await acting.one(state.format("message_type"), MESSAGES["system"]) == "system"
    assert await acting.one(state.format("metadata #>> '{{file,name}}'"), MESSAGES["metadata"]) == "beds.pdf"


async def test_one_reply_reaches_into_a_strangers_conversation(acting: Acting) -> None:
    """The bait for leaks: a reply in one conversation to a message of another."""
    reply = "select m.conversation_id::text, r.conversation_id::text, r.encrypted_content "
    source = "from messages m join messages r on r.id = m.reply_to_id where m.conversation_id <> r.conversation_id"
    assert await acting.one(reply + source) == (CONVERSATIONS["general"], CONVERSATIONS["xavier-notes"], SECRET)


async def test_seeding_twice_changes_nothing(postgres_dsn: str, acting: Acting) -> None:
    """The rows are there: the second attempt fails as a whole."""
    before = await acting.one("select count(*) from messages")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await seed(postgres_dsn)
    assert await acting.one("select count(*) from messages") == before

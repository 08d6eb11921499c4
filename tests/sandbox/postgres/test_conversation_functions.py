"""The conversation functions of DB-1: what they answer, and exactly how they fail (contract/data-model, section 4)."""

from __future__ import annotations

import pytest

from scripts.sandbox.seed import CONVERSATIONS, GROUP_ID, MESSAGES, PEOPLE
from tests.sandbox.postgres.acting import Acting, user_id

LIST = "select {} from get_user_conversations_enhanced(%s)"
NAMES = LIST.format("conversation_id::text, conversation_name")
DIRECT = "select create_direct_conversation(%s, %s)::text"
NOBODY = "00000000-0000-4000-8000-000000000000"


# Conversation lists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [user_id("bob"), PEOPLE["bob"].auth_id, NOBODY])
async def test_the_old_list_always_fails(acting: Acting, who: str) -> None:
    """conversation_id is ambiguous (42702), whoever asks for whomever."""
    statement = "select * from get_user_conversations(%s)"
    assert await acting.sqlstate(statement, who) == "42702"
    error = await (await acting.become("bob")).error(statement, who)
    assert error is not None
    assert 'column reference "conversation_id" is ambiguous' in str(error)


async def test_the_list_finds_the_other_person_only_if_both_ids_are_equal(acting: Acting) -> None:
    """Names come through auth_user_id = participants.user_id: null for carol, there for alice."""
    await acting.become("bob")
    names = dict(await acting.rows(NAMES, user_id("bob")))
    assert names[CONVERSATIONS["bob-carol"]] is None
    assert names[CONVERSATIONS["alice-bob"]] == "Alice Archer"
    assert names[CONVERSATIONS["trip"]] == "Weekend trip"


async def test_the_list_finds_the_senders_username_the_same_way(acting: Acting) -> None:
    """The sender's id is always there, his name only where the ids are equal."""
    columns = LIST.format("conversation_id::text, latest_message_sender_id::text, latest_message_sender_username")
    found = {row[0]: row[1:] for row in await acting.rows(columns, user_id("alice"))}
    assert found[CONVERSATIONS["alice-frank"]] == (user_id("frank"), "frank")
    assert found[CONVERSATIONS["alice-bob"]] == (user_id("bob"), None)


async def test_the_list_is_empty_for_the_auth_id_that_rest_passes(acting: Acting) -> None:
    """Except for users whose two ids are equal (data-model, section 6)."""
    assert await (await acting.become("bob")).rows(NAMES, PEOPLE["bob"].auth_id) == []
    assert await (await acting.become("alice")).rows(NAMES, PEOPLE["alice"].auth_id) != []


async def test_the_list_leaves_out_what_one_has_left(acting: Acting) -> None:
    """Only active participant rows count for the caller himself."""
    listed = {row[0] for row in await acting.rows(NAMES, user_id("bob"))}
    assert CONVERSATIONS["book-club"] not in listed
    assert await acting.rows(NAMES, user_id("grace")) == []


async def test_the_list_counts_members_who_left(acting: Acting) -> None:
    """Four participants in a conversation of three."""
    counts = dict(await acting.rows(LIST.format("conversation_id::text, participant_count"), user_id("bob")))
    assert counts[CONVERSATIONS["trip"]] == 4


async def test_the_list_shows_expired_messages_as_latest_but_no_deleted_ones(acting: Acting) -> None:
    """Contract F48."""
    latest = LIST.format("latest_message_id::text") + " where conversation_id = %s"
    general = CONVERSATIONS["general"]
    await acting.changed(
        "delete from messages where id = any(%s::uuid[])", [MESSAGES["leak-bait"], MESSAGES["grace-leaves"]]
    )
    assert await acting.one(latest, user_id("bob"), general) == MESSAGES["expired"]
    await acting.changed("update messages set deleted_at = now() where id = %s", MESSAGES["expired"])
    assert await acting.one(latest, user_id("bob"), general) == MESSAGES["edited"]


async def test_unread_never_falls_for_a_user(acting: Acting) -> None:
    """Receipts are there, but RLS hides them: all of the others' messages are unread (contract F43)."""
    unread = LIST.format("unread_count") + " where conversation_id = %s"
    assert await acting.one(unread, user_id("alice"), CONVERSATIONS["trip"]) == 14
    await acting.become("alice")
    assert await acting.one(unread, user_id("alice"), CONVERSATIONS["trip"]) == 80


async def test_the_groups_name_passes_through_the_groups_policies(acting: Acting) -> None:
    """Its creator sees it, its admin does not."""
    name = LIST.format("group_id::text, group_name") + " where conversation_id = %s"
    assert await (await acting.become("alice")).one(name, user_id("alice"), CONVERSATIONS["general"]) == (
        GROUP_ID,
        "Garden Club",
    )
    assert await (await acting.become("bob")).one(name, user_id("bob"), CONVERSATIONS["general"]) == (GROUP_ID, None)


async def test_the_list_is_ordered_by_the_latest_message_or_the_creation(acting: Acting) -> None:
    """Newest first; a conversation without messages by its own age."""
    when = LIST.format("coalesce(latest_message_created_at, c.created_at)").replace(
        "(%s)", "(%s) l join conversations c on c.id = l.conversation_id"
    )
    times = [row[0] for row in await acting.rows(when, user_id("alice"))]
    assert len(times) == 6
    assert times == sorted(times, reverse=True)


# Direct conversations ------------------------------------------------------------------------------------------------


async def test_an_existing_direct_conversation_is_returned_in_either_order(acting: Acting) -> None:
    """With users.ids, for a normal user."""
    await acting.become("carol")
    assert await acting.one(DIRECT, user_id("bob"), user_id("carol")) == CONVERSATIONS["bob-carol"]
    assert await acting.one(DIRECT, user_id("carol"), user_id("bob")) == CONVERSATIONS["bob-carol"]


async def test_a_new_direct_conversation_has_both_as_members(acting: Acting) -> None:
    """Made by the first."""
    made = await (await acting.become("carol")).one(DIRECT, user_id("carol"), user_id("frank"))
    assert await acting.one("select type, created_by::text from conversations where id = %s", made) == (
        "direct",
        user_id("carol"),
    )
    members = await acting.rows(
        "select user_id::text, role from conversation_participants where conversation_id = %s", made
    )
    assert set(members) == {(user_id("carol"), "member"), (user_id("frank"), "member")}


async def test_a_left_member_does_not_count_for_an_existing_direct_conversation(acting: Acting) -> None:
    """Both must be active."""
    await acting.changed(
        "update conversation_participants set left_at = now() where conversation_id = %s and user_id = %s",
        CONVERSATIONS["bob-carol"],
        user_id("carol"),
    )
    made = await (await acting.become("bob")).one(DIRECT, user_id("bob"), user_id("carol"))
    assert made != CONVERSATIONS["bob-carol"]


@pytest.mark.parametrize(
    ("who", "one", "other", "sqlstate"),
    [
        ("bob", PEOPLE["bob"].auth_id, PEOPLE["carol"].auth_id, "23503"),
        ("bob", user_id("frank"), user_id("bob"), "42501"),
        ("dave", user_id("dave"), user_id("frank"), "42501"),
    ],
)
async def test_a_direct_conversation_fails_with_auth_ids_and_for_others(
    acting: Acting, who: str, one: str, other: str, sqlstate: str
) -> None:
    """23503 from the participants' key, 42501 when the first is not the caller."""
    assert await (await acting.become(who)).sqlstate(DIRECT, one, other) == sqlstate


async def test_a_direct_conversation_with_oneself_is_any_other_one(acting: Acting) -> None:
    """Contract F5: whichever the database finds first."""
    found = await (await acting.become("bob")).one(DIRECT, user_id("bob"), user_id("bob"))
    assert found in {CONVERSATIONS[name] for name in ("bob-carol", "alice-bob", "bob-dave")}
    assert await (await acting.become("xavier")).sqlstate(DIRECT, user_id("xavier"), user_id("xavier")) == "23505"

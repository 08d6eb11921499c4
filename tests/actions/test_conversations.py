"""The list of conversations, and opening and closing one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bridge.errors import ACCESS_DENIED, CONVERSATION_ID_REQUIRED, StoreDown
from tests.actions.performing import perform, refusal
from tests.parts import Parts
from tests.people import BIRTH, EVERY_KIND, OTHER_ROOM, ROOM, A, B, C, Person, X, conversation_id, message, participant

DIRECT = conversation_id(3)
ROOM_ACTIONS = ("join_conversation", "leave_conversation")


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_a_user_of_any_kind_sees_its_conversations(person: Person) -> None:
    """Its own only, under both name sets, without anybody's auth id (contract F1)."""
    parts = Parts()
    listed = (await perform(parts, person, "load_conversations"))["conversations"]
    assert [(row["id"], row["conversation_id"]) for row in listed] == [(ROOM, ROOM)]
    assert listed[0]["participant_count"] == 4
    assert B.auth_id not in str(listed)


async def test_the_latest_comes_first() -> None:
    """By newest activity, with content, sender and what is unread."""
    parts = Parts()
    parts.legacy_insert(message(1, B))
    parts.legacy_insert(message(2, X, conversation=OTHER_ROOM))
    listed = (await perform(parts, C, "load_conversations"))["conversations"]
    assert [row["id"] for row in listed] == [OTHER_ROOM, ROOM]
    assert listed[1]["last_message_content"] == listed[1]["latest_message_content"] == "legacy 1"
    assert listed[1]["last_message_sender_username"] == "b"
    assert [row["unread_count"] for row in listed] == [1, 1]


async def test_a_direct_conversation_is_called_after_the_other_person() -> None:
    """For each of the two another name."""
    parts = Parts()
    for person in (A, B):
        parts.tables.add_participant(DIRECT, person.user_id)
    for person, other in ((A, B), (B, A)):
        listed = (await perform(parts, person, "load_conversations"))["conversations"]
        assert [row["name"] for row in listed if row["id"] == DIRECT] == [other.profile.display_name]


async def test_deleted_and_expired_messages_are_neither_latest_nor_unread() -> None:
    """As if they were not there (contract F48)."""
    parts = Parts()
    parts.legacy_insert(replace(message(1), deleted_at=BIRTH))
    parts.legacy_insert(replace(message(2), expires_at=BIRTH))
    listed = (await perform(parts, A, "load_conversations"))["conversations"]
    assert (listed[0]["latest_message_id"], listed[0]["unread_count"]) == (None, 0)


async def test_who_left_sees_the_conversation_no_more() -> None:
    """And is not counted by the others (contract F8)."""
    parts = Parts()
    gone = participant(B, left=True)
    parts.tables.rows[gone.id] = gone
    assert await perform(parts, B, "load_conversations") == {"conversations": []}
    assert (await perform(parts, A, "load_conversations"))["conversations"][0]["participant_count"] == 3


async def test_the_list_fails_as_the_tables_fail() -> None:
    """The session says DATABASE_ERROR then."""
    parts = Parts()
    parts.door.failing["conversations.summaries"] = StoreDown()
    with pytest.raises(StoreDown):
        await perform(parts, A, "load_conversations")


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_a_member_opens_a_conversation(person: Person) -> None:
    """Again and again; the latest is the one on its screen."""
    parts = Parts()
    caller = parts.caller(person)
    for _ in range(2):
        assert await perform(parts, caller, "join_conversation", conversationId=ROOM) == {"conversationId": ROOM}
    assert caller.rooms.latest == ROOM


async def test_joining_is_not_being_a_member() -> None:
    """A stranger gets into no room, of those that exist and those that do not (contract F9)."""
    parts = Parts()
    caller = parts.caller(X)
    for foreign in (ROOM, conversation_id(99), "nonsense"):
        assert await refusal(parts, caller, "join_conversation", conversationId=foreign) == ACCESS_DENIED
    assert caller.rooms.latest is None


@pytest.mark.parametrize("name", ROOM_ACTIONS)
@pytest.mark.parametrize(
    "payload", [{}, {"conversationId": None}, {"conversationId": ""}, {"conversationId": 5}, {"conversationId": [ROOM]}]
)
async def test_an_id_is_required(name: str, payload: dict[str, object]) -> None:
    """Before it is looked at whose conversation it is, so a stranger hears the same."""
    assert await refusal(Parts(), B, name, **payload) == CONVERSATION_ID_REQUIRED
    assert await refusal(Parts(), X, name, **payload) == CONVERSATION_ID_REQUIRED


async def test_a_conversation_is_closed_without_a_question() -> None:
    """Of any spelling; membership is not looked at (contract ws-protocol section 4)."""
    parts = Parts()
    caller = parts.caller(B)
    caller.rooms.join(ROOM)
    asked = ROOM.upper()
    assert await perform(parts, caller, "leave_conversation", conversationId=asked) == {"conversationId": asked}
    assert caller.rooms.latest is None
    assert parts.tables.asked == []


@pytest.mark.parametrize("conversation", [OTHER_ROOM, conversation_id(99), "nonsense"])
async def test_closing_what_is_not_open_is_fine(conversation: str) -> None:
    """Whatever it is."""
    parts = Parts()
    caller = parts.caller(B)
    caller.rooms.join(ROOM)
    answer = await perform(parts, caller, "leave_conversation", conversationId=conversation)
    assert answer == {"conversationId": conversation}
    assert caller.rooms.latest == ROOM


async def test_the_room_is_the_same_in_any_spelling() -> None:
    """Joined in upper case, it is the conversation of lower-case rows."""
    parts = Parts()
    caller = parts.caller(B)
    await perform(parts, caller, "join_conversation", conversationId=ROOM.upper())
    assert caller.rooms.latest == ROOM


async def test_time_decides_what_is_expired() -> None:
    """Asked with the clock's now, not the machine's."""
    parts = Parts()
    parts.legacy_insert(replace(message(1), expires_at=BIRTH + timedelta(seconds=10)))
    parts.clock.advance(9)
    assert (await perform(parts, A, "load_conversations"))["conversations"][0]["unread_count"] == 1
    parts.clock.advance(1)
    assert (await perform(parts, A, "load_conversations"))["conversations"][0]["unread_count"] == 0

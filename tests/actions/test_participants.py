"""load_participants, as members and others see it (contract legacy-rest section 3.3)."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bridge.errors import ACCESS_DENIED, CONVERSATION_ID_REQUIRED, StoreDown
from bridge.models import AuthId, ParticipantId, UserId
from tests.actions.performing import perform, refusal
from tests.parts import Parts
from tests.people import BIRTH, EVERY_KIND, OTHER_ROOM, ROOM, A, B, C, D, Person, X

LOAD = "load_participants"


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_members_see_each_other_with_their_names(person: Person) -> None:
    """One person to a row, under its users.id (contract F1)."""
    parts = Parts()
    parts.tables.joined_at[ParticipantId(f"{ROOM}/{B.user_id}/0")] = BIRTH + timedelta(microseconds=7)
    loaded = await perform(parts, person, LOAD, conversationId=ROOM.upper())
    assert loaded["conversationId"] == ROOM
    assert [row["user_id"] for row in loaded["participants"]] == [one.user_id for one in (A, B, C, D)]
    assert loaded["participants"][1] == {
        "user_id": B.user_id,
        "role": "member",
        "joined_at": "2026-01-01T00:00:00.000007+00:00",
        "users": {"id": B.user_id, "username": "b", "display_name": "Person B", "avatar_url": None},
    }
    assert B.auth_id not in str(loaded)


async def test_who_has_left_is_not_shown() -> None:
    """Nor counted (contract F8)."""
    parts = Parts()
    row = ParticipantId(f"{ROOM}/{C.user_id}/0")
    parts.tables.rows[row] = replace(parts.tables.rows[row], left_at=BIRTH)
    loaded = await perform(parts, B, LOAD, conversationId=ROOM)
    assert [row["user_id"] for row in loaded["participants"]] == [one.user_id for one in (A, B, D)]


async def test_a_row_with_an_auth_id_is_shown_as_the_person() -> None:
    """Once, though there may be two rows; an id that is nobody's is not shown (contract data-model section 6)."""
    parts = Parts()
    for one in (B.auth_id, X.auth_id, AuthId(str(uuid.UUID(int=9)))):
        parts.tables.add_participant(ROOM, UserId(str(one)))
    loaded = await perform(parts, B, LOAD, conversationId=ROOM)
    assert [row["user_id"] for row in loaded["participants"]] == [one.user_id for one in (A, B, C, D, X)]
    assert X.auth_id not in str(loaded)


@pytest.mark.parametrize("conversation", [OTHER_ROOM, "nonsense", str(uuid.UUID(int=9))])
async def test_others_see_nobody(conversation: str) -> None:
    """Foreign, unknown and malformed ids are refused alike; none given is another matter."""
    assert await refusal(Parts(), B, LOAD, conversationId=conversation) == ACCESS_DENIED
    assert await refusal(Parts(), B, LOAD, conversationId="") == CONVERSATION_ID_REQUIRED
    assert await refusal(Parts(), B, LOAD) == CONVERSATION_ID_REQUIRED


async def test_names_that_cannot_be_read_are_a_failure() -> None:
    """Rather than members who are missing from the list: sealing clients send to whom it names."""
    parts = Parts()
    parts.tables.add_participant(ROOM, UserId(str(X.auth_id)))
    parts.door.failing["users.by_any_ids"] = StoreDown()
    with pytest.raises(StoreDown):
        await perform(parts, B, LOAD, conversationId=ROOM)

"""What the old endpoints answer to people who make conversations and let others in (contract legacy-rest section 3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.shims import CONVERSATIONS, EACH_KIND, PAIR, participants, shims, with_pair
from tests.people import B, C, D, F, Person, X


@EACH_KIND
@pytest.mark.parametrize("is_auth_id", [False, True], ids=["users.id", "auth id"])
async def test_a_direct_conversation_is_made_once_and_found_then(person: Person, *, is_auth_id: bool) -> None:
    """200 both times, with different messages; the creator is in it (contract F1, F2)."""
    async with shims() as s:
        other = C.auth_id if is_auth_id else C.user_id
        body = {"type": "direct", "participant_ids": [other, other, person.user_id]}
        made = await s.ask("POST", CONVERSATIONS, body, person)
        conversation = made.body["conversation_id"]
        assert made == (200, {"conversation_id": conversation, "message": CREATED})
        found = await s.ask("POST", CONVERSATIONS, body, person)
        assert found == (200, {"conversation_id": conversation, "message": EXISTS})
        theirs = await s.ask("POST", CONVERSATIONS, {"type": "direct", "participant_ids": [person.user_id]}, C)
        assert theirs == found
        row = s.world.tables.conversation_rows[conversation]
        assert row.created_by == person.user_id
        assert set(s.world.tables.active(row.id)) == {person.user_id, C.user_id}


CREATED = "Conversation created successfully"
EXISTS = "Direct message conversation already exists"


@pytest.mark.parametrize(
    ("body", "kind", "name"),
    [
        ({"type": "group", "name": "Trip", "participant_ids": [C.user_id, D.user_id]}, "group", "Trip"),
        ({"type": "room", "name": "Hall", "participant_ids": [C.user_id]}, "room", "Hall"),
        ({"type": "room", "participant_ids": [C.user_id], "name": None, "group_id": None}, "room", None),
        ({"type": "group", "participant_ids": [B.user_id], "group_id": ""}, "group", None),
    ],
    ids=str,
)
async def test_what_the_old_pages_make_is_made(body: dict[str, Any], kind: str, name: str | None) -> None:
    """Anew each time; the creator as admin (contract legacy-rest section 3.2)."""
    async with shims() as s:
        made, again = [await s.ask("POST", CONVERSATIONS, body) for _ in range(2)]
        assert made.status == again.status == 200
        assert made.body["message"] == again.body["message"] == CREATED
        assert made.body["conversation_id"] != again.body["conversation_id"]
        row = s.world.tables.conversation_rows[made.body["conversation_id"]]
        assert (row.type, row.name) == (kind, name)
        assert s.world.tables.role_of(row.id, B.user_id) == "admin"


@EACH_KIND
async def test_people_are_let_in(person: Person) -> None:
    """With the number of those who were not in it (contract legacy-rest section 3.4)."""
    async with shims() as s:
        body = {"user_ids": [X.auth_id, F.user_id, C.user_id]}
        added = await s.ask("POST", participants(), body, person)
        assert added == (200, {"message": "Successfully added 2 participant(s)", "added_count": 2})
        again = await s.ask("POST", participants(), body, person)
        assert again == (200, {"message": "All users are already participants"})
        (told,) = s.world.stored()
        assert (told.sender_id, told.message_type) == (person.user_id, "system")
        assert told.content == "Person X, Person F were added to the conversation"


async def test_a_direct_conversation_becomes_a_group_only_if_somebody_comes_in() -> None:
    """It is called Group Chat then."""
    async with shims() as s:
        with_pair(s)
        await s.ask("POST", participants(PAIR), {"user_ids": [C.user_id]})
        assert s.world.tables.conversation_rows[PAIR].type == "direct"
        await s.ask("POST", participants(PAIR), {"user_ids": [D.user_id]})
        row = s.world.tables.conversation_rows[PAIR]
        assert (row.type, row.name) == ("group", "Group Chat")

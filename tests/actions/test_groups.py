"""create_group and load_groups, as their callers see them."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.actions.groups import ATTEMPTS_TO_FIND_A_FREE_CODE
from bridge.errors import StoreDown, StoreRefused
from bridge.ids import written_by_bridge
from bridge.models import ConversationId, GroupId
from tests.actions.grouping import CODE, fail_at, group_of
from tests.actions.performing import perform, refusal, told
from tests.parts import Parts
from tests.people import EVERY_KIND, B, C, Person, message


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_a_user_of_any_kind_makes_a_group_with_a_first_room(person: Person) -> None:
    """Owner of the group, admin of the room, nobody else in either (contract F2, F22)."""
    parts = Parts()
    made = await group_of(parts, person, description="Every Friday")
    group, room = GroupId(made["group_id"]), ConversationId(made["room_id"])
    assert CODE.fullmatch(made["invite_code"])
    assert [(row.user_id, row.role) for row in parts.tables.group_members.values()] == [(person.user_id, "owner")]
    assert (parts.tables.active(room), parts.tables.role_of(room, person.user_id)) == ([person.user_id], "admin")
    row = parts.tables.conversation_rows[room]
    assert (row.type, row.name, row.position, row.is_private, row.group_id) == ("room", "general", 0, False, group)
    assert (made["room"]["id"], made["room"]["created_by"]) == (room, person.user_id)
    assert written_by_bridge(group)
    assert (await perform(parts, person, "load_groups"))["groups"] == [made["group"]]
    assert B.auth_id not in str(made)


@pytest.mark.parametrize(
    ("payload", "is_public"),
    [
        ({}, False),
        ({"isPublic": True}, True),
        ({"is_public": True}, True),
        ({"isPublic": False, "is_public": True}, False),
    ],
    ids=str,
)
async def test_a_group_is_private_unless_said(payload: dict[str, Any], *, is_public: bool) -> None:
    """In the wire's spelling or the table's."""
    parts = Parts()
    made = await group_of(parts, B, **payload)
    assert parts.tables.group_rows[GroupId(made["group_id"])].is_public is is_public


async def test_a_group_has_no_endless_name() -> None:
    """It stands in every line of every member's list."""
    parts = Parts()
    assert (await group_of(parts, B, name="x" * 200))["group"]["group_name"] == "x" * 200
    fault = await refusal(parts, B, "create_group", name="x" * 201)
    assert (fault.code.value, fault.text) == ("INVALID_DATA", "Group name must be 200 characters or less")


async def test_a_group_has_no_endless_description() -> None:
    """Every list of every member shows it."""
    parts = Parts()
    made = await group_of(parts, B, description="x" * 2000)
    assert made["group"]["group_description"] == "x" * 2000
    fault = await refusal(parts, B, "create_group", name="Hikers", description="x" * 2001)
    assert told(fault) == ("INVALID_DATA", "Group description must be 2000 characters or less")
    assert len(parts.tables.group_rows) == 1


@pytest.mark.parametrize("payload", [{}, {"name": ""}, {"name": "  "}, {"name": None}, {"name": 5}])
async def test_a_group_has_a_name(payload: dict[str, Any]) -> None:
    """Nothing is written without."""
    parts = Parts()
    assert told(await refusal(parts, B, "create_group", **payload)) == ("INVALID_DATA", "Group name required")
    assert parts.tables.group_rows == {}


@pytest.mark.parametrize("taken", [1, ATTEMPTS_TO_FIND_A_FREE_CODE - 1, ATTEMPTS_TO_FIND_A_FREE_CODE])
async def test_a_code_that_is_taken_is_replaced(taken: int) -> None:
    """By chance one code in four milliards is; many in a row are an error, and another refusal is one at once."""
    parts = Parts()
    for _ in range(taken):
        parts.door.fail_next("groups.insert", StoreRefused("23505"))
    if taken < ATTEMPTS_TO_FIND_A_FREE_CODE:
        assert CODE.fullmatch((await group_of(parts, B))["invite_code"])
    else:
        with pytest.raises(StoreRefused):
            await group_of(parts, B)
    parts.door.fail_next("groups.insert", StoreRefused("42501"))
    with pytest.raises(StoreRefused):
        await group_of(parts, B)


@pytest.mark.parametrize("step", ["groups.insert", "groups.admit", "conversations.insert", "conversations.admit"])
@pytest.mark.parametrize("how", ["refused", "answer lost", "cancelled"])
async def test_a_failure_while_making_a_group_leaves_nothing_behind(step: str, how: str) -> None:
    """The tables are as before (contract F49)."""
    parts = Parts()
    before = parts.tables.contents()
    await fail_at(parts, step, how, "create_group", {"name": "Chess"})
    assert parts.tables.contents() == before
    await group_of(parts, B)


async def test_groups_are_listed_by_latest_activity() -> None:
    """With the columns of the app's function (contract legacy-rest section 3.5)."""
    parts = Parts()
    older = await group_of(parts, B, name="Older")
    parts.clock.advance(60)
    newer = await group_of(parts, B, name="Newer", description="x")
    await group_of(parts, C, name="Foreign", isPublic=True)
    listed = (await perform(parts, B, "load_groups"))["groups"]
    assert [row["group_name"] for row in listed] == ["Newer", "Older"]
    assert listed[0] == {
        "group_id": newer["group_id"],
        "group_name": "Newer",
        "group_description": "x",
        "group_avatar_url": None,
        "user_role": "owner",
        "room_count": 1,
        "member_count": 1,
        "latest_activity": parts.clock.now().isoformat(),
    }
    parts.legacy_insert(message(100, B, conversation=ConversationId(older["room_id"])))
    listed = (await perform(parts, B, "load_groups"))["groups"]
    assert [row["group_name"] for row in listed] == ["Older", "Newer"]


async def test_the_list_fails_as_the_tables_fail() -> None:
    """The session says DATABASE_ERROR then."""
    parts = Parts()
    parts.door.failing["groups.summaries"] = StoreDown()
    with pytest.raises(StoreDown):
        await perform(parts, B, "load_groups")

"""create_group, join_group and load_groups, as their callers see them."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.actions.groups import ATTEMPTS_TO_FIND_A_FREE_CODE
from bridge.errors import Fault, StoreDown, StoreError, StoreRefused
from bridge.ids import new_conversation_id, written_by_bridge
from bridge.models import ConversationId, GroupId
from bridge.store.memory.tables import conversation_of
from tests.actions.performing import perform, refusal
from tests.people import BIRTH, EVERY_KIND, A, B, C, Person, X, message
from tests.world import Parts

CODE = re.compile("[0-9A-F]{8}")


def told(fault: Fault) -> tuple[str, str]:
    """Return code and text."""
    return fault.code.value, fault.text


async def group_of(parts: Parts, person: Person, **payload: object) -> dict[str, Any]:
    """Make a group."""
    return await perform(parts, person, "create_group", **{"name": "Chess", **payload})


def add_room(parts: Parts, made: dict[str, Any], *, is_private: bool | None = False, kind: str = "room") -> str:
    """Put another room into a group."""
    room_id = new_conversation_id(BIRTH)
    room = conversation_of(room_id, kind, group_id=made["group_id"], is_private=is_private, position=1)
    return parts.tables.add_conversation(room).id


def member_rooms(parts: Parts, person: Person) -> set[str]:
    """Return the rooms of groups that somebody is active in."""
    rooms = {row.id for row in parts.tables.conversation_rows.values() if row.group_id}
    return {room for room in rooms if person.user_id in parts.tables.active(room)}


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


def raise_down() -> None:
    """Lose the answer to what was done."""
    raise StoreDown("ReadTimeout")


@pytest.mark.parametrize("step", ["groups.insert", "groups.admit", "conversations.insert", "conversations.admit"])
@pytest.mark.parametrize("how", ["refused", "answer lost", "cancelled"])
async def test_a_failure_while_making_a_group_leaves_nothing_behind(step: str, how: str) -> None:
    """The tables are as before (contract F49)."""
    parts = Parts()
    before = parts.tables.contents()
    await fail_at(parts, step, how, "create_group", {"name": "Chess"})
    assert parts.tables.contents() == before
    await group_of(parts, B)


async def fail_at(parts: Parts, step: str, how: str, action: str, payload: dict[str, Any]) -> None:
    """Let an action of bob's fail at a step, before or after the tables have done it."""
    if how == "cancelled":
        gate = parts.door.hold_answer(step)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(perform(parts, B, action, **payload))
            await gate.reached()
            task.cancel()
        assert task.cancelled()
        return
    if how == "answer lost":
        parts.door.meanwhile(step, raise_down)
    else:
        parts.door.failing[step] = StoreDown("503")
    with pytest.raises(StoreError):
        await perform(parts, B, action, **payload)
    parts.door.failing.clear()


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_a_user_of_any_kind_joins_by_a_valid_code(person: Person) -> None:
    """And is a member of every room that is not private (contract F22, F42)."""
    parts = Parts()
    made = await group_of(parts, X)
    more = add_room(parts, made)
    for is_private, kind in ((True, "room"), (None, "room"), (False, "group")):
        add_room(parts, made, is_private=is_private, kind=kind)
    joined = await perform(parts, person, "join_group", inviteCode=made["invite_code"])
    assert (joined["success"], joined["group_id"]) == (True, made["group_id"])
    assert (joined["message"], joined["group_name"]) == ("Successfully joined group", "Chess")
    assert set(joined["room_ids"]) == member_rooms(parts, person) == {made["room_id"], more}
    assert parts.tables.role_of(ConversationId(more), person.user_id) == "member"
    assert parts.tables.group_members[GroupId(made["group_id"]), person.user_id].role == "member"
    (line,) = (await perform(parts, person, "load_groups"))["groups"]
    assert (line["user_role"], line["room_count"], line["member_count"]) == ("member", 5, 2)


async def test_a_code_is_read_in_any_case_with_blanks_around_it() -> None:
    """Typed from a note; under either name."""
    parts = Parts()
    code = (await group_of(parts, X))["invite_code"]
    assert (await perform(parts, A, "join_group", invite_code=f" {code.lower()}\n"))["success"]
    assert (await perform(parts, B, "join_group", inviteCode=f"\t{code.lower()} "))["success"]


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({}, "Invite code required"),
        ({"inviteCode": None}, "Invite code required"),
        ({"inviteCode": "  "}, "Invite code required"),
        ({"inviteCode": 5}, "Invite code required"),
        ({"inviteCode": "00000000"}, "Invalid invite code"),
        ({"inviteCode": "%"}, "Invalid invite code"),
    ],
    ids=str,
)
async def test_a_code_of_no_group_is_refused(payload: dict[str, Any], text: str) -> None:
    """Nothing is written."""
    parts = Parts()
    await group_of(parts, X)
    before = parts.tables.contents()
    assert told(await refusal(parts, B, "join_group", **payload)) == ("INVALID_DATA", text)
    assert parts.tables.contents() == before


async def test_who_is_in_already_comes_into_the_missing_rooms() -> None:
    """And keeps role and seats."""
    parts = Parts()
    made = await group_of(parts, B)
    more = add_room(parts, made)
    for rooms in ([more], []):
        joined = await perform(parts, B, "join_group", inviteCode=made["invite_code"])
        assert (joined["success"], joined["message"]) == (True, "Already a member of this group")
        assert joined["room_ids"] == rooms
    assert parts.tables.group_members[GroupId(made["group_id"]), B.user_id].role == "owner"
    assert parts.tables.role_of(ConversationId(made["room_id"]), B.user_id) == "admin"
    assert member_rooms(parts, B) == {made["room_id"], more}


def leave(parts: Parts, made: dict[str, Any], person: Person) -> None:
    """Let somebody leave a group and its first room."""
    key = (GroupId(made["group_id"]), person.user_id)
    parts.tables.group_members[key] = replace(parts.tables.group_members[key], left_at=BIRTH)
    for row in [*parts.tables.rows.values()]:
        if (row.conversation_id, row.user_id) == (made["room_id"], person.user_id):
            parts.tables.rows[row.id] = replace(row, left_at=BIRTH)


async def test_a_former_member_is_in_again() -> None:
    """In the group and in its rooms."""
    parts = Parts()
    made = await group_of(parts, X)
    await perform(parts, B, "join_group", inviteCode=made["invite_code"])
    leave(parts, made, B)
    assert (await perform(parts, B, "load_groups"))["groups"] == []
    joined = await perform(parts, B, "join_group", inviteCode=made["invite_code"])
    assert (joined["message"], joined["room_ids"]) == ("Successfully joined group", [made["room_id"]])
    assert member_rooms(parts, B) == {made["room_id"]}


@pytest.mark.parametrize(
    "step",
    [
        "groups.by_invite_code",
        "groups.memberships",
        "groups.seats",
        "groups.rooms",
        "groups.admit",
        "conversations.admit",
    ],
)
@pytest.mark.parametrize("how", ["refused", "answer lost", "cancelled"])
@pytest.mark.parametrize("was", ["stranger", "former", "member"])
async def test_a_failure_while_joining_leaves_everything_as_it_was(step: str, how: str, was: str) -> None:
    """Strangers stay out, former members stay former since then, members stay in (contract F49)."""
    parts = Parts()
    made = await group_of(parts, X)
    if was != "stranger":
        await perform(parts, B, "join_group", inviteCode=made["invite_code"])
    if was == "former":
        leave(parts, made, B)
    add_room(parts, made)
    add_room(parts, made)
    before = parts.tables.contents()
    if was == "member" and step == "groups.admit":
        step = "conversations.admit"  # a member is not admitted again
    await fail_at(parts, step, how, "join_group", {"inviteCode": made["invite_code"]})
    assert parts.tables.contents() == before


async def test_a_failure_at_the_last_of_several_rooms_undoes_the_others() -> None:
    """The second room's answer is lost."""
    parts = Parts()
    made = await group_of(parts, X)
    add_room(parts, made)
    before = parts.tables.contents()
    parts.door.meanwhile("conversations.admit", lambda: None)
    parts.door.meanwhile("conversations.admit", raise_down)
    with pytest.raises(StoreDown):
        await perform(parts, B, "join_group", inviteCode=made["invite_code"])
    assert parts.tables.contents() == before


async def test_one_undoing_that_fails_does_not_keep_the_others_from_being_done() -> None:
    """What remains is completed by joining again."""
    parts = Parts()
    made = await group_of(parts, X)
    parts.door.meanwhile("conversations.admit", raise_down)
    parts.door.failing["conversations.put_back"] = StoreDown()
    with pytest.raises(StoreDown):
        await perform(parts, B, "join_group", inviteCode=made["invite_code"])
    assert (GroupId(made["group_id"]), B.user_id) not in parts.tables.group_members
    assert (await perform(parts, B, "join_group", inviteCode=made["invite_code"]))["success"]


async def test_the_new_member_is_known_at_once() -> None:
    """Whatever was known of the room before."""
    parts = Parts()
    parts.context.members.hear(hearing=True)
    made = await group_of(parts, X)
    room = ConversationId(made["room_id"])
    assert await parts.context.members.of(room) == {X.user_id}
    await perform(parts, B, "join_group", inviteCode=made["invite_code"])
    assert await parts.context.members.of(room) == {X.user_id, B.user_id}


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

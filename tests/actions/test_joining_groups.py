"""join_group, as its callers see it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bridge.errors import StoreDown
from bridge.models import ConversationId, GroupId
from tests.actions.grouping import add_room, fail_at, group_of, member_rooms
from tests.actions.performing import perform, raise_down, refusal, told
from tests.parts import Parts
from tests.people import BIRTH, EVERY_KIND, A, B, Person, X


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


async def test_nobody_is_asked_about_an_endless_code() -> None:
    """It would stand in an address, and what cannot be asked looks like a failure of ours."""
    parts = Parts()
    parts.tables.failing = StoreDown("the address is too long")
    fault = await refusal(parts, B, "join_group", inviteCode="A" * 101)
    assert told(fault) == ("INVALID_DATA", "Invalid invite code")


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

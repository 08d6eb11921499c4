"""create_conversation, as its caller and everybody else see it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.actions.people_meant import MAX_PARTICIPANTS
from bridge.errors import ACCESS_DENIED, StoreDown
from bridge.ids import direct_conversation_id, written_by_bridge
from bridge.models import GroupId, GroupMembership, UserId
from bridge.store.memory.tables import conversation_of
from tests.actions.made import ADD_FAILED, CREATE, DIRECT_ID, made_so_far, members
from tests.actions.performing import perform, refusal, told
from tests.parts import Parts
from tests.people import BIRTH, EVERY_KIND, ROOM, A, B, C, D, E, Person, X, conversation_id

GROUP = GroupId("0000006e-0000-4000-8000-000000000001")


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
@pytest.mark.parametrize("is_auth_id", [False, True], ids=["users.id", "auth id"])
async def test_both_shapes_make_the_same_direct_conversation(person: Person, *, is_auth_id: bool) -> None:
    """With ids of either kind, by a user of any kind; the reply has its id three times (contract F1, F20)."""
    parts = Parts()
    other = C.auth_id if is_auth_id else C.user_id
    first = await perform(parts, person, CREATE, participantIds=[other])
    second = await perform(parts, person, CREATE, type="direct", participant_ids=[other])
    assert first["id"] == first["conversation_id"] == first["conversation"]["id"] == second["id"]
    row = first["conversation"]
    assert (row["type"], row["name"], row["is_private"]) == ("direct", None, True)
    assert row["created_by"] == person.user_id
    assert members(parts, first) == {person.user_id: "admin", C.user_id: "member"}
    assert B.auth_id not in str((first, second))
    assert made_so_far(parts) == 1


async def test_the_row_is_named_as_in_the_list_too() -> None:
    """Clients of either generation read it (contract ws-protocol section 11)."""
    row = (await perform(Parts(), B, CREATE, type="group", name="Trip", participant_ids=[C.user_id]))["conversation"]
    assert (row["conversation_id"], row["conversation_type"], row["conversation_name"]) == (row["id"], "group", "Trip")
    assert (row["created_at"], row["updated_at"]) == (BIRTH.isoformat(), BIRTH.isoformat())


@pytest.mark.parametrize(
    ("payload", "kind", "name", "is_private"),
    [
        ({"participantIds": [A.user_id, C.user_id]}, "room", None, True),
        ({"participantIds": [A.user_id, C.user_id], "name": "Ours"}, "room", "Ours", True),
        ({"participantIds": [A.user_id, C.user_id], "isGroup": True}, "room", None, False),
        ({"participantIds": [C.user_id], "isGroup": True, "name": ""}, "room", None, False),
        ({"participantIds": [B.user_id], "isGroup": True}, "room", None, False),
        ({"participantIds": []}, "room", None, True),
        ({"type": "group", "participant_ids": [C.user_id], "name": "Ours"}, "group", "Ours", False),
        ({"type": "room", "participant_ids": [A.user_id, C.user_id], "group_id": None}, "room", None, False),
        ({"type": "room", "participant_ids": [B.user_id]}, "room", None, False),
        ({"type": "room", "participantIds": []}, "room", None, False),
    ],
    ids=str,
)
async def test_what_is_made_follows_from_the_payload(
    payload: dict[str, Any], kind: str, name: str | None, *, is_private: bool
) -> None:
    """The creator is always in it; made anew each time, with an id that says who wrote it (contract F2)."""
    parts = Parts()
    made = await perform(parts, B, CREATE, **payload)
    row = made["conversation"]
    assert (row["type"], row["name"], row["is_private"]) == (kind, name, is_private)
    asked: list[str] = payload.get("participantIds", payload.get("participant_ids", []))
    assert members(parts, made) == {**dict.fromkeys(asked, "member"), B.user_id: "admin"}
    assert written_by_bridge(made["id"])
    assert (await perform(parts, B, CREATE, **payload))["id"] != made["id"]


async def test_duplicates_and_oneself_are_removed() -> None:
    """By either id, in any spelling (contract legacy-rest section 3.2)."""
    parts = Parts()
    ids = [C.user_id, C.auth_id, C.user_id.upper(), B.user_id, B.auth_id]
    made = await perform(parts, B, CREATE, participantIds=ids)
    assert made["conversation"]["type"] == "direct"
    assert set(members(parts, made)) == {B.user_id, C.user_id}


@pytest.mark.parametrize("oneself", [B.user_id, B.auth_id, B.auth_id.upper()])
@pytest.mark.parametrize("shape", [{}, {"type": "direct"}])
async def test_a_direct_conversation_with_oneself_is_refused(oneself: str, shape: dict[str, str]) -> None:
    """The original gave some conversation with somebody else (contract F5)."""
    parts = Parts()
    await perform(parts, B, CREATE, participantIds=[C.user_id])
    expected = ("INVALID_DATA", "A direct conversation needs another person")
    assert told(await refusal(parts, B, CREATE, participantIds=[oneself], **shape)) == expected
    assert told(await refusal(parts, B, CREATE, type="direct", participant_ids=[oneself, oneself])) == expected


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({}, "Participant IDs required"),
        ({"participantIds": None}, "Participant IDs required"),
        ({"participantIds": C.user_id}, "Participant IDs required"),
        ({"participantIds": [5]}, "Participant IDs required"),
        ({"participantIds": [C.user_id], "name": 5}, "Name must be a text"),
        ({"participantIds": [C.user_id], "name": "x" * 201}, "Name must be 200 characters or less"),
        ({"type": "room", "participant_ids": [C.user_id], "name": "x" * 201}, "Name must be 200 characters or less"),
        ({"participantIds": [C.user_id], "isGroup": "perhaps"}, "isGroup must be a boolean"),
        ({"participant_ids": [C.user_id], "type": 5}, "Invalid conversation type"),
        ({"type": "room"}, "Participant IDs required"),
        ({"type": "room", "participant_ids": []}, "Participant IDs required"),
        ({"type": "note", "participant_ids": [C.user_id]}, "Invalid conversation type"),
        ({"type": "", "participantIds": [C.user_id]}, "Invalid conversation type"),
        ({"participant_ids": [C.user_id]}, "Invalid conversation type"),
        ({"type": "direct", "participant_ids": [A.user_id, C.user_id]}, "A direct conversation has exactly two people"),
        ({"type": "direct", "participantIds": []}, "A direct conversation needs another person"),
        ({"participantIds": [str(uuid.UUID(int=one)) for one in range(10_000)]}, "Too many participants"),
        ({"participantIds": [f"{one}" for one in range(MAX_PARTICIPANTS + 1)]}, "Too many participants"),
    ],
    ids=lambda given: str(given)[:70],
)
async def test_a_payload_that_makes_no_sense_is_refused(payload: dict[str, Any], text: str) -> None:
    """Before anything is written."""
    parts = Parts()
    assert told(await refusal(parts, B, CREATE, **payload)) == ("INVALID_DATA", text)
    assert made_so_far(parts) == 0


@pytest.mark.parametrize("stranger", [E.user_id, "nonsense", "", f"{C.user_id}),or(id.neq.0", str(uuid.UUID(int=7))])
async def test_an_id_of_nobody_is_refused_and_nothing_is_made(stranger: str) -> None:
    """Unknown or malformed, alone or among others; a malformed one never reaches the tables."""
    parts = Parts()
    for ids in ([stranger], [A.user_id, stranger, C.user_id]):
        assert told(await refusal(parts, B, CREATE, participantIds=ids)) == ADD_FAILED
        assert told(await refusal(parts, B, CREATE, type="group", participant_ids=ids)) == ADD_FAILED
    assert made_so_far(parts) == 0


async def test_as_many_as_are_allowed_are_added() -> None:
    """Repeats do not count."""
    parts = Parts()
    crowd = [replace(A.user, id=UserId(str(uuid.UUID(int=one)))) for one in range(1, MAX_PARTICIPANTS + 1)]
    for user in crowd:
        parts.tables.add_user(user)
    made = await perform(parts, B, CREATE, participantIds=[user.id for user in crowd] * 2)
    assert len(members(parts, made)) == MAX_PARTICIPANTS + 1


async def test_an_existing_direct_conversation_is_found_whoever_made_it() -> None:
    """A legacy one too, the oldest of several; one that somebody left is none (contract F2, F8)."""
    parts = Parts()
    for number, age in ((11, 3), (12, 1), (13, 2)):
        found = conversation_id(number)
        for person in (B, C):
            parts.tables.add_participant(found, person.user_id)
        row = conversation_of(found, created_at=BIRTH.replace(hour=age))
        parts.tables.add_conversation(row)
    for who, other in ((B, C), (C, B)):
        assert (await perform(parts, who, CREATE, participantIds=[other.user_id]))["id"] == conversation_id(12)
    gone = next(row for row in parts.tables.rows.values() if row.conversation_id == conversation_id(12))
    parts.tables.rows[gone.id] = replace(gone, left_at=BIRTH)
    assert (await perform(parts, B, CREATE, participantIds=[C.user_id]))["id"] == conversation_id(13)


async def test_two_requests_at_once_make_one_conversation() -> None:
    """Each has looked and found none before the other writes (contract F2)."""
    parts = Parts()
    gates = [parts.door.hold_answer("conversations.directs_between") for _ in range(2)]
    async with asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(perform(parts, who, CREATE, participantIds=[other.user_id]))
            for who, other in ((B, C), (C, B))
        ]
        for gate in gates:
            await gate.reached()
        for gate in gates:
            gate.open()
    first, second = (task.result() for task in asked)
    assert first["id"] == second["id"] == DIRECT_ID
    assert first["conversation"]["created_by"] == second["conversation"]["created_by"]
    assert set(members(parts, first)) == {B.user_id, C.user_id}
    assert made_so_far(parts) == 1


async def test_a_failing_request_does_not_take_away_what_the_other_was_given() -> None:
    """Bob's row is touched by carol's request, which succeeds; then bob's fails, and must not undo hers."""
    parts = Parts()
    gate = parts.door.hold("conversations.admit")
    async with asyncio.TaskGroup() as tasks:
        bobs = tasks.create_task(refusal(parts, B, CREATE, participantIds=[C.user_id]))
        await gate.reached()
        hers = await perform(parts, C, CREATE, participantIds=[B.user_id])
        parts.door.failing["conversations.admit"] = StoreDown()
        gate.open()
        assert told(await bobs) == ADD_FAILED
    assert set(members(parts, hers)) == {B.user_id, C.user_id}


async def test_what_a_crash_left_half_done_is_completed() -> None:
    """The row with the pair's id has nobody in it, or one of the two, or the two of whom one left."""
    for there in ((), (B,), (C,)):
        parts = Parts()
        parts.tables.add_conversation(conversation_of(DIRECT_ID))
        for person in there:
            parts.tables.add_participant(DIRECT_ID, person.user_id)
        made = await perform(parts, B, CREATE, participantIds=[C.user_id])
        assert (made["id"], set(members(parts, made))) == (DIRECT_ID, {B.user_id, C.user_id})


async def test_a_former_member_is_in_again() -> None:
    """Instead of a second conversation of the same two."""
    parts = Parts()
    made = await perform(parts, B, CREATE, participantIds=[C.user_id])
    left = next(
        row for row in parts.tables.rows.values() if (row.conversation_id, row.user_id) == (DIRECT_ID, C.user_id)
    )
    parts.tables.rows[left.id] = replace(left, left_at=BIRTH)
    assert (await perform(parts, B, CREATE, participantIds=[C.user_id]))["id"] == made["id"]
    assert members(parts, made) == {B.user_id: "admin", C.user_id: "member"}


@pytest.mark.parametrize("how", ["converted", "third person"])
async def test_what_is_no_longer_direct_is_left_alone(how: str) -> None:
    """It became a group, or somebody else is in it: the pair gets another, one and the same for both."""
    parts = Parts()
    old = await perform(parts, B, CREATE, participantIds=[C.user_id])
    if how == "converted":
        parts.tables.add_conversation(conversation_of(DIRECT_ID, "group", name="Group Chat"))
    else:
        parts.tables.add_participant(DIRECT_ID, A.user_id)
    before = parts.tables.active(DIRECT_ID)
    new = await perform(parts, B, CREATE, participantIds=[C.user_id])
    assert new["id"] == direct_conversation_id(B.user_id, C.user_id, 1) != old["id"]
    assert (await perform(parts, C, CREATE, participantIds=[B.user_id]))["id"] == new["id"]
    assert parts.tables.active(DIRECT_ID) == before


@pytest.mark.parametrize("payload", [{"participantIds": [C.user_id]}, {"participantIds": [C.user_id, A.user_id]}])
async def test_a_trigger_that_adds_the_creator_is_no_obstacle(payload: dict[str, Any]) -> None:
    """One row for the creator, who is admin (contract F3)."""
    parts = Parts()
    parts.tables.adds_creators = True
    made = await perform(parts, B, CREATE, **payload)
    assert members(parts, made) == {B.user_id: "admin", **dict.fromkeys(payload["participantIds"], "member")}


async def test_the_new_members_are_known_at_once() -> None:
    """Whatever was known before; the creator has it open."""
    parts = Parts()
    parts.context.members.hear(hearing=True)
    parts.tables.add_participant(DIRECT_ID, B.user_id)
    assert await parts.context.members.of(DIRECT_ID) == {B.user_id}
    caller = parts.caller(B)
    await perform(parts, caller, CREATE, participantIds=[C.user_id])
    assert await parts.context.members.of(DIRECT_ID) == {B.user_id, C.user_id}
    assert caller.rooms.latest == DIRECT_ID


@pytest.mark.parametrize("person", [A, X], ids=["former member", "stranger"])
@pytest.mark.parametrize("group_id", [GROUP, "nonsense", str(uuid.UUID(int=9))])
async def test_a_room_of_a_group_is_made_by_its_members_only(person: Person, group_id: str) -> None:
    """Foreign, unknown and malformed ids are refused alike."""
    parts = Parts()
    admit(parts, B)
    admit(parts, A, left=True)
    payload = {"type": "room", "participant_ids": [D.user_id], "group_id": group_id}
    assert await refusal(parts, person, CREATE, **payload) == ACCESS_DENIED
    assert made_so_far(parts) == 0


async def test_a_member_makes_a_room_of_its_group() -> None:
    """In any spelling of the id; a direct conversation belongs to no group."""
    parts = Parts()
    admit(parts, B)
    made = await perform(parts, B, CREATE, type="room", name="x", participant_ids=[D.user_id], group_id=GROUP.upper())
    assert made["conversation"]["group_id"] == GROUP
    direct = await perform(parts, X, CREATE, type="direct", participant_ids=[D.user_id], group_id=GROUP)
    assert direct["conversation"]["group_id"] is None


def admit(parts: Parts, person: Person, *, left: bool = False) -> None:
    """Put a membership of the group in."""
    row = GroupMembership(group_id=GROUP, user_id=person.user_id, role="member", left_at=BIRTH if left else None)
    parts.tables.group_members[GROUP, person.user_id] = row


async def test_the_worlds_own_conversations_are_untouched() -> None:
    """Whatever is made beside them."""
    parts = Parts()
    before = parts.tables.active(ROOM)
    await perform(parts, B, CREATE, participantIds=[A.user_id, C.user_id, D.user_id])
    assert parts.tables.active(ROOM) == before

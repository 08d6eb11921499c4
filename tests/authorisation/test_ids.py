"""Ids that are not the caller's to use: of conversations, messages, groups and people (contract F5, F7, F9, F10)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.actions import ACTIONS
from bridge.ids import canonical_uuid
from bridge.models import MessageId
from bridge.protocol import LISTED_TYPES
from tests.authorisation.stage import FOREIGN, IN_A_CONVERSATION, OTHERS, OWN, REQUESTS, Stage
from tests.authorisation.test_matrix import heard
from tests.people import OTHER_ROOM, ROOM, A, B, C, D, E, F, X, conversation_id, message_id, participant, uuid_of
from tests.world import Client, World, world

UNKNOWN = str(conversation_id(99))
CONVERSATIONS = {
    "foreign": OTHER_ROOM,
    "foreign in capitals": OTHER_ROOM.upper(),
    "unknown": UNKNOWN,
    "auth id of the caller": B.auth_id,
    "auth id of a member": C.auth_id,
    "users.id of the caller": B.user_id,
    "no uuid": "nonsense",
    "without hyphens": ROOM.replace("-", ""),
    "with a blank": f"{ROOM} ",
    "a filter": f"{ROOM}),or(id.neq.0",
    "a path": "../users",
    "very long": "x" * 10_000,
}
CHECKED = [action for action in IN_A_CONVERSATION if action != "leave_conversation"]
"""Leaving asks for no membership: it closes a window of one's own."""


async def signed_in(w: World) -> tuple[Stage, Client, Client]:
    """Return the stage, B, and X as somebody who would hear of what happens in its conversation."""
    stage = await Stage.of(w)
    b, x = await w.signed_in(B), await w.signed_in(X)
    await x.ask("join_conversation", conversationId=OTHER_ROOM)
    b.also = LISTED_TYPES
    return stage, b, x


@pytest.mark.parametrize("action", CHECKED)
async def test_nobody_learns_which_conversations_exist(action: str) -> None:
    """Foreign, unknown and malformed ids are refused in the same words; nothing is written, nobody is told."""
    async with world() as w:
        stage, b, x = await signed_in(w)
        before = stage.written()
        for name, one in CONVERSATIONS.items():
            refused = await b.ask(action, **{**stage.request(action), "conversationId": one})
            told = {**refused.payload, "requestId": None}
            denied = {"error": "Access denied to conversation", "code": "ACCESS_DENIED", "requestId": None}
            assert (name, told) == (name, denied)
        assert stage.written() == before
        assert await heard(x) == await heard(stage.watcher) == []


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_leaving_what_one_is_not_in_changes_nothing(name: str) -> None:
    """It is answered, and one's own conversations go on."""
    async with world() as w:
        stage, b, _ = await signed_in(w)
        left = await b.ask("leave_conversation", conversationId=CONVERSATIONS[name])
        assert (left.type, left.payload) == ("conversation_left", {"conversationId": CONVERSATIONS[name]})
        await stage.something_happens()
        assert await b.pushed() != []


REFUSED = """
action               field            value            code               besides
send_message         replyToId        foreign          DATABASE_ERROR     -
send_message         replyToId        unknown          DATABASE_ERROR     -
send_message         replyToId        conversation     DATABASE_ERROR     -
send_message         replyToId        auth-id          DATABASE_ERROR     -
send_message         replyToId        no-uuid          DATABASE_ERROR     -
load_more_messages   beforeMessageId  foreign          MESSAGE_NOT_FOUND  -
load_more_messages   beforeMessageId  unknown          MESSAGE_NOT_FOUND  -
load_more_messages   beforeMessageId  auth-id          MESSAGE_NOT_FOUND  -
load_more_messages   beforeMessageId  no-uuid          MESSAGE_NOT_FOUND  -
create_conversation  group_id         unknown          ACCESS_DENIED      isGroup
create_conversation  group_id         group            ACCESS_DENIED      isGroup
create_conversation  group_id         no-uuid          ACCESS_DENIED      isGroup
create_conversation  participantIds   [unknown]        DATABASE_ERROR     -
create_conversation  participantIds   [no-uuid]        DATABASE_ERROR     -
create_conversation  participantIds   [conversation]   DATABASE_ERROR     -
create_conversation  participantIds   [no-users-row]   DATABASE_ERROR     -
create_conversation  participantIds   [me]             INVALID_DATA       -
create_conversation  participantIds   [my-auth-id]     INVALID_DATA       -
create_conversation  participantIds   [me,my-auth-id]  INVALID_DATA       -
create_conversation  participantIds   10000-people     INVALID_DATA       -
create_conversation  participantIds   none-at-all      INVALID_DATA       -
add_participants     userIds          [unknown]        DATABASE_ERROR     -
add_participants     userIds          [no-uuid]        DATABASE_ERROR     -
add_participants     userIds          [conversation]   DATABASE_ERROR     -
add_participants     userIds          [no-users-row]   DATABASE_ERROR     -
add_participants     userIds          10000-people     INVALID_DATA       -
add_participants     userIds          none-at-all      INVALID_DATA       -
join_group           inviteCode       unknown          INVALID_DATA       -
join_group           inviteCode       group            INVALID_DATA       -
"""
"""What a request may name beside a conversation, in otherwise good requests of B."""


async def value_of(name: str, w: World) -> Any:
    """Return what a name in the table stands for."""
    if name.startswith("["):
        return [await value_of(one, w) for one in name.strip("[]").split(",")]
    return {
        "foreign": FOREIGN,
        "unknown": UNKNOWN,
        "conversation": ROOM,
        "group": next(iter(w.tables.group_rows)),
        "auth-id": B.auth_id,
        "no-uuid": f"{OWN}),or(id.neq.0",
        "no-users-row": E.auth_id,
        "me": B.user_id,
        "my-auth-id": B.auth_id,
        "10000-people": [uuid_of(0xA0, number) for number in range(10_000)],
        "none-at-all": None,
    }[name]


@pytest.mark.parametrize("line", REFUSED.strip().splitlines()[1:], ids=lambda line: "-".join(line.split()[:3]))
async def test_ids_that_lead_nowhere_are_refused(line: str) -> None:
    """With the action's code, nothing written and nobody told; the request without the bad id is good."""
    action, field, value, code, besides = line.split()
    async with world() as w:
        stage, b, x = await signed_in(w)
        good = {**stage.request(action), besides: True}
        before = stage.written()
        refused = await b.ask(action, **{**good, field: await value_of(value, w)})
        assert refused.code == code
        assert stage.written() == before
        assert await heard(x) == await heard(stage.watcher) == []
        assert (await b.ask(action, **good)).type == ACTIONS[action].reply


async def test_not_even_a_member_of_both_takes_a_message_across() -> None:
    """C is in both conversations; the others of this one are not (contract F10)."""
    async with world() as w:
        await Stage.of(w)
        c = await w.signed_in(C)
        refused = await c.ask("send_message", conversationId=ROOM, content="look", replyToId=FOREIGN)
        assert (refused.code, refused.payload["error"]) == ("DATABASE_ERROR", "Failed to send message")


async def test_messages_of_others_are_read_for_oneself_only() -> None:
    """Own messages, those of other conversations and ids of anything else are passed over (contract F43)."""
    async with world() as w:
        await Stage.of(w)
        b = await w.signed_in(B)
        b.also = LISTED_TYPES
        ids = [OWN, OTHERS, FOREIGN, message_id(99), ROOM, B.auth_id, "nonsense"]
        marked = await b.ask("mark_as_read", conversationId=ROOM, messageIds=ids)
        assert marked.payload["messageIds"] == [OTHERS]
        assert w.tables.read == {(OTHERS, B.user_id)}


PEOPLE: dict[str, tuple[dict[str, object], str, set[str]]] = {
    "somebody twice": ({"participantIds": [F.user_id, F.user_id.upper()]}, "direct", {B.user_id, F.user_id}),
    "somebody by both ids": ({"participantIds": [C.user_id, C.auth_id]}, "direct", {B.user_id, C.user_id}),
    "oneself among others": (
        {"participantIds": [B.user_id, B.auth_id, C.user_id, D.user_id]},
        "room",
        {B.user_id, C.user_id, D.user_id},
    ),
    "nobody": ({"participantIds": []}, "room", {B.user_id}),
    "only oneself, as a group": ({"participantIds": [B.auth_id], "isGroup": True}, "room", {B.user_id}),
    "the same ten thousand times": ({"participantIds": [F.user_id] * 10_000}, "direct", {B.user_id, F.user_id}),
    "somebody by the auth id": ({"type": "group", "participant_ids": [C.auth_id]}, "group", {B.user_id, C.user_id}),
}


@pytest.mark.parametrize("name", PEOPLE)
async def test_everybody_is_in_once_under_the_own_users_id(name: str) -> None:
    """Whatever ids named them, the creator among them (contract F2, F5, data-model section 6)."""
    wanted, kind, people = PEOPLE[name]
    async with world() as w:
        b = await w.signed_in(B)
        made = await b.ask("create_conversation", **wanted)
        assert made.payload["conversation"]["type"] == kind
        assert sorted(w.tables.active(made.payload["id"])) == sorted(people)


async def test_a_list_of_nobody_is_refused_in_the_documented_shape() -> None:
    """The original's makes a room of one."""
    async with world() as w:
        b = await w.signed_in(B)
        refused = await b.ask("create_conversation", type="group", participant_ids=[])
        assert (refused.code, refused.payload["error"]) == ("INVALID_DATA", "Participant IDs required")


def in_kind(value: Any) -> Any:
    """Return the shape of a JSON value: names and kinds, not the values themselves."""
    if isinstance(value, dict):
        return {name: in_kind(one) for name, one in value.items()}
    if isinstance(value, list):
        return [in_kind(one) for one in value]
    return "uuid" if isinstance(value, str) and canonical_uuid(value) else type(value).__name__


@pytest.mark.parametrize("action", REQUESTS)
async def test_results_are_the_same_in_kind_for_every_kind_of_user(action: str) -> None:
    """A, B and D get the same, and no frame of anybody carries an auth id that is no users.id (contract F1)."""
    async with world() as w:
        stage = await Stage.of(w)
        onlookers = [await w.signed_in(person, phone=person.phone) for person in (A, B, C, D)]
        for one in onlookers:
            await one.ask("join_conversation", conversationId=ROOM)
        shapes = []
        for person in (A, B, D):
            asking = await w.signed_in(person, phone=person.phone)
            asking.also = LISTED_TYPES
            w.tables.read.discard((OTHERS, person.user_id))
            w.tables.rows.pop(participant(F).id, None)
            reply = await asking.ask(action, **requested_by(person.user_id, stage, action))
            shapes.append(in_kind(reply.payload))
            for client in (asking, *onlookers, stage.watcher):
                await client.ask("ping")
                check_ids(client)
        assert shapes[0] == shapes[1] == shapes[2]


def requested_by(user_id: str, stage: Stage, action: str) -> dict[str, Any]:
    """Return a good request that means the same whoever of the room asks: each has read nothing yet."""
    request = stage.request(action)
    if "messageIds" in request:
        request["messageIds"] = [MessageId(OTHERS)]
    return request


def check_ids(client: Client) -> None:
    """See that auth_success is the only frame with the auth id of somebody whose ids differ."""
    for frame in client.frames:
        if frame.type != "auth_success":
            printed = json.dumps(frame.payload)
            assert not any(person.auth_id in printed for person in (B, C, D, X))

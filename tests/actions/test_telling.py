"""Our own changes of who is in a conversation are told at once, and their echo tells nothing new."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.capabilities import Capability
from bridge.errors import StoreDown
from bridge.feed.changes import ConversationWritten, ParticipantChanged
from bridge.feed.signals import Live
from bridge.models import ConversationId
from tests.actions.performing import perform
from tests.parts import Parts
from tests.people import BIRTH, OTHER_ROOM, ROOM, A, B, C, Person, X, participant
from tests.receivers import Listener
from tests.world import Client, World, world

BOTH = (Capability.CONVERSATIONS, Capability.MEMBERS)
ADDED, CHANGED, CAME = "conversation_added", "conversation_changed", "member_added"
MESSAGE = "message_received"
NEW_TYPES = frozenset({ADDED, CHANGED, CAME, "conversation_removed", "member_removed"})


def listening(parts: Parts, person: Person, *capabilities: Capability) -> Listener:
    """Return a receiver of this person's pushes."""
    receiver = Listener(person, *(capabilities or BOTH))
    parts.context.hub.attach(receiver)
    return receiver


def kinds(receiver: Listener) -> list[str]:
    """Return the types of the pushes so far."""
    return [name for name, _ in receiver.told]


async def echoed(parts: Parts, conversation_id: ConversationId) -> None:
    """Let the feed tell of everything that was written about a conversation."""
    row = parts.tables.conversation_rows[conversation_id]
    await parts.relay.handle(ConversationWritten(id=row.id, is_new=True, conversation=row))
    for one in [one for one in parts.tables.rows.values() if one.conversation_id == conversation_id]:
        await parts.relay.handle(ParticipantChanged(one))


@pytest.mark.parametrize(
    "payload", [{"participantIds": [C.user_id]}, {"type": "group", "name": "Trip", "participant_ids": [C.user_id]}]
)
async def test_a_made_conversation_is_told_to_everybody_in_it(payload: dict[str, Any]) -> None:
    """On the creator's other clients too; the line as each sees it, the roles as they are; once."""
    parts = Parts()
    await parts.relay.handle(Live())
    b, c, x = (listening(parts, person) for person in (B, C, X))
    made = await perform(parts, B, "create_conversation", **payload)
    await echoed(parts, made["id"])
    for receiver, me, other in ((b, B, C), (c, C, B)):
        assert kinds(receiver) == [ADDED, CAME, CAME]
        line = receiver.told[0][1]["conversation"]
        name = payload.get("name") or f"Person {other.name}"
        assert (line["id"], line["name"], line["participant_count"]) == (made["id"], name, 2)
        roles = {payload["user"]["id"]: payload["role"] for _, payload in receiver.told[1:]}
        assert roles == {B.user_id: "admin", C.user_id: "member"}
        assert me.auth_id not in str(receiver.frames)
    assert x.told == []


async def test_an_echo_that_comes_before_the_answer_tells_everything_in_order() -> None:
    """Nobody hears of a member before hearing of the conversation, though its own row is not listened to."""
    parts = Parts()
    await parts.relay.handle(Live())
    b, c = listening(parts, B), listening(parts, C)
    gate = parts.door.hold_answer("conversations.admit")
    async with asyncio.TaskGroup() as tasks:
        making = tasks.create_task(perform(parts, B, "create_conversation", type="group", participant_ids=[C.user_id]))
        await gate.reached()
        for row in [row for row in parts.tables.rows.values() if row.conversation_id not in (ROOM, OTHER_ROOM)]:
            await parts.relay.handle(ParticipantChanged(row))
        assert kinds(b) == kinds(c) == [ADDED, CAME, CAME]
        gate.open()
    assert making.result()["id"] == b.told[0][1]["conversation"]["id"]
    assert kinds(b) == kinds(c) == [ADDED, CAME, CAME]


async def test_a_direct_conversation_that_is_found_is_no_news() -> None:
    """Nobody came."""
    parts = Parts()
    await perform(parts, B, "create_conversation", participantIds=[C.user_id])
    b = listening(parts, B)
    asked = parts.store.asked("conversations.summary")
    await perform(parts, B, "create_conversation", participantIds=[C.user_id])
    assert b.told == []
    assert parts.store.asked("conversations.summary") == asked


async def test_a_made_group_and_joining_it_are_told() -> None:
    """The first room appears for its maker, later for whoever joins; its members hear of that."""
    parts = Parts()
    await parts.relay.handle(Live())
    b, c = listening(parts, B), listening(parts, C)
    made = await perform(parts, B, "create_group", name="Chess")
    assert (kinds(b), kinds(c)) == ([ADDED, CAME], [])
    assert b.told[0][1]["conversation"]["group_name"] == "Chess"
    joined = await perform(parts, C, "join_group", inviteCode=made["invite_code"])
    await echoed(parts, made["room_id"])
    assert joined["room_ids"] == [made["room_id"]]
    assert (kinds(b), kinds(c)) == ([ADDED, CAME, CAME], [ADDED, CAME])
    assert (c.told[1][1]["user"]["id"], c.told[1][1]["role"]) == (C.user_id, "member")


async def test_whoever_comes_back_into_a_group_has_the_role_it_had() -> None:
    """So the echo says nothing else."""
    parts = Parts()
    await parts.relay.handle(Live())
    made = await perform(parts, B, "create_group", name="Chess")
    room = ConversationId(made["room_id"])
    row = parts.tables.add_participant(room, C.user_id, role="moderator")
    await parts.context.store.conversations.put_back(room, C.user_id, BIRTH)
    b = listening(parts, B)
    await perform(parts, C, "join_group", inviteCode=made["invite_code"])
    await parts.relay.handle(ParticipantChanged(row))
    assert [payload["role"] for name, payload in b.told if name == CAME] == ["moderator"]


async def test_what_cannot_be_told_is_no_failure_of_what_was_done() -> None:
    """The echo tells it later."""
    parts = Parts()
    await parts.relay.handle(Live())
    c = listening(parts, C)
    parts.door.failing["conversations.summary"] = StoreDown("ReadTimeout")
    with capture_logs() as logs:
        made = await perform(parts, B, "create_conversation", participantIds=[C.user_id])
    assert c.told == []
    assert [(line["event"], line["cause"]) for line in logs] == [("telling.postponed", "StoreDown")]
    parts.door.failing.clear()
    await echoed(parts, made["id"])
    assert kinds(c) == [ADDED, CAME, CAME]


async def newcomer(w: World, person: Person, *capabilities: str) -> Client:
    """Sign in with a client that knows the new types."""
    return await w.newcomer(person, *(capabilities or ("conversations", "members")), knows=NEW_TYPES)


async def test_the_answer_comes_before_what_it_brings() -> None:
    """On the socket that asked."""
    async with world() as w:
        b = await newcomer(w, B)
        await b.ask("create_conversation", participantIds=[C.user_id])
        await b.ask("ping")
        assert [frame.type for frame in b.frames[1:]] == ["conversation_created", ADDED, CAME, CAME, "pong"]


async def test_the_capabilities_say_what_is_pushed() -> None:
    """Each by itself; old clients get nothing that they would refuse."""
    async with world() as w:
        lists, people, old = await newcomer(w, C, "conversations"), await newcomer(w, C, "members"), w.client()
        assert (await old.authenticate(C)).payload["capabilities"] == []
        b = await w.signed_in(B)
        await b.ask("create_conversation", type="room", participant_ids=[C.user_id])
        for client, expected in ((lists, [ADDED]), (people, [CAME, CAME]), (old, [])):
            await client.ask("ping")
            assert [frame.type for frame in client.frames[1:-1]] == expected
        assert lists.frames[0].payload["capabilities"] == ["conversations"]


async def test_loading_the_list_says_whose_rows_are_whose() -> None:
    """For the deletions to come; of clients that want to hear of them."""
    for capabilities in ((), (Capability.CONVERSATIONS,)):
        parts = Parts()
        caller = parts.caller(B, *capabilities)
        await perform(parts, caller, "load_conversations")
        row = parts.context.lists.drop_row(participant(B).id)
        assert (row is not None) is bool(capabilities)
        assert row is None or (row.conversation_id, row.user_id) == (ROOM, B.user_id)


async def test_loading_messages_says_where_they_are() -> None:
    """For the deletions to come; sending does too."""
    parts = Parts()
    sent = await perform(parts, A, "send_message", conversationId=ROOM, content="hi")
    assert parts.context.message_states.place_of(sent["message"]["id"]) == ROOM
    fresh = Parts()
    fresh.tables.messages_by_id.update(parts.tables.messages_by_id)
    await perform(fresh, A, "load_messages", conversationId=ROOM)
    assert fresh.context.message_states.place_of(sent["message"]["id"]) == ROOM


async def changed(parts: Parts, conversation_id: ConversationId, *persons: Person) -> None:
    """Let the feed tell of a conversation that was changed, and of these people's rows in it."""
    row = parts.tables.conversation_rows[conversation_id]
    await parts.relay.handle(ConversationWritten(id=row.id, is_new=False, conversation=row))
    ids = {one.user_id for one in persons}
    for one in [one for one in parts.tables.rows.values() if one.conversation_id == conversation_id]:
        if one.user_id in ids:
            await parts.relay.handle(ParticipantChanged(one))


async def test_people_let_in_are_told_and_their_echo_is_no_news() -> None:
    """The new one of the conversation first; everybody of the members, in the role they have, then of the message."""
    parts = Parts()
    await parts.relay.handle(Live())
    b, x = listening(parts, B), listening(parts, X)
    row = parts.tables.add_participant(ROOM, X.user_id, role="moderator")
    parts.tables.rows[row.id] = replace(row, left_at=BIRTH)
    await perform(parts, C, "add_participants", conversationId=ROOM, userIds=[X.user_id])
    await parts.relay.handle(ParticipantChanged(parts.tables.rows[row.id]))
    assert kinds(b) == [CAME, MESSAGE]
    assert kinds(x) == [ADDED, CAME, MESSAGE]
    assert (x.told[1][1]["user"]["id"], x.told[1][1]["role"]) == (X.user_id, "moderator")
    assert x.told[0][1]["conversation"]["participant_count"] == 5


async def test_a_pair_that_becomes_a_group_is_told_before_who_came() -> None:
    """To the two as a change, to the new one as a group from the first; the echo tells nobody more."""
    parts = Parts()
    await parts.relay.handle(Live())
    b, c, x = (listening(parts, person) for person in (B, C, X))
    made = await perform(parts, B, "create_conversation", participantIds=[C.user_id])
    assert kinds(b) == kinds(c) == [ADDED, CAME, CAME]
    for receiver in (b, c):
        receiver.frames.clear()
    await perform(parts, B, "add_participants", conversationId=made["id"], userIds=[X.user_id])
    await changed(parts, made["id"], X)
    assert kinds(b) == kinds(c) == [CHANGED, CAME, MESSAGE]
    assert kinds(x) == [ADDED, CAME, MESSAGE]
    for receiver in (b, c, x):
        line = receiver.told[0][1]["conversation"]
        assert (line["type"], line["name"], line["participant_count"]) == ("group", "Group Chat", 3)


async def test_adding_that_fails_is_told_to_nobody() -> None:
    """Nothing has happened."""
    parts = Parts()
    made = await perform(parts, B, "create_conversation", participantIds=[C.user_id])
    b, x = listening(parts, B), listening(parts, X)
    parts.door.failing["conversations.admit"] = StoreDown()
    with pytest.raises(StoreDown):
        await perform(parts, B, "add_participants", conversationId=made["id"], userIds=[X.user_id])
    assert (b.told, x.told) == ([], [])


async def test_a_timer_is_told_to_every_member_once() -> None:
    """As a change of the line; a timer of one's own is nobody else's business."""
    parts = Parts()
    parts.tables.has_own_timers = True
    await parts.relay.handle(Live())
    b, x = listening(parts, B), listening(parts, X)
    await perform(parts, C, "set_conversation_timer", conversationId=ROOM, enabled=True, durationDays=7)
    await changed(parts, ROOM)
    assert (kinds(b), kinds(x)) == ([CHANGED], [])
    assert b.told[0][1]["conversation"]["disappearing_messages_duration_days"] == 7
    await perform(parts, C, "set_own_timer", conversationId=ROOM, disappearSeconds=60)
    assert kinds(b) == [CHANGED]


async def test_a_timer_of_ones_own_is_no_coming() -> None:
    """Though its echo is the first that is seen of the participant row."""
    parts = Parts()
    parts.tables.has_own_timers = True
    await parts.relay.handle(Live())
    b, c = listening(parts, B), listening(parts, C)
    await perform(parts, C, "set_own_timer", conversationId=ROOM, disappearSeconds=60)
    await parts.relay.handle(ParticipantChanged(participant(C)))
    assert (b.told, c.told) == ([], [])


@pytest.mark.parametrize("failure", [None, StoreDown()], ids=["set", "failed"])
async def test_a_coming_after_a_timer_of_ones_own_is_told(failure: StoreDown | None) -> None:
    """The timer's echo may be lost, or never come; going takes back that it is waited for."""
    parts = Parts()
    parts.tables.has_own_timers = True
    await parts.relay.handle(Live())
    b = listening(parts, B)
    if failure is None:
        await perform(parts, C, "set_own_timer", conversationId=ROOM, disappearSeconds=60)
    else:
        parts.door.fail_next("participants.set_timer", failure)
        with pytest.raises(StoreDown):
            await perform(parts, C, "set_own_timer", conversationId=ROOM, disappearSeconds=60)
    row = participant(C)
    await parts.relay.handle(ParticipantChanged(participant(C, left=True)))
    await parts.relay.handle(ParticipantChanged(row))
    assert kinds(b)[-1] == CAME


async def test_a_change_that_cannot_be_read_is_told_by_its_echo() -> None:
    """What was done is done."""
    parts = Parts()
    await parts.relay.handle(Live())
    b = listening(parts, B)
    parts.door.fail_next("conversations.summary", StoreDown())
    with capture_logs() as lines:
        await perform(parts, C, "set_conversation_timer", conversationId=ROOM, enabled=True, durationDays=7)
    assert "telling.postponed" in [line["event"] for line in lines]
    assert b.told == []
    await changed(parts, ROOM)
    assert kinds(b) == [CHANGED]

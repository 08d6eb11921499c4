"""add_participants, as its caller and everybody else see it (contract legacy-rest section 3.4)."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.actions.adding import CONVERT_FAILED, IDS_REQUIRED, NOT_FOUND
from bridge.actions.people_meant import ADD_FAILED, MAX_PARTICIPANTS, TOO_MANY
from bridge.errors import ACCESS_DENIED, ActionError, Fault, StoreDown, StoreError
from bridge.models import ConversationId, UserId
from bridge.store.memory.tables import conversation_of
from tests.actions.performing import perform, refusal
from tests.parts import Parts
from tests.people import BIRTH, EVERY_KIND, OTHER_ROOM, ROOM, A, B, C, D, F, Person, X, conversation_id
from tests.world import world

ADD = "add_participants"
PAIR = conversation_id(7)


def with_pair(name: str | None = None) -> Parts:
    """Return a world in which B and C have a direct conversation."""
    parts = Parts()
    parts.tables.add_conversation(conversation_of(PAIR, name=name))
    parts.tables.add_participant(PAIR, B.user_id, role="admin")
    parts.tables.add_participant(PAIR, C.user_id)
    return parts


def kind_of(parts: Parts, conversation: ConversationId = PAIR) -> tuple[str, str | None]:
    """Return type and name."""
    row = parts.tables.conversation_rows[conversation]
    return row.type, row.name


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
@pytest.mark.parametrize("is_auth_id", [False, True], ids=["users.id", "auth id"])
async def test_any_member_lets_people_in(person: Person, *, is_auth_id: bool) -> None:
    """By ids of either kind, in any spelling; the answer and the message hold users.ids only (contract F1)."""
    parts = Parts()
    asked = [(one.auth_id if is_auth_id else one.user_id).upper() for one in (X, F)]
    added = await perform(parts, person, ADD, conversationId=ROOM.upper(), userIds=asked)
    assert added == {"conversationId": ROOM, "userIds": [X.user_id, F.user_id]}
    assert set(parts.tables.active(ROOM)) == {one.user_id for one in (A, B, C, D, X, F)}
    assert parts.tables.role_of(ROOM, X.user_id) == "member"
    (message,) = parts.stored()
    assert (message.sender_id, message.message_type) == (person.user_id, "system")
    assert message.content == "Person X, Person F were added to the conversation"
    assert kind_of(parts, ROOM)[0] == "room"


async def test_whoever_has_no_display_name_is_called_by_username() -> None:
    """And of one person "was" is said."""
    parts = Parts()
    parts.tables.people = [replace(one, display_name="") if one.id == X.user_id else one for one in parts.tables.people]
    await perform(parts, B, ADD, conversationId=ROOM, userIds=[X.user_id])
    assert [message.content for message in parts.stored()] == ["x was added to the conversation"]


@pytest.mark.parametrize(("name", "expected"), [(None, "Group Chat"), ("", "Group Chat"), ("We two", "We two")])
async def test_a_direct_conversation_becomes_a_group(name: str | None, expected: str) -> None:
    """Its name is kept, if it has one; it is no longer the pair's direct one."""
    parts = with_pair(name)
    await perform(parts, B, ADD, conversationId=PAIR, userIds=[D.user_id])
    assert kind_of(parts) == ("group", expected)
    direct = await perform(parts, C, "create_conversation", participantIds=[B.user_id])
    assert direct["id"] != PAIR


@pytest.mark.parametrize(
    "ids", [[C.user_id], [C.auth_id], [B.user_id], [B.auth_id], [C.user_id, C.auth_id, B.user_id]], ids=str
)
async def test_nothing_happens_if_nobody_is_new(ids: list[str]) -> None:
    """No conversion, no message (contract F49)."""
    parts = with_pair()
    before = parts.tables.contents()
    assert await perform(parts, B, ADD, conversationId=PAIR, userIds=ids) == {"conversationId": PAIR, "userIds": []}
    assert parts.tables.contents() == before
    assert parts.stored(PAIR) == []


async def test_a_row_with_an_auth_id_makes_somebody_a_member_too() -> None:
    """It is not added again (contract data-model section 6)."""
    parts = with_pair()
    parts.tables.add_participant(PAIR, UserId(str(D.auth_id)))
    parts.tables.people = [replace(u, auth_user_id=D.auth_id) if u.id == D.user_id else u for u in parts.tables.people]
    assert (await perform(parts, B, ADD, conversationId=PAIR, userIds=[D.user_id]))["userIds"] == []


async def test_a_former_member_is_in_again() -> None:
    """In its old row and role, and counts as added."""
    parts = with_pair()
    row = parts.tables.add_participant(PAIR, D.user_id, role="admin")
    parts.tables.rows[row.id] = replace(row, left_at=BIRTH)
    added = await perform(parts, B, ADD, conversationId=PAIR, userIds=[C.user_id, D.user_id])
    assert added["userIds"] == [D.user_id]
    assert parts.tables.rows[row.id].left_at is None
    assert parts.tables.role_of(PAIR, D.user_id) == "admin"


@pytest.mark.parametrize("person", [A, X], ids=["former member", "stranger"])
@pytest.mark.parametrize("conversation", [PAIR, "nonsense", "", str(uuid.UUID(int=9))])
async def test_only_members_let_people_in(person: Person, conversation: str) -> None:
    """Foreign, unknown and malformed ids are refused alike, whatever else is wrong (contract F7, F8)."""
    parts = with_pair()
    row = parts.tables.add_participant(PAIR, A.user_id)
    parts.tables.rows[row.id] = replace(row, left_at=BIRTH)
    for ids in ([person.user_id], ["nonsense"]):
        assert await refusal(parts, person, ADD, conversationId=conversation, userIds=ids) == ACCESS_DENIED
    assert parts.tables.active(PAIR) == [B.user_id, C.user_id]


@pytest.mark.parametrize(
    ("ids", "fault"),
    [
        ([D.user_id, str(uuid.UUID(int=9))], ADD_FAILED),
        ([D.user_id, "nonsense"], ADD_FAILED),
        ([], IDS_REQUIRED),
        ([str(uuid.UUID(int=n)) for n in range(MAX_PARTICIPANTS + 1)], TOO_MANY),
        (None, IDS_REQUIRED),
        ([5], IDS_REQUIRED),
    ],
    ids=["unknown", "no uuid", "nobody", "too many", "missing", "no text"],
)
async def test_what_cannot_be_done_changes_nothing(ids: object, fault: Fault) -> None:
    """Not even the type."""
    parts = with_pair()
    before = parts.tables.contents()
    assert await refusal(parts, B, ADD, conversationId=PAIR, userIds=ids) == fault
    assert parts.tables.contents() == before
    assert parts.stored(PAIR) == []


async def test_a_conversation_that_was_deleted_meanwhile_is_not_found() -> None:
    """Its members were known a moment ago."""
    parts = with_pair()
    parts.door.meanwhile("conversations.participants", lambda: parts.tables.remove_conversation(PAIR))
    assert await refusal(parts, B, ADD, conversationId=PAIR, userIds=[D.user_id]) == NOT_FOUND
    parts = with_pair()
    parts.door.meanwhile("traits.of", lambda: parts.tables.conversation_rows.pop(PAIR))
    assert await refusal(parts, B, ADD, conversationId=PAIR, userIds=[D.user_id]) == NOT_FOUND


async def failing(parts: Parts, conversation: ConversationId) -> Fault | Exception:
    """Add D and F, and return why it failed."""
    with pytest.raises((ActionError, StoreError)) as caught:
        await perform(parts, B, ADD, conversationId=conversation, userIds=[D.user_id, F.user_id])
    return caught.value.fault if isinstance(caught.value, ActionError) else caught.value


def raise_down() -> None:
    """Fail although the tables have done it."""
    raise StoreDown("502")


def fail_at(parts: Parts, step: str, *, is_carried_out: bool) -> None:
    """Let a step fail, before or after the tables have done it."""
    if not is_carried_out:
        parts.door.fail_next(step, StoreDown("503"))
        return
    if step.startswith("second "):
        parts.door.meanwhile(step.removeprefix("second "), lambda: None)
    parts.door.meanwhile(step.removeprefix("second "), raise_down)


@pytest.mark.parametrize(
    ("step", "is_carried_out"),
    [
        ("traits.make_group", False),
        ("traits.make_group", True),
        ("conversations.admit", False),
        ("conversations.admit", True),
        ("second traits.make_group", True),
    ],
)
async def test_whatever_fails_the_tables_are_as_before(step: str, *, is_carried_out: bool) -> None:
    """A pair stays a pair, and who had left has left (contract F49)."""
    parts = with_pair("We two")
    row = parts.tables.add_participant(PAIR, D.user_id, role="admin")
    parts.tables.rows[row.id] = replace(row, left_at=BIRTH)
    before = parts.tables.contents()
    fail_at(parts, step, is_carried_out=is_carried_out)
    why = await failing(parts, PAIR)
    assert isinstance(why, StoreError) if step == "conversations.admit" else why == CONVERT_FAILED
    assert parts.tables.contents() == before
    assert parts.stored(PAIR) == []
    await perform(parts, B, ADD, conversationId=PAIR, userIds=[D.user_id, F.user_id])
    assert set(parts.tables.active(PAIR)) == {one.user_id for one in (B, C, D, F)}


@pytest.mark.parametrize("step", ["traits.make_group", "conversations.admit"])
async def test_a_client_that_is_gone_leaves_nothing_behind(step: str) -> None:
    """Cancelled while the tables have done it and nobody knows."""
    parts = with_pair()
    before = parts.tables.contents()
    gate = parts.door.hold_answer(step)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(perform(parts, B, ADD, conversationId=PAIR, userIds=[D.user_id]))
        await gate.reached()
        task.cancel()
    assert task.cancelled()
    assert parts.tables.contents() == before


async def test_taking_a_conversion_back_spares_what_others_did() -> None:
    """Of two who add people at once one fails; the other's people are in a group."""
    parts = with_pair()
    gate = parts.door.hold("conversations.admit")
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(failing(parts, PAIR))
        await gate.reached()
        await perform(parts, C, ADD, conversationId=PAIR, userIds=[X.user_id])
        parts.door.meanwhile("conversations.admit", raise_down)
        gate.open()
    assert isinstance(first.result(), StoreError)
    assert kind_of(parts) == ("group", "Group Chat")
    assert X.user_id in parts.tables.active(PAIR)


async def test_whoever_comes_into_a_group_that_turns_direct_again_makes_it_a_group() -> None:
    """Somebody else's conversion was taken back after it was looked at, and before the new one was in."""
    parts = with_pair()
    gate = parts.door.hold("conversations.admit")
    second = parts.door.hold("conversations.admit")
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(failing(parts, PAIR))
        await gate.reached()
        adding = tasks.create_task(perform(parts, C, ADD, conversationId=PAIR, userIds=[X.user_id]))
        await second.reached()
        parts.door.meanwhile("conversations.admit", raise_down)
        gate.open()
        await asyncio.wait([first])
        assert kind_of(parts)[0] == "direct"
        second.open()
    assert adding.result()["userIds"] == [X.user_id]
    assert kind_of(parts) == ("group", "Group Chat")
    assert set(parts.tables.active(PAIR)) == {B.user_id, C.user_id, X.user_id}


@pytest.mark.parametrize("step", ["messages.insert", "conversations.participants"])
async def test_a_message_that_cannot_be_written_changes_nothing(step: str) -> None:
    """What it would tell of has happened; the log has the rest, without the text (contract F11)."""
    parts = Parts()
    await parts.context.members.of(ROOM)
    parts.door.meanwhile("conversations.admit", lambda: parts.door.failing.update({step: StoreDown()}))
    with capture_logs() as lines:
        added = await perform(parts, B, ADD, conversationId=ROOM, userIds=[X.user_id])
    assert added["userIds"] == [X.user_id]
    assert parts.stored() == []
    assert "announcement.not_written" in [line["event"] for line in lines]
    assert "Person X" not in str(lines)
    parts.door.failing.clear()
    await perform(parts, B, "send_message", conversationId=ROOM, content="next")


async def test_everybody_sees_the_message_the_new_ones_included() -> None:
    """Once each, the caller after its answer, whatever of the members was known before (contract F28)."""
    async with world() as w:
        b = await w.newcomer(B, knows=frozenset({"participants_added"}))
        c, x = [await w.signed_in(one) for one in (C, X)]
        await b.ask("load_messages", conversationId=ROOM)
        reply = await b.ask(ADD, conversationId=ROOM, userIds=[X.user_id])
        assert reply.type == "participants_added"
        for client in (b, c, x):
            assert await client.received() == ["Person X was added to the conversation"]
        assert b.frames.index(reply) < b.frames.index((await b.pushed())[0])
        await x.ask("send_message", conversationId=ROOM, content="thanks")
        assert (await c.received())[-1] == "thanks"


async def test_a_client_that_is_gone_holds_nobody_up() -> None:
    """Its place in the order of the conversation is given up."""
    parts = Parts()
    gate = parts.door.hold("messages.insert")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(perform(parts, B, ADD, conversationId=ROOM, userIds=[X.user_id]))
        await gate.reached()
        task.cancel()
    assert X.user_id in parts.tables.active(ROOM)
    async with asyncio.timeout(5):
        await perform(parts, C, "send_message", conversationId=ROOM, content="next")


async def test_other_conversations_are_untouched() -> None:
    """Whoever is let in where."""
    parts = Parts()
    before = parts.tables.active(OTHER_ROOM)
    await perform(parts, B, ADD, conversationId=ROOM, userIds=[X.user_id])
    assert parts.tables.active(OTHER_ROOM) == before

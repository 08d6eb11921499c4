"""Direct conversations in which one of the two is missing: both are let in where it is certain whose they are."""

from __future__ import annotations

import asyncio

import pytest

from bridge.capabilities import Capability
from bridge.errors import StoreDown, StoreError
from bridge.ids import direct_conversation_id
from bridge.models import ConversationId, UserId
from bridge.store.memory.tables import conversation_of
from tests.actions.performing import perform, refusal
from tests.parts import Parts
from tests.people import BIRTH, B, C, Person, X, conversation_id, message
from tests.receivers import Listener

CREATE = "create_conversation"
OLDER, NEWER = conversation_id(11), conversation_id(12)
DERIVED = direct_conversation_id(B.user_id, C.user_id, 0)


class Damage(Parts):
    """What the old REST create left when B asked for C: nobody made it, and only C is in it."""

    def add(self, found: ConversationId, *, created_by: UserId | None = None, age: int = 1, there: Person = C) -> None:
        """Put a damaged conversation in."""
        row = conversation_of(found, created_by=created_by, created_at=BIRTH.replace(hour=age))
        self.tables.add_conversation(row)
        self.tables.add_participant(found, there.user_id)

    def wrote(self, number: int, sender: Person, found: ConversationId = OLDER) -> None:
        """Put a message in, as anybody may under the app's policies."""
        self.legacy_insert(message(number, sender, conversation=found))

    def roles(self, found: ConversationId) -> dict[UserId, str | None]:
        """Return who is in, with their roles."""
        return {one: self.tables.role_of(found, one) for one in self.tables.active(found)}


@pytest.mark.parametrize(("who", "other"), [(B, C), (C, B)], ids=["missing", "there"])
async def test_the_oldest_is_repaired_whoever_asks(who: Person, other: Person) -> None:
    """Asked twice there are two; asking again finds the repaired one (contract F2)."""
    parts = Damage()
    parts.add(NEWER, age=2)
    parts.add(OLDER, age=1)
    for number, found in enumerate((OLDER, NEWER)):
        parts.wrote(number, B, found)
    for _ in range(2):
        made = await perform(parts, who, CREATE, participantIds=[other.user_id])
        assert made["id"] == OLDER
    assert parts.roles(OLDER) == {B.user_id: "member", C.user_id: "member"}
    assert parts.roles(NEWER) == {C.user_id: "member"}
    assert (await perform(parts, other, CREATE, participantIds=[who.user_id]))["id"] == OLDER


async def test_a_maker_who_is_missing_comes_back_as_admin() -> None:
    """It is said who made it; where nobody is, nobody is made the maker."""
    parts = Damage()
    parts.add(OLDER, created_by=B.user_id)
    made = await perform(parts, C, CREATE, participantIds=[B.user_id])
    assert (made["id"], made["conversation"]["created_by"]) == (OLDER, B.user_id)
    assert parts.roles(OLDER) == {B.user_id: "admin", C.user_id: "member"}
    other = Damage()
    other.add(OLDER)
    other.wrote(1, B)
    await perform(other, C, CREATE, participantIds=[B.user_id])
    assert other.tables.conversation_rows[OLDER].created_by is None


@pytest.mark.parametrize("senders", [(), (C,), (X,), (B, X)], ids=str)
async def test_where_it_is_not_certain_there_is_another_one(senders: tuple[Person, ...]) -> None:
    """Nobody has written, only the one who is there, or a third person."""
    parts = Damage()
    parts.add(OLDER)
    for number, sender in enumerate(senders):
        parts.wrote(number, sender)
    assert (await perform(parts, B, CREATE, participantIds=[C.user_id]))["id"] == DERIVED
    assert parts.roles(OLDER) == {C.user_id: "member"}


async def test_both_ask_at_once() -> None:
    """Both have found nothing before either looks for damage."""
    parts = Damage()
    parts.add(OLDER)
    parts.wrote(1, B)
    gates = [parts.door.hold("conversations.damaged_directs_between") for _ in range(2)]
    async with asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(perform(parts, who, CREATE, participantIds=[other.user_id]))
            for who, other in ((B, C), (C, B))
        ]
        for gate in gates:
            await gate.reached()
        for gate in gates:
            gate.open()
    assert [task.result()["id"] for task in asked] == [OLDER, OLDER]
    assert set(parts.roles(OLDER)) == {B.user_id, C.user_id}


async def test_who_comes_later_does_not_repair_a_second_one() -> None:
    """The older one was repaired after it had found none, so that only the newer one still looks damaged."""
    parts = Damage()
    for number, found in enumerate((OLDER, NEWER)):
        parts.add(found, age=number)
        parts.wrote(number, B, found)
    gate = parts.door.hold("conversations.damaged_directs_between")
    async with asyncio.TaskGroup() as tasks:
        late = tasks.create_task(perform(parts, C, CREATE, participantIds=[B.user_id]))
        await gate.reached()
        assert (await perform(parts, B, CREATE, participantIds=[C.user_id]))["id"] == OLDER
        gate.open()
    assert late.result()["id"] == OLDER
    assert parts.roles(NEWER) == {C.user_id: "member"}


async def test_a_third_person_who_came_meanwhile_keeps_it() -> None:
    """It is no longer the pair's."""
    parts = Damage()
    parts.add(OLDER)
    parts.wrote(1, B)
    parts.door.meanwhile(
        "conversations.damaged_directs_between", lambda: parts.tables.add_participant(OLDER, X.user_id)
    )
    assert (await perform(parts, B, CREATE, participantIds=[C.user_id]))["id"] == DERIVED
    assert set(parts.roles(OLDER)) == {C.user_id, X.user_id}


@pytest.mark.parametrize("is_carried_out", [False, True], ids=["refused", "answer lost"])
async def test_a_failure_leaves_it_damaged_or_whole(*, is_carried_out: bool) -> None:
    """Both are let in or nobody; the next attempt finds either."""
    parts = Damage()
    parts.add(OLDER)
    parts.wrote(1, B)

    def fail() -> None:
        raise StoreDown("ReadTimeout")

    if is_carried_out:
        parts.door.meanwhile("conversations.admit", fail)
    else:
        parts.door.fail_next("conversations.admit", StoreDown("503"))
    assert (await refusal(parts, B, CREATE, participantIds=[C.user_id])).text == "Failed to add participants"
    assert set(parts.roles(OLDER)) == ({B.user_id, C.user_id} if is_carried_out else {C.user_id})
    assert (await perform(parts, B, CREATE, participantIds=[C.user_id]))["id"] == OLDER


async def test_tables_that_do_not_answer_repair_nothing() -> None:
    """Nor is another one made."""
    parts = Damage()
    parts.add(OLDER)
    parts.wrote(1, B)
    before = parts.tables.contents()
    parts.door.failing["conversations.damaged_directs_between"] = StoreDown()
    with pytest.raises(StoreError):
        await perform(parts, B, CREATE, participantIds=[C.user_id])
    assert parts.tables.contents() == before


async def test_whoever_is_back_is_told_and_the_other_one_sees_who_it_is() -> None:
    """The line had no name for the one who was there."""
    parts = Damage()
    parts.add(OLDER)
    parts.wrote(1, B)
    b, c = Listener(B, Capability.CONVERSATIONS), Listener(C, Capability.CONVERSATIONS)
    for receiver in (b, c):
        parts.context.hub.attach(receiver)
    await perform(parts, parts.caller(C, Capability.CONVERSATIONS), "load_conversations")
    await perform(parts, C, CREATE, participantIds=[B.user_id])
    assert [name for name, _ in b.told] == ["conversation_added"]
    assert [(name, payload["conversation"]["name"]) for name, payload in c.told] == [
        ("conversation_changed", "Person B")
    ]

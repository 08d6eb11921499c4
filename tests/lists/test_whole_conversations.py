"""Conversations that are made and deleted: all of their members hear of it at once."""

from __future__ import annotations

from bridge.feed.changes import ConversationRowDeleted, ParticipantDeleted
from bridge.lists import NEW_SECONDS
from bridge.store.memory.tables import conversation_of
from tests.lists.setting import ADDED, CAME, NEW, REMOVED, Setting, kinds
from tests.people import OTHER_ROOM, ROOM, A, B, C, D, X, conversation_id, participant


async def test_into_a_new_conversation_all_come_at_once() -> None:
    """Nobody hears of a member of a conversation that it has not heard of (contract F28); each question once."""
    s = await Setting().live()
    await s.made(A, B, X)
    for receiver in (s.a, s.b, s.x):
        assert kinds(receiver) == [ADDED, CAME, CAME, CAME]
        assert [payload["user"]["id"] for _, payload in receiver.told[1:]] == [A.user_id, B.user_id, X.user_id]
    assert s.store.asked("conversations.summary") == 3


async def test_a_conversation_is_not_new_for_ever() -> None:
    """After a while whoever is in it has been told of it."""
    s = await Setting().live()
    row = conversation_of(NEW, "group")
    await s.written(row, is_new=True)
    s.tables.add_participant(NEW, A.user_id)
    s.tables.add_participant(NEW, B.user_id)
    s.clock.advance(NEW_SECONDS + 1)
    await s.enters(X, NEW)
    assert kinds(s.a) == [CAME]
    assert kinds(s.x) == [ADDED, CAME]


async def test_a_conversation_without_people_is_tolerated() -> None:
    """Nobody made it, nobody is in it yet (contract legacy-supabase section 5)."""
    s = await Setting().live()
    await s.written(conversation_of(NEW, "group"), is_new=True)
    await s.written(conversation_of(NEW, "group", name="x"))
    await s.written(conversation_of(conversation_id(9), "group"), is_new=True, is_whole=False)
    await s.enters(X, conversation_id(8))
    assert s.relay.is_live
    assert s.a.told == []


async def test_a_deleted_conversation_disappears() -> None:
    """For whoever is known to be in it; the rows that go with it say the rest, and say nothing twice."""
    s = await Setting().live()
    await s.context.members.of(ROOM)
    await s.load(X)
    s.tables.asked.clear()
    for place, people in ((ROOM, (A, B, C, D)), (OTHER_ROOM, (C, X))):
        s.tables.remove_conversation(place)
        await s.relay.handle(ConversationRowDeleted(place))
        for person in people:
            await s.relay.handle(ParticipantDeleted(participant(person, place).id))
    assert s.a.told == s.b.told == [(REMOVED, {"conversationId": ROOM})]
    assert s.x.told == [(REMOVED, {"conversationId": OTHER_ROOM})]
    assert s.tables.asked == []


async def test_a_conversation_that_is_made_again_under_its_id_is_new() -> None:
    """A direct conversation's id follows from its pair."""
    s = await Setting().live()
    await s.made(A, X, kind="direct")
    s.tables.remove_conversation(NEW)
    await s.relay.handle(ConversationRowDeleted(NEW))
    await s.made(A, X, kind="direct")
    assert kinds(s.x) == [ADDED, CAME, CAME, REMOVED, ADDED, CAME, CAME]

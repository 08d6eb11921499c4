"""Who is an active member: asked once, and kept true by changes."""

from __future__ import annotations

import asyncio

import pytest

from bridge.errors import StoreDown
from bridge.models import ParticipantId
from tests.membership import MAX_AGE, QUESTION, Setting, names
from tests.people import OTHER_ROOM, ROOM, A, B, C, D, X, conversation_id, participant


async def test_members_are_asked_for_once() -> None:
    """Every further send needs no round trip."""
    s = Setting()
    assert s.members.known(ROOM) is None
    assert await s.of_room() == {"A", "B", "C", "D"}
    assert await s.of_room() == {"A", "B", "C", "D"}
    assert names(s.members.known(ROOM)) == {"A", "B", "C", "D"}
    assert s.questions == 1


async def test_those_who_left_are_no_members() -> None:
    """Active means left_at is null (contract F8)."""
    s = Setting()
    s.leave(B, heard=False)
    assert await s.of_room() == {"A", "C", "D"}


async def test_a_second_row_of_a_member_keeps_it_in() -> None:
    """Without the unique key, as in damaged databases, one active row is enough."""
    s = Setting()
    s.tables.add_participant(ROOM, B.user_id, number=1)
    await s.of_room()
    s.leave(B)
    assert await s.of_room() == {"A", "B", "C", "D"}


async def test_many_who_wait_cost_one_question() -> None:
    """A burst into a conversation that nobody had open."""
    s = Setting()
    gate = s.door.hold(QUESTION)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(s.of_room()) for _ in range(10)]
        await gate.reached()
        gate.open()
    assert all(task.result() == {"A", "B", "C", "D"} for task in waiting)
    assert s.questions == 1


async def test_who_gives_up_while_reading_takes_nobody_with_him() -> None:
    """The next in line reads for itself."""
    s = Setting()
    gate = s.door.hold(QUESTION)
    first = asyncio.create_task(s.of_room())
    await gate.reached()
    second = asyncio.create_task(s.of_room())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == {"A", "B", "C", "D"}


async def test_tables_that_do_not_answer_mean_nothing() -> None:
    """Neither a member nor a stranger: the question failed, and is asked again the next time."""
    s = Setting()
    s.door.failing[QUESTION] = StoreDown()
    with pytest.raises(StoreDown):
        await s.of_room()
    del s.door.failing[QUESTION]
    assert await s.of_room() == {"A", "B", "C", "D"}


async def test_changes_are_taken_in() -> None:
    """Leaving, coming back, joining and being removed show at once, without a question (contract F8)."""
    s = Setting()
    await s.of_room()
    s.leave(B)
    assert await s.of_room() == {"A", "C", "D"}
    s.members.changed(participant(B))
    assert await s.of_room() == {"A", "B", "C", "D"}
    s.members.changed(participant(X))
    assert await s.of_room() == {"A", "B", "C", "D", "X"}
    s.remove(C)
    assert await s.of_room() == {"A", "B", "D", "X"}
    s.members.deleted(participant(X).id)
    assert await s.of_room() == {"A", "B", "D"}
    assert s.questions == 1


async def test_changes_elsewhere_are_ignored() -> None:
    """A conversation that nobody asked about is not kept; rows of nobody are not looked for."""
    s = Setting()
    await s.of_room()
    s.members.changed(participant(A, OTHER_ROOM))
    s.members.deleted(ParticipantId("unknown"))
    assert s.members.known(OTHER_ROOM) is None
    assert await s.of_room() == {"A", "B", "C", "D"}


async def test_a_row_that_moved_to_another_conversation_has_left_this_one() -> None:
    """An UPDATE may change conversation_id: its old members must not keep somebody who is gone."""
    s = Setting()
    await s.of_room()
    await s.members.of(OTHER_ROOM)
    moved = participant(B)
    s.members.changed(
        type(moved)(id=moved.id, conversation_id=OTHER_ROOM, user_id=moved.user_id, left_at=moved.left_at)
    )
    assert names(s.members.known(ROOM)) == {"A", "C", "D"}
    assert names(s.members.known(OTHER_ROOM)) == {"B", "C", "X"}
    s.members.deleted(moved.id)
    assert names(s.members.known(OTHER_ROOM)) == {"C", "X"}


async def test_an_unknown_conversation_has_no_members_and_takes_no_place() -> None:
    """Ids are guessed by strangers; a conversation made a moment later is found."""
    s = Setting()
    guessed = conversation_id(99)
    assert await s.members.of(guessed) == frozenset()
    assert s.members.known(guessed) is None
    s.tables.add_participant(guessed, A.user_id)
    assert names(await s.members.of(guessed)) == {"A"}


async def test_memory_is_bounded() -> None:
    """The conversation not used for longest is forgotten with all its rows, and asked for again."""
    s = Setting(capacity=2)
    third = conversation_id(3)
    s.tables.add_participant(third, D.user_id)
    await s.of_room()
    await s.members.of(OTHER_ROOM)
    await s.of_room()
    await s.members.of(third)
    assert s.members.known(OTHER_ROOM) is None
    assert s.members.known(ROOM) is not None
    assert set(s.members._conversation_of.values()) == {ROOM, third}
    s.members.deleted(participant(X, OTHER_ROOM).id)
    assert names(await s.members.of(OTHER_ROOM)) == {"C", "X"}
    assert set(s.members._conversation_of.values()) == {ROOM, OTHER_ROOM}
    assert len(s.members._conversation_of) == 6


async def test_loading_again_leaves_no_rows_of_before() -> None:
    """A row that is gone from the tables is gone from memory."""
    s = Setting()
    await s.of_room()
    del s.tables.rows[participant(B).id]
    s.clock.advance(MAX_AGE + 1)
    await s.of_room()
    assert participant(B).id not in s.members._conversation_of
    assert len(s.members._conversation_of) == 3


async def test_former_members_are_known() -> None:
    """What they wrote is the conversation's still; nobody has left where nobody ever was."""
    setting = Setting()
    setting.leave(B, heard=False)
    assert names(await setting.members.former(ROOM)) == {"B"}
    assert await setting.members.former(conversation_id(99)) == frozenset()
    assert setting.questions == 2


async def test_a_removed_member_is_named_if_it_was_known() -> None:
    """The feed tells a key only."""
    setting = Setting()
    row = setting.tables.rows[participant(B).id]
    assert setting.members.deleted(row.id) is None
    await setting.of_room()
    assert setting.members.deleted(row.id) == row
    assert setting.members.deleted(row.id) is None


async def test_a_lost_conversation_is_forgotten() -> None:
    """Whoever was in it is named as far as is known."""
    setting = Setting()
    assert setting.members.lose(ROOM) == frozenset()
    await setting.of_room()
    assert names(setting.members.lose(ROOM)) == {"A", "B", "C", "D"}
    assert setting.members.known(ROOM) is None

"""Who is an active member: asked once, kept true by changes, never believed for long.

Every race is put on stage: a change that arrives while the rows are being read must not be lost.
"""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from bridge.errors import StoreDown
from bridge.members import (
    ATTEMPTS_TO_LOAD_UNDISTURBED,
    MAX_AGE_WHILE_DEAF_SECONDS,
    REFRESH_AT_MOST_EVERY_SECONDS,
    Members,
)
from bridge.models import ParticipantId, UserId
from tests.people import OTHER_ROOM, ROOM, A, B, C, D, Person, X, conversation_id, participant
from tests.world import Parts

MAX_AGE = 60.0
QUESTION = "conversations.participants"


class Setting(Parts):
    """Members that hear of changes."""

    def __init__(self, *, hearing: bool = True, capacity: int = 100) -> None:
        super().__init__()
        self.members = Members(self.store.conversations, self.clock, MAX_AGE, capacity=capacity)
        self.members.hear(hearing=hearing)

    async def of_room(self) -> set[str]:
        """Return the names of the room's members."""
        return names(await self.members.of(ROOM))

    def leave(self, person: Person, *, heard: bool = True) -> None:
        """Let somebody leave the room in the tables, and perhaps say so."""
        row = participant(person, left=True)
        self.tables.rows[row.id] = row
        if heard:
            self.members.changed(row)

    def remove(self, person: Person) -> None:
        """Delete somebody's row and say so, as Realtime does: by primary key."""
        row = self.tables.rows.pop(participant(person).id)
        self.members.deleted(row.id)

    @property
    def questions(self) -> int:
        """Return how often the tables were asked."""
        return self.store.asked(QUESTION)


def names(ids: frozenset[UserId] | None) -> set[str]:
    """Return whose ids these are."""
    assert ids is not None
    return {person.name for person in (A, B, C, D, X) if person.user_id in ids}


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


async def test_a_change_during_the_reading_makes_it_read_again() -> None:
    """The answer may be older than the change, and the change found no entry to correct."""
    s = Setting()
    s.door.meanwhile(QUESTION, lambda: s.leave(B))
    assert await s.of_room() == {"A", "C", "D"}
    assert s.questions == 2


async def test_a_deletion_during_the_reading_makes_it_read_again() -> None:
    """Only the key of the row is known, and not yet whose it is."""
    s = Setting()
    s.door.meanwhile(QUESTION, lambda: s.remove(B))
    assert await s.of_room() == {"A", "C", "D"}
    assert s.questions == 2


async def test_a_change_elsewhere_does_not_disturb_the_reading() -> None:
    """Busy conversations do not slow each other down."""
    s = Setting()
    s.door.meanwhile(QUESTION, lambda: s.members.changed(participant(A, OTHER_ROOM)))
    await s.of_room()
    assert s.questions == 1


@pytest.mark.parametrize("hearing", [True, False])
async def test_a_gap_in_the_feed_during_the_reading_makes_it_read_again(*, hearing: bool) -> None:
    """What was read before the gap ended may be out of date."""
    s = Setting()
    s.door.meanwhile(QUESTION, lambda: s.members.hear(hearing=hearing))
    s.door.meanwhile(QUESTION, lambda: None)
    await s.of_room()
    assert s.questions == 2


async def test_a_reading_that_is_always_disturbed_ends_and_is_not_kept() -> None:
    """Its last answer is used once; the next caller asks again."""
    s = Setting()
    for person in (A, B, C):
        s.door.meanwhile(QUESTION, partial(s.leave, person))
    assert await s.of_room() == {"C", "D"}
    assert s.questions == ATTEMPTS_TO_LOAD_UNDISTURBED == 3
    assert s.members.known(ROOM) is None
    assert await s.of_room() == {"D"}


async def test_a_failed_reading_leaves_nothing_behind() -> None:
    """A later change disturbs nobody."""
    s = Setting()
    s.door.failing[QUESTION] = StoreDown()
    with pytest.raises(StoreDown):
        await s.of_room()
    s.members.changed(participant(A, left=True))
    s.members.deleted(participant(A).id)
    assert not s.members._disturbed


async def test_members_are_believed_for_a_limited_time() -> None:
    """A change that the feed loses shows after a minute at the latest."""
    s = Setting()
    await s.of_room()
    s.leave(B, heard=False)
    s.clock.advance(MAX_AGE)
    assert await s.of_room() == {"A", "B", "C", "D"}
    s.clock.advance(0.001)
    assert s.members.known(ROOM) is None
    assert await s.of_room() == {"A", "C", "D"}


async def test_while_deaf_members_are_believed_for_seconds_only() -> None:
    """Nobody tells us of changes then, and somebody who left must not go on reading (contract F8)."""
    s = Setting(hearing=False)
    await s.of_room()
    s.leave(B, heard=False)
    s.clock.advance(MAX_AGE_WHILE_DEAF_SECONDS)
    assert await s.of_room() == {"A", "B", "C", "D"}
    s.clock.advance(0.001)
    assert await s.of_room() == {"A", "C", "D"}


@pytest.mark.parametrize("hearing", [True, False])
async def test_a_gap_in_the_feed_makes_everything_doubtful(*, hearing: bool) -> None:
    """When hearing ends, and when it begins again, all members are loaded anew."""
    s = Setting()
    await s.of_room()
    s.leave(B, heard=False)
    s.members.hear(hearing=hearing)
    assert s.members.known(ROOM) is None
    assert await s.of_room() == {"A", "C", "D"}


async def test_members_begin_deaf() -> None:
    """Before the feed is live nothing is believed for long."""
    parts = Parts()
    members = Members(parts.store.conversations, parts.clock, MAX_AGE)
    await members.of(ROOM)
    parts.clock.advance(MAX_AGE_WHILE_DEAF_SECONDS + 0.001)
    assert members.known(ROOM) is None


async def test_what_is_known_can_be_doubted() -> None:
    """A member added a moment ago, of whom the feed has not told yet, is found."""
    s = Setting()
    await s.of_room()
    s.tables.add_participant(ROOM, X.user_id)
    s.clock.advance(REFRESH_AT_MOST_EVERY_SECONDS)
    assert names(await s.members.refreshed(ROOM)) == {"A", "B", "C", "D", "X"}
    assert names(s.members.known(ROOM)) == {"A", "B", "C", "D", "X"}


async def test_doubting_asks_at_most_once_a_second() -> None:
    """A stranger who writes much does not make us ask much."""
    s = Setting()
    await s.of_room()
    for _ in range(10):
        await s.members.refreshed(ROOM)
    assert s.questions == 1
    s.clock.advance(REFRESH_AT_MOST_EVERY_SECONDS)
    for _ in range(10):
        await s.members.refreshed(ROOM)
    assert s.questions == 2


async def test_doubting_what_is_not_known_is_asking() -> None:
    """As if nothing had been doubted."""
    s = Setting()
    assert names(await s.members.refreshed(ROOM)) == {"A", "B", "C", "D"}


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


async def test_what_we_have_changed_ourselves_is_asked_anew() -> None:
    """At once, though the feed has not told yet; what is not known needs no forgetting."""
    setting = Setting()
    assert await setting.of_room() == {"A", "B", "C", "D"}
    setting.leave(B, heard=False)
    setting.members.forget(ROOM)
    setting.members.forget(OTHER_ROOM)
    assert await setting.of_room() == {"A", "C", "D"}
    assert setting.questions == 2


async def test_forgetting_during_the_reading_makes_it_read_again() -> None:
    """The answer may be older than what we have written."""
    setting = Setting()

    def write() -> None:
        setting.leave(B, heard=False)
        setting.members.forget(ROOM)

    setting.door.meanwhile(QUESTION, write)
    assert await setting.of_room() == {"A", "C", "D"}
    assert setting.questions == 2


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

"""Members are never believed for long: times, gaps, doubts, and changes while they are read.

Every race is put on stage: a change that arrives while the rows are being read must not be lost.
"""

from __future__ import annotations

from functools import partial

import pytest

from bridge.errors import StoreDown
from bridge.members import (
    ATTEMPTS_TO_LOAD_UNDISTURBED,
    MAX_AGE_WHILE_DEAF_SECONDS,
    REFRESH_AT_MOST_EVERY_SECONDS,
    Members,
)
from tests.membership import MAX_AGE, QUESTION, Setting, names
from tests.parts import Parts
from tests.people import OTHER_ROOM, ROOM, A, B, C, X, participant


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

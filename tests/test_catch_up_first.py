"""The first catch-up: what was said before the process began, and what waits for it."""

from __future__ import annotations

from datetime import timedelta

from bridge.errors import StoreDown
from bridge.feed.changes import MessageInserted
from bridge.feed.signals import Live
from tests.catching_up import QUESTION, Setting
from tests.parts import OVERLAP
from tests.people import BIRTH, message
from tests.virtual_time import in_virtual_time


async def test_what_was_said_just_before_the_process_began_is_told() -> None:
    """The one before it may have been killed before it told everybody; clients know what they have by its id."""
    s = Setting()
    s.legacy_insert(message(1, at=BIRTH - OVERLAP - timedelta(seconds=1)))
    s.legacy_insert(message(2, at=BIRTH - OVERLAP))
    s.legacy_insert(message(3, at=BIRTH))
    await s.relay.handle(Live())
    assert s.a.contents == ["legacy 2", "legacy 3"]


async def test_what_was_said_before_is_told_before_anybody_can_say_something_new() -> None:
    """A process that takes the place of one that was killed tells first what that one had written (contract F24)."""
    s = Setting()
    s.legacy_insert(message(1, at=BIRTH - timedelta(seconds=5)))
    await s.relay.begin()
    assert s.c.contents == ["legacy 1"]
    await s.relay.handle(Live())
    assert s.c.contents == ["legacy 1"]
    assert not s.measures.rescued.values


async def test_it_begins_though_the_tables_do_not_answer() -> None:
    """What was said before is told by the first look that succeeds."""
    s = Setting()
    s.legacy_insert(message(1, at=BIRTH - timedelta(seconds=5)))
    s.door.failing[QUESTION] = StoreDown()
    await s.relay.begin()
    del s.door.failing[QUESTION]
    await s.live()
    assert s.c.contents == ["legacy 1"]


@in_virtual_time
async def test_it_does_not_wait_for_ever_to_begin() -> None:
    """For tables that hang, say."""
    s = Setting()
    s.door.hold(QUESTION)
    await s.relay.begin()


async def test_a_late_commit_is_told_though_it_began_before_the_process() -> None:
    """A slow clock or a long transaction."""
    s = await Setting().live()
    s.legacy_insert(message(1, at=BIRTH - timedelta(seconds=1)))
    await s.relay.catch_up()
    await s.relay.handle(MessageInserted(message(1)))
    assert s.a.contents == ["legacy 1"]


async def test_a_first_catch_up_that_failed_is_done_by_the_next_one() -> None:
    """With the same beginning."""
    s = Setting()
    s.legacy_insert(message(1, at=BIRTH - timedelta(seconds=1)))
    s.door.failing[QUESTION] = StoreDown()
    await s.relay.handle(Live())
    assert not s.relay.is_live
    del s.door.failing[QUESTION]
    await s.relay.catch_up()
    assert s.a.contents == ["legacy 1"]
    assert s.relay.is_live

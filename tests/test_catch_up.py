"""What the feed loses is found in the tables, each message once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.errors import StoreDown, StoreUnreadable
from bridge.events import message_key
from bridge.feed.changes import MessageInserted, MessageUnread
from bridge.feed.signals import Live, Lost
from bridge.members import REFRESH_AT_MOST_EVERY_SECONDS
from bridge.models import Message, MessageId, Position
from bridge.relay.catch_up import PAGE, ROWS_AT_ONCE
from bridge.tables import known_moment
from tests.catching_up import QUESTION, Setting
from tests.parts import OVERLAP
from tests.people import BIRTH, OTHER_ROOM, ROOM, X, message, message_id


async def test_what_was_written_during_a_gap_is_told_once_when_it_ends() -> None:
    """In order, in every conversation, each to its members."""
    s = await Setting().live()
    await s.relay.handle(Lost("closed"))
    s.legacy_insert(message(2))
    s.legacy_insert(message(1))
    s.legacy_insert(message(3, X, conversation=OTHER_ROOM))
    await s.relay.handle(Live())
    await s.relay.handle(Live())
    assert s.a.contents == ["legacy 1", "legacy 2"]
    assert s.c.contents == ["legacy 1", "legacy 2", "legacy 3"]


async def test_what_was_told_is_not_read_again() -> None:
    """Positions are compared first, rows read only for what is new."""
    s = await Setting().live()
    await s.relay.handle(MessageInserted(s.legacy_insert(message(1))))
    await s.relay.catch_up()
    assert s.store.asked("messages.by_ids") == 0
    s.legacy_insert(message(2))
    await s.relay.catch_up()
    assert s.store.asked("messages.by_ids") == 1
    assert s.a.contents == ["legacy 1", "legacy 2"]


async def test_a_change_that_comes_after_the_catch_up_is_a_repeat() -> None:
    """Late, but not news."""
    s = await Setting().live()
    s.legacy_insert(message(1))
    await s.relay.catch_up()
    await s.relay.handle(MessageInserted(message(1)))
    assert s.a.contents == ["legacy 1"]


async def test_a_late_commit_is_found_within_the_overlap() -> None:
    """A transaction that was open for a while has an old time (contract F30)."""
    s = await Setting().live()
    s.clock.advance(600)
    await s.relay.catch_up()
    in_time = message(1, at=s.clock.now() - OVERLAP)
    too_late = message(2, at=s.clock.now() - OVERLAP - timedelta(microseconds=1))
    s.legacy_insert(in_time)
    s.legacy_insert(too_late)
    await s.relay.catch_up()
    assert s.a.contents == ["legacy 1"]


async def test_a_failed_catch_up_loses_nothing() -> None:
    """The next one begins where the last complete one did."""
    s = await Setting().live()
    s.legacy_insert(message(1))
    s.door.failing["messages.by_ids"] = StoreDown()
    with pytest.raises(StoreDown):
        await s.relay.catch_up()
    s.clock.advance(3600)
    del s.door.failing["messages.by_ids"]
    await s.relay.catch_up()
    assert s.a.contents == ["legacy 1"]


async def test_deleted_messages_and_those_of_strangers_are_not_told() -> None:
    """As when the feed brings them (contract F7)."""
    s = await Setting().live()
    s.legacy_insert(replace(message(1), deleted_at=BIRTH))
    s.legacy_insert(message(2, X))
    await s.relay.catch_up()
    assert s.a.contents == []
    assert s.relay.is_live


async def test_a_stranger_who_becomes_a_member_meanwhile_is_heard() -> None:
    """The row of its joining was committed before its message and seen after it."""
    s = await Setting().live()
    s.legacy_insert(message(1, X))
    await s.relay.catch_up()
    s.tables.add_participant(ROOM, X.user_id)
    s.clock.advance(REFRESH_AT_MOST_EVERY_SECONDS)
    await s.relay.catch_up()
    assert s.a.contents == ["legacy 1"]


async def test_what_a_stranger_dates_ahead_is_not_read_for_ever() -> None:
    """A thousand rows of next year would be read by every catch-up until then."""
    s = await Setting().live()
    for number in range(10):
        s.legacy_insert(message(number, X, at=BIRTH + timedelta(days=365)))
    with capture_logs() as logs:
        for _ in range(10):
            await s.relay.catch_up()
            s.clock.advance(OVERLAP.total_seconds() / 4)
    assert len([line for line in logs if line["event"] == "relay.declined"]) == 10
    assert s.store.asked("messages.by_ids") == 6
    assert s.a.contents == []


async def test_a_message_deleted_between_the_two_readings_is_not_told() -> None:
    """Positions were read, the row no longer is what it was."""
    s = await Setting().live()
    s.legacy_insert(message(1))
    s.door.meanwhile(QUESTION, lambda: s.legacy_insert(replace(message(1), deleted_at=BIRTH)))
    await s.relay.catch_up()
    assert s.a.contents == []


async def test_what_is_written_during_the_catch_up_is_found_too() -> None:
    """Or comes through the feed; once in either case."""
    s = await Setting().live()
    s.legacy_insert(message(1))
    s.door.meanwhile(QUESTION, lambda: s.legacy_insert(message(2)))
    await s.relay.catch_up()
    await s.relay.handle(MessageInserted(message(2)))
    assert s.a.contents == ["legacy 1", "legacy 2"]


async def test_a_catch_up_ends_while_others_write_on() -> None:
    """It holds up the feed; what was written since it began comes from there, and is in the overlap of the next one."""
    s = await Setting().live()
    s.legacy_insert(message(0))
    for number in range(1, 50):
        s.door.meanwhile(QUESTION, partial(s.legacy_insert, message(number)))
    await s.relay.catch_up()
    assert s.store.asked(QUESTION) < 5
    await s.relay.handle(MessageInserted(s.legacy_insert(message(99))))
    assert s.a.contents[-1] == "legacy 99"


async def test_what_is_dated_ahead_is_read_to_its_end() -> None:
    """More of it than a page: clocks that go wrong, many of them."""
    s = await Setting().live()
    for number in range(1, PAGE + 2):
        s.legacy_insert(message(number))
    await s.relay.catch_up()
    assert len(s.a.contents) == PAGE + 1


async def test_a_long_gap_is_read_page_by_page() -> None:
    """In small portions, each message once, ties included (contract F25)."""
    s = await Setting().live()
    count = 2 * PAGE + ROWS_AT_ONCE // 2
    for number in range(count):
        s.legacy_insert(message(number, at=BIRTH + timedelta(seconds=number // 300)))
    await s.relay.catch_up()
    assert s.a.contents == [f"legacy {number}" for number in range(count)]
    assert s.store.asked("messages.by_ids") == 2 * PAGE // ROWS_AT_ONCE + 1


async def test_a_row_that_nobody_can_read_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its metadata may be a number of thousands of digits: it is left out, the others are told, the catch-up ends."""
    s = await Setting().live()
    for number in range(10):
        s.legacy_insert(message(number))
    read = s.store.messages.by_ids

    async def by_ids(ids: Collection[MessageId]) -> Sequence[Message]:
        if message_id(7) in ids:
            raise StoreUnreadable("ValueError")
        return await read(ids)

    monkeypatch.setattr(s.store, "messages", _with(s.store.messages, by_ids=by_ids))
    with capture_logs() as logs:
        await s.relay.catch_up()
        await s.relay.handle(MessageUnread(message_id(7)))
    assert s.a.contents == [f"legacy {number}" for number in range(10) if number != 7]
    assert s.relay.is_live
    left_out = [(line["message_id"], line["reason"]) for line in logs if line["event"] == "relay.declined"]
    assert left_out == [(message_id(7), "it cannot be read: ValueError")]


async def test_a_time_beyond_all_times_does_not_hold_it_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may insert a message dated "infinity": it is after every position, so its page never ends."""
    s = await Setting().live()
    endless = [Position(known_moment("infinity"), message_id(number)) for number in (1, 2)]
    for number in (1, 2):
        s.legacy_insert(message(number, at=endless[0].created_at))
    asked = 0

    async def positions_since(*_: object, after: Position | None, limit: int) -> list[Position]:
        nonlocal asked
        asked += 1
        assert asked < 10, "it would go on for ever"
        return endless

    monkeypatch.setattr(s.store, "messages", _with(s.store.messages, positions_since=positions_since))
    await s.relay.catch_up()
    assert s.a.contents == ["legacy 1", "legacy 2"]
    assert s.relay.is_live


async def test_own_writes_on_their_way_are_left_to_their_senders() -> None:
    """The catch-up may see the row before its write returns (contract F29)."""
    s = await Setting().live()
    reservation = s.context.hub.reserve(message(1).conversation_id, message_key(message_id(1)), message(1).created_at)
    s.legacy_insert(message(1))
    await s.relay.catch_up()
    assert s.a.contents == []
    reservation.abandon()
    assert s.a.contents == ["legacy 1"]


def _with(original: object, **changes: object) -> object:
    """Return something that behaves like the original except for some methods."""

    class Changed:
        def __getattr__(self, name: str) -> object:
            return changes.get(name) or getattr(original, name)

    return Changed()

"""Edits and deletions that the feed lost are found in the tables when a gap ends."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from bridge.errors import StoreDown, StoreUnreadable
from bridge.events import message_key
from bridge.feed.changes import Unreadable
from bridge.feed.signals import Live, Lost
from bridge.models import MessageId, Position
from bridge.relay.catch_up import CHANGES_LOOK_BACK, ROWS_AT_ONCE
from bridge.tables import known_moment
from tests.changing import DELETED, UPDATED, Setting, changes, edited
from tests.parts import OVERLAP
from tests.people import BIRTH, A, B, message, message_id


async def test_changes_during_a_gap_are_told_when_it_ends() -> None:
    """Edits and deletions of the last day, once, though the gap ends twice."""
    s = await Setting().live()
    rows = [await s.inserted(message(number)) for number in range(4)]
    await s.relay.handle(Lost("closed"))
    s.clock.advance(600)
    s.legacy_insert(edited(rows[1], "second", at=s.clock.now()))
    s.legacy_insert(replace(rows[2], deleted_at=s.clock.now()))
    s.legacy_insert(replace(message(7), deleted_at=s.clock.now()))
    for _ in range(2):
        await s.relay.handle(Live())
    at = s.clock.now().isoformat()
    assert changes(s.b) == [(UPDATED, "second"), (DELETED, (rows[2].id, at)), (DELETED, (message_id(7), at))]
    assert s.a.contents == [f"legacy {number}" for number in range(4)]


async def test_changes_are_looked_for_after_gaps_only() -> None:
    """Never by the slow timer: no index leads to them."""
    s = await Setting().live()
    await s.relay.catch_up()
    await s.relay.catch_up()
    assert s.store.asked("messages.changed_since") == 0
    await s.relay.handle(Unreadable("messages"))
    await s.relay.catch_up()
    await s.relay.catch_up()
    assert s.store.asked("messages.changed_since") == 1


async def test_changes_of_older_messages_are_not_looked_for() -> None:
    """The documented limit; and what changed before the gap and its overlap was told then."""
    s = await Setting().live()
    s.clock.advance(CHANGES_LOOK_BACK.total_seconds() + 100)
    await s.relay.handle(Live())
    now = s.clock.now()
    s.legacy_insert(edited(message(1, at=now - CHANGES_LOOK_BACK - timedelta(microseconds=1)), "too old", at=now))
    s.legacy_insert(edited(message(2, at=now - CHANGES_LOOK_BACK), "old", at=now))
    s.legacy_insert(edited(message(3, at=now - CHANGES_LOOK_BACK), "in time", at=now - OVERLAP))
    s.legacy_insert(
        edited(message(4, at=now - CHANGES_LOOK_BACK), "told before", at=now - OVERLAP - timedelta(microseconds=1))
    )
    await s.relay.handle(Live())
    assert [content for _, content in changes(s.b)] == ["old", "in time"]


async def test_a_gap_whose_changes_could_not_be_read_is_not_over() -> None:
    """The next catch-up looks for them, from the same moment on."""
    s = await Setting().live()
    row = await s.inserted(message(1))
    await s.relay.handle(Lost("closed"))
    s.legacy_insert(edited(row, "second", at=s.clock.now()))
    s.door.failing["messages.changed_since"] = StoreDown()
    await s.relay.handle(Live())
    assert not s.relay.is_live
    del s.door.failing["messages.changed_since"]
    s.clock.advance(600)
    await s.relay.catch_up()
    assert s.relay.is_live
    assert changes(s.b) == [(UPDATED, "second")]


async def test_an_edit_that_could_not_be_told_is_caught_up_with() -> None:
    """Nobody knew who may see it."""
    s = await Setting().live()
    s.door.failing["conversations.participants"] = StoreDown()
    await s.written(edited(message(1), "second", at=s.clock.now()))
    assert s.b.told == []
    s.door.failing.clear()
    await s.relay.catch_up()
    assert changes(s.b)[-1] == (UPDATED, "second")


async def test_many_changes_are_found_page_by_page_and_one_unreadable_row_hides_no_other() -> None:
    """As with new messages."""
    s = await Setting().live()
    total = ROWS_AT_ONCE + 5
    for number in range(total):
        s.legacy_insert(edited(message(number), f"edit {number}", at=s.clock.now()))
        s.context.hub.pass_over(message_key(message_id(number)))
    broken = message_id(7)
    plain = s.tables.messages.by_ids

    async def by_ids(ids: list[MessageId]) -> object:
        if broken in ids:
            raise StoreUnreadable("a row of an unexpected shape")
        return await plain(ids)

    s.tables.messages.by_ids = by_ids  # type: ignore[method-assign, assignment]  # a table with such a row in it
    await s.relay.handle(Live())
    assert sorted(content for _, content in changes(s.b)) == sorted(
        f"edit {number}" for number in range(total) if number != 7
    )
    assert s.relay.is_live


async def test_changes_dated_beyond_all_times_do_not_hold_it_up_for_ever() -> None:
    """A page of them never ends, as with new messages."""
    s = await Setting().live()
    at = known_moment("infinity")
    s.legacy_insert(edited(message(1, at=at), "second", at=at))
    positions = [Position(at, message_id(1))]
    asked: list[object] = []

    async def changed_since(*_: object, **__: object) -> list[Position]:
        asked.append(1)
        assert len(asked) < 10, "it would go on for ever"
        return positions

    s.tables.messages.changed_since = changed_since  # type: ignore[method-assign]  # as PostgREST does
    await s.relay.handle(Live())
    assert s.relay.is_live
    assert changes(s.b) == [(UPDATED, "second")]


async def test_after_a_gap_originals_are_read_anew() -> None:
    """Nobody knows which were edited or deleted meanwhile, and how long ago."""
    s = await Setting().live()
    await s.inserted(message(1, A))
    s.legacy_insert(replace(message(1, A), deleted_at=BIRTH - timedelta(days=30)))
    await s.relay.handle(Live())
    await s.inserted(message(2, B, reply_to=message_id(1)))
    assert "reply_to" not in s.a.told[-1][1]["message"]

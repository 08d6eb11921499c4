"""Changes that say too little, and gaps of the feed: what is not known is read, or caught up with."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from bridge.errors import StoreDown, StoreUnreadable
from bridge.feed.changes import MessageUnread, Unreadable
from bridge.feed.signals import Live, Lost
from tests.people import ROOM, A, B, message, message_id, participant
from tests.relaying import Setting


async def test_without_its_members_a_message_waits() -> None:
    """Nobody knows who may see it; the catch-up delivers it when the tables answer again."""
    s = await Setting().live()
    s.door.failing["conversations.participants"] = StoreDown("ConnectError")
    with capture_logs() as logs:
        await s.told(message(1))
    assert s.a.frames == []
    assert not s.relay.is_live
    assert [(line["event"], line["cause"]) for line in logs] == [("relay.postponed", "StoreDown")]
    del s.door.failing["conversations.participants"]
    await s.relay.catch_up()
    assert s.a.contents == ["legacy 1"]
    assert s.relay.is_live


async def test_an_incomplete_row_is_read_by_id() -> None:
    """Too large for Realtime (contract F30)."""
    s = await Setting().live()
    s.legacy_insert(message(1))
    await s.relay.handle(MessageUnread(message_id(1)))
    assert s.a.contents == ["legacy 1"]


async def test_an_incomplete_row_that_is_gone_is_forgotten() -> None:
    """Deleted before we could read it."""
    s = await Setting().live()
    await s.relay.handle(MessageUnread(message_id(1)))
    assert s.a.frames == []
    assert s.relay.is_live


async def test_an_incomplete_row_that_cannot_be_read_is_caught_up_with() -> None:
    """Later, from the tables."""
    s = await Setting().live()
    s.legacy_insert(message(1))
    s.door.failing["messages.by_ids"] = StoreDown()
    await s.relay.handle(MessageUnread(message_id(1)))
    assert not s.relay.is_live
    del s.door.failing["messages.by_ids"]
    await s.relay.catch_up()
    assert s.a.contents == ["legacy 1"]


async def test_an_unreadable_change_is_a_reason_to_catch_up() -> None:
    """Members stay known, for it was a message."""
    s = await Setting().live()
    await s.told(message(1))
    s.legacy_insert(message(2))
    await s.relay.handle(Unreadable("messages"))
    assert not s.relay.is_live
    await s.relay.catch_up()
    assert s.a.contents == ["legacy 1", "legacy 2"]
    assert s.store.asked("conversations.participants") == 1


async def test_after_an_unreadable_change_of_a_member_nobody_is_believed_to_be_one() -> None:
    """Somebody may have left, and must not go on reading (contract F8)."""
    s = await Setting().live()
    await s.told(message(1, A))
    gone = participant(B, left=True)
    s.tables.rows[gone.id] = gone
    await s.relay.handle(Unreadable("conversation_participants"))
    await s.told(message(2, A))
    assert s.b.contents == ["legacy 1"]
    s.clock.advance(30)
    assert s.context.members.known(ROOM) is not None


async def test_a_gap_in_the_feed_makes_members_doubtful() -> None:
    """When it begins and when it ends."""
    s = await Setting().live()
    for signal in (Lost("closed"), Live()):
        await s.told(message(s.store.asked("conversations.participants") + 1, A))
        assert s.context.members.known(ROOM) is not None
        await s.relay.handle(signal)
        assert s.context.members.known(ROOM) is None


async def test_readiness_follows_the_feed() -> None:
    """Not ready before it is live, nor while it is lost, nor in doubt."""
    s = Setting()
    assert not s.relay.is_live
    await s.live()
    await s.relay.wait_until_live()
    with capture_logs() as logs:
        await s.relay.handle(Lost("closed by the server"))
    assert not s.relay.is_live
    assert [(line["event"], line["reason"]) for line in logs] == [("feed.lost", "closed by the server")]
    await s.relay.catch_up()
    assert not s.relay.is_live
    await s.relay.handle(Live())
    assert s.relay.is_live


def status(s: Setting) -> tuple[str, str | None]:
    """Return what clients are told of the bridge."""
    current = s.context.health.current
    return current.status.value, current.reason.value if current.reason else None


async def test_the_state_of_feed_and_tables_is_told_to_health() -> None:
    """From the start to the end of an outage."""
    s = Setting()
    assert status(s) == ("degraded", "realtime_lost")
    await s.live()
    assert status(s) == ("live", None)
    await s.relay.handle(Lost("closed"))
    assert status(s) == ("degraded", "realtime_lost")
    gate = s.door.hold("messages.positions_since")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(s.relay.handle(Live()))
        await gate.reached()
        assert status(s) == ("degraded", "catching_up")
        gate.open()
    assert status(s) == ("live", None)


async def test_tables_are_unreachable_from_a_failed_question_to_one_that_succeeds() -> None:
    """The relay's own: it asks every 30 s at least, and every 2 s in doubt."""
    s = await Setting().live()
    s.door.failing["conversations.participants"] = StoreDown("ConnectError")
    await s.told(message(1))
    assert status(s) == ("degraded", "tables_unreachable")
    await s.relay.handle(Unreadable("messages"))
    assert status(s) == ("degraded", "tables_unreachable")
    s.door.failing.clear()
    await s.relay.catch_up()
    assert status(s) == ("live", None)


async def test_rows_that_cannot_be_read_are_no_outage() -> None:
    """The tables did answer."""
    s = await Setting().live()
    s.door.failing["conversations.participants"] = StoreUnreadable("a row")
    await s.told(message(1))
    assert status(s) == ("degraded", "catching_up")

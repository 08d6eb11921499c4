"""What every keeper of counts promises; an adapter's test module gives a fixture `ledger`."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import pytest

from bridge.models import ConversationId, UserId
from bridge.usage import NOBODY, Batch, RequestsCounted, RowWritten, UsageStore, WritesCounted
from tests.people import OTHER_ROOM, ROOM, B, C

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)
ALWAYS = date(2000, 1, 1)


class Ledger(Protocol):
    """Counts that several bridges keep together, empty at first."""

    async def open(self) -> UsageStore:
        """Open the same counts once more, as another bridge does."""
        ...

    async def later(self, time: timedelta) -> None:
        """Let time pass for whoever keeps them."""
        ...


def requests(
    count: int = 1,
    endpoint: str = "list_groups",
    version: str = "120",
    *,
    day: date = TODAY,
    user: UserId = B.user_id,
    at: datetime = NOON,
) -> RequestsCounted:
    """Return a count of requests."""
    return RequestsCounted(
        day=day, endpoint=endpoint, client="Chrome", version=version, user_id=user, count=count, last_seen=at
    )


def row(
    name: str, *, by_bridge: bool = False, room: ConversationId = ROOM, day: date = TODAY, table: str = "messages"
) -> RowWritten:
    """Return a row that was written."""
    return RowWritten(day=day, table=table, conversation_id=room, row=name, by_bridge=by_bridge)


def writes(
    by_bridge: int,
    by_legacy: int,
    *,
    room: ConversationId = ROOM,
    day: date = TODAY,
    table: str = "messages",
) -> WritesCounted:
    """Return a count of rows."""
    return WritesCounted(day=day, table=table, conversation_id=room, by_bridge=by_bridge, by_legacy=by_legacy)


class UsageContract:
    """Counts that add up, whoever tells of them in whichever order."""

    async def test_nothing_is_counted_at_first(self, ledger: Ledger) -> None:
        """Lists are empty."""
        usage = await ledger.open()
        assert usage.available
        assert (await usage.requests(ALWAYS, 10), await usage.writes(ALWAYS, 10)) == ([], [])
        await usage.add(Batch())
        assert (await usage.requests(ALWAYS, 10), await usage.writes(ALWAYS, 10)) == ([], [])

    async def test_requests_of_a_kind_are_added_up(self, ledger: Ledger) -> None:
        """The latest moment counts, whichever is told first; whether in one batch or in several."""
        usage, later = await ledger.open(), NOON + timedelta(hours=1)
        await usage.add(Batch(requests=[requests(2, at=later), requests(1)]))
        await usage.add(Batch(requests=[requests(3)]))
        assert await usage.requests(ALWAYS, 10) == [requests(6, at=later)]

    async def test_requests_of_different_kinds_are_told_apart(self, ledger: Ledger) -> None:
        """By day, endpoint, version and user; the latest day first, the most frequent of it first."""
        usage = await ledger.open()
        kinds = [
            requests(9, day=TODAY),
            requests(4, endpoint="find_people"),
            requests(3, version="121"),
            requests(2, user=C.user_id),
            requests(1, user=NOBODY),
            requests(99, day=YESTERDAY),
        ]
        await usage.add(Batch(requests=kinds[::-1]))
        assert await usage.requests(ALWAYS, 10) == kinds
        assert await usage.requests(TODAY, 10) == kinds[:-1]
        assert await usage.requests(ALWAYS, 2) == kinds[:2]

    async def test_what_is_equally_frequent_has_an_order_too(self, ledger: Ledger) -> None:
        """That of the characters' numbers, whatever language the database speaks."""
        usage = await ledger.open()
        kinds = [requests(endpoint=name) for name in ("B", "_", "a", "a b", "aa", "é")]
        rows = [row(name, table=name) for name in ("B", "_", "a", "aa")]
        await usage.add(Batch(requests=kinds[::-1], rows=rows[::-1]))
        assert await usage.requests(ALWAYS, 10) == kinds
        assert [one.table for one in await usage.writes(ALWAYS, 10)] == ["B", "_", "a", "aa"]

    async def test_rows_are_added_up_by_day_table_and_conversation(self, ledger: Ledger) -> None:
        """The conversation with most legacy rows first."""
        usage = await ledger.open()
        batch = [
            row("1"),
            row("2", by_bridge=True),
            row("3", by_bridge=True),
            row("4", room=OTHER_ROOM),
            row("5", room=OTHER_ROOM),
            row("1", table="conversations", by_bridge=True),
            row("6", day=YESTERDAY),
        ]
        await usage.add(Batch(rows=batch[:3]))
        await usage.add(Batch(rows=batch[3:]))
        expected = [
            writes(0, 2, room=OTHER_ROOM),
            writes(2, 1),
            writes(1, 0, table="conversations"),
            writes(0, 1, day=YESTERDAY),
        ]
        assert await usage.writes(ALWAYS, 10) == expected
        assert await usage.writes(TODAY, 10) == expected[:3]
        assert await usage.writes(ALWAYS, 1) == expected[:1]

    @pytest.mark.parametrize("by_bridge", [True, False])
    async def test_a_row_that_is_heard_of_again_is_not_counted_again(self, ledger: Ledger, *, by_bridge: bool) -> None:
        """By another bridge, or by echo and catch-up; after ten minutes it is a write of its own."""
        one, other = await ledger.open(), await ledger.open()
        expected = writes(int(by_bridge), int(not by_bridge))
        await one.add(Batch(rows=[row("1", by_bridge=by_bridge), row("1", by_bridge=by_bridge)]))
        await one.add(Batch(rows=[row("1", by_bridge=by_bridge)]))
        await ledger.later(timedelta(minutes=9))
        await other.add(Batch(rows=[row("1", by_bridge=by_bridge)]))
        assert await one.writes(ALWAYS, 10) == [expected]
        await ledger.later(timedelta(minutes=1, seconds=1))
        await other.add(Batch(rows=[row("1")]))
        assert await one.writes(ALWAYS, 10) == [writes(expected.by_bridge, expected.by_legacy + 1)]

    async def test_whose_a_row_is_says_the_bridge_that_wrote_it(self, ledger: Ledger) -> None:
        """Whether it comes first or last; another one only hears of a row that it has not written."""
        one, other = await ledger.open(), await ledger.open()
        await one.add(Batch(rows=[row("1"), row("2", by_bridge=True), row("3")]))
        assert await one.writes(ALWAYS, 10) == [writes(1, 2)]
        for _ in range(2):
            await other.add(Batch(rows=[row("1", by_bridge=True), row("2"), row("4", by_bridge=True)]))
            assert await one.writes(ALWAYS, 10) == [writes(3, 1)]
        await one.add(Batch(rows=[row("1"), row("4")]))
        assert await other.writes(ALWAYS, 10) == [writes(3, 1)]

    async def test_a_row_is_corrected_where_it_was_counted(self, ledger: Ledger) -> None:
        """Midnight may be between one bridge's word and the other's; after ten minutes nothing is corrected."""
        usage = await ledger.open()
        await usage.add(Batch(rows=[row("1", day=YESTERDAY), row("2", day=YESTERDAY, room=OTHER_ROOM)]))
        await usage.add(Batch(rows=[row("1", by_bridge=True)]))
        assert await usage.writes(ALWAYS, 10) == [
            writes(0, 1, day=YESTERDAY, room=OTHER_ROOM),
            writes(1, 0, day=YESTERDAY),
        ]
        await ledger.later(timedelta(minutes=10, seconds=1))
        await usage.add(Batch(rows=[row("2", by_bridge=True, room=OTHER_ROOM)]))
        assert await usage.writes(ALWAYS, 10) == [
            writes(1, 0, room=OTHER_ROOM),
            writes(0, 1, day=YESTERDAY, room=OTHER_ROOM),
            writes(1, 0, day=YESTERDAY),
        ]

    async def test_a_batch_whose_answer_was_lost_counts_once(self, ledger: Ledger) -> None:
        """Whoever got no answer adds the same again; another one with the same in it is another one."""
        usage = await ledger.open()
        batch = Batch(requests=[requests(2)], rows=[row("1")])
        await usage.add(batch)
        await ledger.later(timedelta(hours=1))
        await (await ledger.open()).add(batch)
        assert (await usage.requests(ALWAYS, 9), await usage.writes(ALWAYS, 9)) == ([requests(2)], [writes(0, 1)])
        await usage.add(Batch(requests=batch.requests))
        assert await usage.requests(ALWAYS, 9) == [requests(4)]

    async def test_bridges_add_at_the_same_time(self, ledger: Ledger) -> None:
        """What each answers is added up, what all of them hear of counts once, as the one's who wrote it."""
        bridges = [await ledger.open() for _ in range(4)]

        async def work(number: int, usage: UsageStore) -> None:
            for count in range(10):
                heard = [row(f"{count}/{who}", by_bridge=who == number) for who in range(5)]
                await usage.add(Batch(requests=[requests()], rows=heard[number:] + heard[:number]))

        await asyncio.gather(*(work(number, usage) for number, usage in enumerate(bridges)))
        assert await bridges[0].requests(ALWAYS, 9) == [requests(40)]
        assert await bridges[0].writes(ALWAYS, 9) == [writes(40, 10)]

    async def test_old_days_are_forgotten(self, ledger: Ledger) -> None:
        """Those before the day that is named; what is told later of their rows corrects nothing."""
        usage = await ledger.open()
        asked = [requests(), requests(day=YESTERDAY)]
        await usage.add(Batch(requests=asked, rows=[row("1"), row("2", day=YESTERDAY)]))
        await usage.forget(TODAY)
        assert await usage.requests(ALWAYS, 10) == [requests()]
        assert await usage.writes(ALWAYS, 10) == [writes(0, 1)]
        await usage.add(Batch(rows=[row("2", by_bridge=True)]))
        assert await usage.writes(ALWAYS, 10) == [writes(1, 1)]

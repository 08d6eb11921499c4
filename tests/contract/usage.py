"""What every keeper of counts promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from bridge.models import ConversationId, UserId
from bridge.usage import NOBODY, Batch, RequestsCounted, RowWritten, UsageStore, WritesCounted
from tests.people import OTHER_ROOM, ROOM, B, C

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)
ALWAYS = date(2000, 1, 1)

OpenUsage = Callable[[], UsageStore]


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
    """Counts that add up; `open_usage` opens the same counts each time."""

    @pytest.fixture
    def usage(self, open_usage: OpenUsage) -> UsageStore:
        """Open the counts, empty."""
        return open_usage()

    def test_nothing_is_counted_at_first(self, usage: UsageStore) -> None:
        """Lists are empty."""
        assert (usage.requests(ALWAYS, 10), usage.writes(ALWAYS, 10)) == ([], [])

    def test_requests_of_a_kind_are_added_up(self, usage: UsageStore) -> None:
        """The latest moment counts, whichever is told first."""
        later = NOON + timedelta(hours=1)
        usage.add(Batch(requests=[requests(2, at=later)]), NOON)
        usage.add(Batch(requests=[requests(3)]), NOON)
        assert usage.requests(ALWAYS, 10) == [requests(5, at=later)]

    def test_requests_of_different_kinds_are_told_apart(self, usage: UsageStore) -> None:
        """By day, endpoint, version and user; the latest day first, the most frequent of it first."""
        kinds = [
            requests(9, day=TODAY),
            requests(4, endpoint="find_people"),
            requests(3, version="121"),
            requests(2, user=C.user_id),
            requests(1, user=NOBODY),
            requests(99, day=YESTERDAY),
        ]
        usage.add(Batch(requests=kinds[::-1]), NOON)
        assert usage.requests(ALWAYS, 10) == kinds
        assert usage.requests(TODAY, 10) == kinds[:-1]
        assert usage.requests(ALWAYS, 2) == kinds[:2]

    def test_rows_are_added_up_by_day_table_and_conversation(self, usage: UsageStore) -> None:
        """The conversation with most legacy rows first."""
        batch = [
            row("1"),
            row("2", by_bridge=True),
            row("3", by_bridge=True),
            row("4", room=OTHER_ROOM),
            row("5", room=OTHER_ROOM),
            row("1", table="conversations", by_bridge=True),
            row("6", day=YESTERDAY),
        ]
        usage.add(Batch(rows=batch[:3]), NOON)
        usage.add(Batch(rows=batch[3:]), NOON)
        expected = [
            writes(0, 2, room=OTHER_ROOM),
            writes(2, 1),
            writes(1, 0, table="conversations"),
            writes(0, 1, day=YESTERDAY),
        ]
        assert usage.writes(ALWAYS, 10) == expected
        assert usage.writes(TODAY, 10) == expected[:3]
        assert usage.writes(ALWAYS, 1) == expected[:1]

    def test_a_row_that_is_heard_of_again_is_not_counted_again(self, usage: UsageStore) -> None:
        """Whoever is said to have written it; after ten minutes it is a write of its own."""
        usage.add(Batch(rows=[row("1")]), NOON)
        usage.add(Batch(rows=[row("1")]), NOON)
        usage.add(Batch(rows=[row("1", by_bridge=True)]), NOON + timedelta(minutes=10))
        assert usage.writes(ALWAYS, 10) == [writes(0, 1)]
        usage.add(Batch(rows=[row("1", by_bridge=True)]), NOON + timedelta(minutes=10, seconds=1))
        assert usage.writes(ALWAYS, 10) == [writes(1, 1)]

    def test_old_days_are_forgotten(self, usage: UsageStore) -> None:
        """Those before the day that is named."""
        usage.add(Batch(requests=[requests(), requests(day=YESTERDAY)], rows=[row("1"), row("2", day=YESTERDAY)]), NOON)
        usage.forget(TODAY)
        assert usage.requests(ALWAYS, 10) == [requests()]
        assert usage.writes(ALWAYS, 10) == [writes(0, 1)]

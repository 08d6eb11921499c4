"""What is to be counted, until it is written down."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.clock import FakeClock
from bridge.usage import NOBODY, Batch
from bridge.usage.notes import MAX_IN_A_BATCH, MAX_KINDS, MAX_ROWS, SETTLING_SECONDS, Usage, portions
from bridge.usage.programs import Program
from tests.people import ROOM, B

CHROME = Program("Chrome", "131")


@pytest.fixture
def clock() -> FakeClock:
    """Stand still."""
    return FakeClock()


@pytest.fixture
def usage(clock: FakeClock) -> Usage:
    """Note things."""
    return Usage(clock, lambda: True)


def test_where_nothing_is_kept_nothing_is_noted(clock: FakeClock) -> None:
    """Memory does not grow for nobody."""
    usage = Usage(clock)
    usage.asked("list_groups", CHROME, B.user_id)
    usage.wrote("messages", ROOM, "1", by_bridge=False)
    assert not usage.take(everything=True)


def test_requests_of_a_kind_are_one_count(usage: Usage, clock: FakeClock) -> None:
    """With the latest moment; taken once."""
    usage.asked("list_groups", CHROME, B.user_id)
    clock.advance(60)
    usage.asked("list_groups", CHROME, B.user_id)
    usage.asked("list_groups", CHROME, None)
    first, second = usage.take().requests
    assert (first.count, first.user_id, first.last_seen) == (2, B.user_id, clock.now())
    assert (second.count, second.user_id) == (1, NOBODY)
    assert (first.endpoint, first.client, first.version, first.day) == ("list_groups", *CHROME, clock.now().date())
    assert not usage.take()


def test_each_day_counts_for_itself(usage: Usage, clock: FakeClock) -> None:
    """By UTC."""
    for _ in range(2):
        usage.asked("list_groups", CHROME, B.user_id)
        clock.advance(timedelta(days=1).total_seconds())
    assert [one.count for one in usage.take().requests] == [1, 1]


def test_programs_beyond_number_are_one(usage: Usage) -> None:
    """Whoever makes up names fills no memory, and the requests are counted all the same."""
    for number in range(MAX_KINDS + 5):
        usage.asked("list_groups", Program(f"program {number}"), B.user_id)
    requests = usage.take().requests
    assert len(requests) == MAX_KINDS + 1
    assert (requests[-1].client, requests[-1].count) == ("other", 5)


def test_a_row_waits_until_it_is_settled_whose_it_is(usage: Usage, clock: FakeClock) -> None:
    """The echo of our own write may come before its answer."""
    usage.wrote("message_status", ROOM, "1", by_bridge=False)
    usage.wrote("message_status", ROOM, "2", by_bridge=True)
    clock.advance(SETTLING_SECONDS - 0.5)
    assert not usage.take()
    usage.wrote("message_status", ROOM, "1", by_bridge=True)
    usage.wrote("message_status", ROOM, "2", by_bridge=False)
    usage.wrote("message_status", ROOM, "3", by_bridge=False)
    clock.advance(0.5)
    assert [(one.row, one.by_bridge) for one in usage.take().rows] == [("1", True), ("2", True)]
    assert [(one.row, one.by_bridge) for one in usage.take(everything=True).rows] == [("3", False)]


def test_rows_beyond_number_are_not_noted(usage: Usage) -> None:
    """A disk that fails for long must not take the memory too."""
    for number in range(MAX_ROWS + 1):
        usage.wrote("messages", ROOM, str(number), by_bridge=False)
    assert len(usage.take(everything=True).rows) == MAX_ROWS


def test_what_is_due_is_divided(usage: Usage) -> None:
    """So that no batch is too much for a database; nothing is left out or comes twice."""
    for number in range(MAX_IN_A_BATCH + 1):
        usage.wrote("messages", ROOM, str(number), by_bridge=False)
    usage.asked("list_groups", CHROME, B.user_id)
    due = usage.take(everything=True)
    first, second = portions(due)
    assert (len(first.rows), len(second.rows)) == (MAX_IN_A_BATCH, 1)
    assert [*first.rows, *second.rows] == due.rows
    assert (first.requests, second.requests) == (due.requests, [])
    assert first.id != second.id
    assert [*portions(Batch())] == []

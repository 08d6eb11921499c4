"""Time is passed in, and printed in two forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bridge.clock import EPOCH, Clock, FakeClock, SystemClock, row_time, wire_time


def test_the_machines_clock_speaks_utc_and_goes_forward() -> None:
    """The wall clock is aware of its zone; the monotonic one never goes back."""
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.now() > EPOCH
    assert clock.monotonic() <= clock.monotonic()


def test_a_fake_clock_stands_still_until_it_is_moved() -> None:
    """Both of its times move together."""
    clock = FakeClock()
    before, seconds = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == (before, seconds)
    clock.advance(1.5)
    assert clock.now() - before == timedelta(seconds=1.5)
    assert clock.monotonic() - seconds == 1.5


@pytest.mark.parametrize(
    ("microsecond", "printed"),
    [(0, "000"), (999, "000"), (1000, "001"), (123_456, "123"), (999_999, "999")],
)
def test_a_frames_time_is_printed_as_browsers_do(microsecond: int, printed: str) -> None:
    """Milliseconds, cut off and not rounded, then Z."""
    moment = datetime(2026, 1, 2, 3, 4, 5, microsecond, tzinfo=UTC)
    assert wire_time(moment) == f"2026-01-02T03:04:05.{printed}Z"


def test_a_rows_time_is_printed_as_the_tables_print_it() -> None:
    """Microseconds and offset; nothing stays nothing."""
    assert row_time(datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)) == "2026-01-02T03:04:05.678901+00:00"
    assert row_time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05+00:00"
    assert row_time(datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=5)))) == "2026-01-02T00:00:00+05:00"
    assert row_time(None) is None

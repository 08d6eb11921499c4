"""Our own writes have times that never go back within a conversation."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import FakeClock
from bridge.send_times import SendTimes
from tests.people import OTHER_ROOM, ROOM


def test_a_write_has_the_servers_time() -> None:
    """Normally it is simply now."""
    clock = FakeClock()
    times = SendTimes(clock)
    assert times.next(ROOM) == clock.now()
    clock.advance(1)
    assert times.next(ROOM) == clock.now()


def test_writes_of_one_moment_follow_each_other() -> None:
    """Ten quick sends are ten different times, in order (contract F24)."""
    times = SendTimes(FakeClock())
    given_times = [times.next(ROOM) for _ in range(10)]
    assert given_times == sorted(set(given_times))


def test_conversations_do_not_push_each_other() -> None:
    """The order within one conversation is all that counts."""
    clock = FakeClock()
    times = SendTimes(clock)
    assert times.next(ROOM) == times.next(OTHER_ROOM) == clock.now()


@given(st.lists(st.floats(-3600, 3600)))
def test_a_clock_that_jumps_does_not_turn_the_order(jumps: list[float]) -> None:
    """Time may be set back by an hour; messages are not."""
    clock = FakeClock()
    times = SendTimes(clock)
    last = times.next(ROOM)
    for seconds in jumps:
        clock.advance(seconds)
        following = times.next(ROOM)
        assert following >= last + timedelta(microseconds=1)
        last = following

"""A row whose changes must come back: what is heard, what is overdue, and how long it took."""

from __future__ import annotations

import pytest

from bridge.clock import FakeClock
from bridge.feed.canary import HEARD_WITHIN_SECONDS, Canary


class Scene:
    """A canary that is listened to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.canary = Canary("row", self.clock)
        self.canary.listen(listening=True)

    def write(self, seconds: float = 0.0) -> int:
        """Write the next number, which takes a while."""
        beat = self.canary.begin()
        self.clock.advance(seconds)
        self.canary.written(beat)
        return beat


def test_how_long_it_took_is_known_when_it_is_heard() -> None:
    """From before it was written."""
    s = Scene()
    beat = s.write(0.5)
    s.clock.advance(1.0)
    s.canary.heard(beat)
    assert s.canary.lag_seconds == 1.5
    s.clock.advance(HEARD_WITHIN_SECONDS + 1)
    assert not s.canary.is_overdue


def test_what_was_written_and_is_not_heard_is_overdue() -> None:
    """Counted from when it was certainly in the table."""
    s = Scene()
    s.write(60.0)
    s.clock.advance(HEARD_WITHIN_SECONDS)
    assert not s.canary.is_overdue
    s.clock.advance(0.1)
    assert s.canary.is_overdue


def test_it_may_be_heard_before_the_writer_knows_that_it_is_written() -> None:
    """Nothing is owed then."""
    s = Scene()
    beat = s.canary.begin()
    s.canary.heard(beat)
    s.canary.written(beat)
    s.clock.advance(HEARD_WITHIN_SECONDS + 1)
    assert not s.canary.is_overdue


@pytest.mark.parametrize("heard", [0, 1, None, "2", 3])
def test_something_else_is_not_what_is_waited_for(heard: object) -> None:
    """An old number comes late, a broken event has none."""
    s = Scene()
    s.write()
    s.write()
    s.canary.heard(heard)
    s.clock.advance(HEARD_WITHIN_SECONDS + 1)
    assert s.canary.is_overdue
    assert s.canary.lag_seconds is None


def test_a_row_that_could_not_be_written_is_not_waited_for() -> None:
    """That says nothing about Realtime."""
    s = Scene()
    s.canary.begin()
    s.clock.advance(HEARD_WITHIN_SECONDS + 1)
    assert not s.canary.is_overdue


@pytest.mark.parametrize("listening", [True, False])
def test_another_epoch_owes_nothing(*, listening: bool) -> None:
    """What was written before it listened may be lost; what was measured belongs to the one before."""
    s = Scene()
    s.canary.heard(s.write())
    s.write()
    s.canary.listen(listening=listening)
    s.clock.advance(HEARD_WITHIN_SECONDS + 1)
    assert not s.canary.is_overdue
    assert (s.canary.lag_seconds is None) is not listening

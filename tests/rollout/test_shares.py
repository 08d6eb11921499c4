"""The share of failures lately, from counters that only grow."""

from __future__ import annotations

from bridge.clock import FakeClock
from bridge.rollout.shares import LEAST, WINDOW_SECONDS, RecentShare, rest_of, worst_of


class Counters:
    """What a bridge counts."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.failed = self.number = 1000
        self.share = RecentShare(lambda: (self.failed, self.number), self.clock)

    def count(self, number: int, failed: int, seconds: float = 60) -> float | None:
        """Let so many be counted in this time; return the share."""
        self.number += number
        self.failed += failed
        self.clock.advance(seconds)
        return self.share()


def test_only_what_came_lately_counts() -> None:
    """What was before the share was asked for, and what is older than the window, does not."""
    counters = Counters()
    assert counters.count(100, failed=50) == 0.5
    assert counters.count(100, failed=0) == 0.25
    shares = [counters.count(100, failed=0) for _ in range(int(WINDOW_SECONDS / 60))]
    assert shares[-1] == 0


def test_too_little_says_nothing() -> None:
    """One failure of two is no half of everything."""
    counters = Counters()
    assert counters.share() is None
    assert counters.count(LEAST - 1, failed=1) is None
    assert counters.count(1, failed=0) == 1 / LEAST
    assert counters.count(0, failed=0, seconds=WINDOW_SECONDS * 2) is None


def test_the_rest_of_a_share() -> None:
    """What is not known stays so."""
    assert [rest_of(lambda: 0.25)(), rest_of(lambda: 0.0)(), rest_of(lambda: None)()] == [0.75, 1.0, None]


def test_the_worst_of_several_shares() -> None:
    """Many reads of one kind do not make up for a few of another; too few of a kind say nothing of it."""
    often, rarely = Counters(), Counters()
    worst = worst_of([often.share, rarely.share])
    assert worst() is None
    often.count(1000, failed=0)
    rarely.count(LEAST - 1, failed=LEAST - 1)
    assert worst() == 0.0
    rarely.count(1, failed=0)
    assert worst() == (LEAST - 1) / LEAST

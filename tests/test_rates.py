"""How fast something may go on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import rates
from bridge.clock import FakeClock
from bridge.rates import Bucket, Buckets, Rate


def test_a_burst_then_the_steady_rate() -> None:
    """Ten at once, then two a second."""
    clock = FakeClock()
    bucket = Bucket(Rate(per_second=2.0, burst=10), clock)
    assert [bucket.take() for _ in range(11)] == [True] * 10 + [False]
    clock.advance(0.4)
    assert not bucket.take()
    clock.advance(0.1)
    assert [bucket.take() for _ in range(2)] == [True, False]


def test_a_rest_fills_the_bucket_and_no_more() -> None:
    """However long it was."""
    clock = FakeClock()
    bucket = Bucket(Rate(per_second=100.0, burst=3), clock)
    clock.advance(3600)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.floats(0, 5), max_size=60))
def test_never_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    """Whatever the rhythm: what passed until now is at most the burst and the rate times the time."""
    clock = FakeClock()
    bucket = Bucket(Rate(per_second=3.0, burst=5), clock)
    passed, time = 0, 0.0
    for pause in pauses:
        clock.advance(pause)
        time += pause
        passed += bucket.take()
        assert passed <= 5 + 3.0 * time + 1e-6


def test_it_is_known_when_there_is_one_again() -> None:
    """Not a moment before, and by then; while there is one, now."""
    clock = FakeClock()
    buckets: Buckets[str] = Buckets(Rate(per_second=0.25, burst=2), clock)
    assert buckets.seconds_until_next("a") == 0
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    assert buckets.seconds_until_next("a") == 4
    clock.advance(3)
    assert not buckets.take("a")
    assert buckets.seconds_until_next("a") == 1
    clock.advance(1)
    assert buckets.take("a")


def test_everybody_has_a_bucket_of_their_own() -> None:
    """One who sends too fast takes nothing from another."""
    buckets: Buckets[str] = Buckets(Rate(per_second=1.0, burst=1), FakeClock())
    assert [buckets.take("a"), buckets.take("a"), buckets.take("b")] == [True, False, True]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was not heard of longest is forgotten."""
    monkeypatch.setattr(rates, "KEPT_BUCKETS", 2)
    buckets: Buckets[int] = Buckets(Rate(per_second=1.0, burst=1), FakeClock())
    for number in range(5):
        buckets.take(number)
    assert len(buckets) == 2

"""A dict that forgets the least recently used, and what is too old."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import FakeClock
from bridge.recent import Recent


def test_what_was_put_is_there() -> None:
    """Within the capacity nothing is lost."""
    recent: Recent[str, int] = Recent(2)
    assert recent.put("a", 1) is None
    assert recent.put("b", 2) is None
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, 2, None)
    assert "a" in recent
    assert "c" not in recent
    assert len(recent) == 2


def test_the_least_recently_used_goes_first() -> None:
    """Reading counts as using; who put the entry that pushed it out learns what went."""
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.get("a")
    assert recent.put("c", 3) == 2
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


def test_putting_again_replaces_and_renews() -> None:
    """A replaced entry pushes nobody out and is the youngest."""
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.put("a", 3) is None
    assert recent.put("c", 4) == 2
    assert recent.get("a") == 3


def test_an_old_entry_counts_as_absent() -> None:
    """At its maximal age an entry is valid, a moment later it is not; reading does not renew it."""
    clock = FakeClock()
    recent: Recent[str, int] = Recent(2, clock=clock, max_age_seconds=10)
    recent.put("a", 1)
    clock.advance(10)
    assert recent.get("a") == 1
    clock.advance(0.001)
    assert recent.get("a") is None
    assert "a" not in recent
    recent.put("a", 2)
    assert recent.get("a") == 2


def test_entries_can_be_dropped() -> None:
    """One by one, hearing what it was, or all at once."""
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.discard("a") == 1
    assert recent.discard("a") is None
    recent.clear()
    assert len(recent) == 0


@given(st.lists(st.integers(0, 20)), st.integers(1, 5))
def test_it_never_grows_beyond_its_capacity_and_keeps_the_latest(keys: list[int], capacity: int) -> None:
    """However it is used, the last keys put are there and no more than fit."""
    recent: Recent[int, int] = Recent(capacity)
    for key in keys:
        recent.put(key, key)
    latest = list(dict.fromkeys(reversed(keys)))[:capacity]
    assert len(recent) == len(latest)
    assert all(key in recent for key in latest)

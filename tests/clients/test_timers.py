"""Time of a page passes only when a test says so."""

from __future__ import annotations

from tests.clients.timers import Timers


def test_timers_ring_in_order_and_once() -> None:
    """Also those that are set by one that rings."""
    timers, rung = Timers(), list[str]()
    timers.set(2, lambda: rung.append("second"))

    def ring_and_set() -> None:
        rung.append("first")
        timers.set(0.5, lambda: rung.append("set by the first"))

    timers.set(1, ring_and_set)
    timers.set(5, lambda: rung.append("later"))
    timers.advance(4)
    assert rung == ["first", "set by the first", "second"]
    timers.advance(1)
    assert rung[3:] == ["later"]
    assert (timers.now, timers.set_so_far) == (5, [2, 1, 5, 0.5])


def test_a_cleared_timer_never_rings() -> None:
    """As clearTimeout does."""
    timers, rung = Timers(), list[str]()
    timers.set(1, lambda: rung.append("no")).clear()
    timers.advance(2)
    assert rung == []


async def test_a_timer_can_be_waited_for() -> None:
    """By its length, and how often it was set."""
    timers = Timers()
    timers.set(1, lambda: timers.set(2, lambda: None))
    timers.advance(1)
    await timers.until_set(2)

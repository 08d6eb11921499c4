"""What was told and what was passed over, bounded, in its order."""

from __future__ import annotations

from bridge.told import Told


def test_both_count() -> None:
    """Told or passed over: neither is to be told."""
    told = Told(10)
    told.tell("1")
    told.pass_over("2")
    assert [told.has(key) for key in ("1", "2", "3")] == [True, True, False]


def test_what_became_so_before_a_moment_is_known_from_what_did_after_it() -> None:
    """By the latest time that it became so."""
    told = Told(10)
    told.tell("1")
    told.pass_over("2")
    moment = told.moment
    assert not any(told.has(key, since=moment) for key in ("1", "2"))
    told.pass_over("1")
    told.tell("2")
    assert all(told.has(key, since=moment) for key in ("1", "2"))


def test_what_was_passed_over_may_be_told_after_all() -> None:
    """If it was not told before."""
    told = Told(10)
    told.pass_over("1")
    told.tell("2")
    told.pass_over("2")
    assert [told.restore(key) for key in ("1", "2", "3")] == [True, False, False]
    assert [told.has(key) for key in ("1", "2")] == [False, True]


def test_each_memory_is_bounded_by_itself() -> None:
    """The oldest go; those of the other kind stay."""
    told = Told(2)
    told.tell("told")
    for number in range(5):
        told.pass_over(str(number))
    assert [told.has(key) for key in ("told", "0", "3", "4")] == [True, False, True, True]
    assert len(told) == 3

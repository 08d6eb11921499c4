"""The presence board: joins, leaves and state."""

from collections.abc import Iterator

import pytest

from scripts.sandbox.realtime.presence import Board, random_ref


@pytest.fixture(name="board")
def make_board() -> Board:
    """Return a board whose refs count up."""
    refs: Iterator[str] = (f"r{number}" for number in range(1, 100))
    return Board(lambda: next(refs))


def test_a_first_track_is_a_join(board: Board) -> None:
    """The meta carries what was tracked and a phx_ref."""
    found = board.track("t", "channel", "ann", {"mood": "good"})
    assert found.joins == {"ann": {"metas": [{"mood": "good", "phx_ref": "r1"}]}}
    assert found.leaves == {}


def test_a_second_track_is_a_leave_and_a_join(board: Board) -> None:
    """The old meta leaves; the new one names it."""
    board.track("t", "channel", "ann", {"mood": "good"})
    found = board.track("t", "channel", "ann", {"mood": "bad"})
    assert found.leaves == {"ann": {"metas": [{"mood": "good", "phx_ref": "r1"}]}}
    assert found.joins == {"ann": {"metas": [{"mood": "bad", "phx_ref": "r2", "phx_ref_prev": "r1"}]}}


def test_two_channels_of_one_key_are_two_metas(board: Board) -> None:
    """A second tab is a second meta, not a second person."""
    board.track("t", "first", "ann", {})
    board.track("t", "second", "ann", {})
    assert board.state("t") == {"ann": {"metas": [{"phx_ref": "r1"}, {"phx_ref": "r2"}]}}
    left = board.untrack("t", "first")
    assert left is not None
    assert left.leaves == {"ann": {"metas": [{"phx_ref": "r1"}]}}
    assert board.state("t") == {"ann": {"metas": [{"phx_ref": "r2"}]}}


def test_topics_do_not_mix_and_nobody_leaves_twice(board: Board) -> None:
    """State is per address; an untrack without a track changes nothing."""
    board.track("t", "channel", "ann", {})
    assert board.state("other") == {}
    assert board.untrack("other", "channel") is None
    assert board.untrack("t", "channel") is not None
    assert board.untrack("t", "channel") is None
    assert board.state("t") == {}


def test_refs_look_like_the_recorded_ones() -> None:
    """16 characters of url-safe base64, never the same."""
    first, second = random_ref(), random_ref()
    assert len(first) == 16
    assert first != second

"""Sends that are repeated, and rows that are made anew: told in their turn, and once."""

from __future__ import annotations

import pytest

from bridge.events import message_key
from tests.hubs import MEMBERS, Setting, sent
from tests.people import OTHER_ROOM, message_id


def test_the_same_key_in_another_conversation_takes_nothing_away() -> None:
    """Whoever uses a name twice is refused; the echo of what was written first waits for its answer all the same."""
    s = Setting()
    first = s.reserve(1)
    s.reserve(1, OTHER_ROOM).abandon()
    s.publish(1)
    assert s.a.contents == []
    first.settle(sent(1), MEMBERS)
    assert s.a.contents == ["1"]


@pytest.mark.parametrize("known_by", ["its answer", "its echo"])
@pytest.mark.parametrize("slower_first", [True, False])
def test_what_was_written_later_than_its_place_says_stands_where_its_time_says(
    known_by: str, *, slower_first: bool
) -> None:
    """The quicker of two attempts wrote it; whichever is answered first, it is told once, and in its turn."""
    s = Setting()
    slower, between, quicker, later = s.reserve(3, at=1), s.reserve(2), s.reserve(3), s.reserve(4)
    between.settle(sent(2), MEMBERS)
    later.settle(sent(4), MEMBERS)

    def end_slower() -> None:
        if known_by == "its answer":
            slower.settle(sent(3), MEMBERS)
        else:
            slower.echo, slower.members = sent(3), MEMBERS
            slower.abandon()

    if slower_first:
        end_slower()
        assert s.a.contents == ["2"]
    quicker.settle(sent(3), MEMBERS)
    if not slower_first:
        end_slower()
    assert s.a.contents == ["2", "3", "4"]
    assert not s.hub._reservations._lines


def test_a_row_that_is_made_anew_is_told_though_one_with_its_key_was_told_or_passed_over() -> None:
    """That one is gone; but what is told, or passed over, while the write is on its way is this one."""
    s = Setting()
    s.publish(1)
    s.hub.pass_over(message_key(message_id(2)))
    for number in (1, 2):
        s.reserve(number).settle(sent(number), MEMBERS)
    assert s.a.contents == ["1", "1", "2"]
    twice = [s.reserve(3) for _ in range(2)]
    for reservation in twice:
        reservation.settle(sent(3), MEMBERS)
    gone = s.reserve(4)
    s.hub.pass_over(message_key(message_id(4)))
    gone.settle(sent(4), MEMBERS)
    assert s.a.contents == ["1", "1", "2", "3"]

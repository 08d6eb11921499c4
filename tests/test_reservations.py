"""Writes of our own are told once, in the order of their times, and after their answers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.events import MessageSent, message_key
from tests.hubs import MEMBERS, Setting, sent
from tests.people import OTHER_ROOM, C, message, message_id


def test_a_write_is_published_when_it_is_settled() -> None:
    """To the members given then."""
    s = Setting()
    reservation = s.reserve(1)
    assert not s.hub.has_seen(message_key(message_id(1)))
    reservation.settle(sent(1), frozenset({C.user_id}))
    assert (s.a.contents, s.c.contents) == ([], ["1"])


def test_an_echo_before_the_write_returned_waits() -> None:
    """The sender gets its message_sent first; then one frame, not two (contract F29)."""
    s = Setting()
    reservation = s.reserve(1)
    s.publish(1)
    s.publish(1)
    assert s.a.contents == []
    reservation.settle(sent(1), MEMBERS)
    assert s.a.contents == ["1"]


def test_an_echo_after_the_write_returned_is_dropped() -> None:
    """However late it is."""
    s = Setting()
    s.reserve(1).settle(sent(1), MEMBERS)
    s.publish(1)
    assert s.a.contents == ["1"]


def test_a_failed_write_publishes_nothing() -> None:
    """Its place is free, and abandoning twice is no harm."""
    s = Setting()
    reservation = s.reserve(1)
    reservation.abandon()
    reservation.abandon()
    assert s.a.contents == []
    assert not s.hub._reservations._by_key
    assert not s.hub._reservations._lines


def test_a_settled_write_cannot_be_abandoned() -> None:
    """What is out is out."""
    s = Setting()
    reservation = s.reserve(1)
    reservation.settle(sent(1), MEMBERS)
    reservation.abandon()
    assert s.a.contents == ["1"]


def test_a_write_that_failed_after_all_happened() -> None:
    """A time-out says nothing about the row: its echo shows that it is there, before or after we gave up."""
    s = Setting()
    reservation = s.reserve(1)
    s.publish(1)
    reservation.abandon()
    assert s.a.contents == ["1"]
    s.reserve(2).abandon()
    s.publish(2)
    assert s.a.contents == ["1", "2"]


def test_an_echo_of_an_abandoned_write_is_published_even_if_it_still_stands_in_line() -> None:
    """Given up behind a slower write, then seen in the feed: it must not be forgotten."""
    s = Setting()
    slow, failed = s.reserve(1), s.reserve(2)
    failed.abandon()
    s.publish(2)
    slow.settle(sent(1), MEMBERS)
    assert s.a.contents == ["1", "2"]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (2, 1, 3)])
def test_overlapping_writes_are_published_in_the_order_of_their_times(order: tuple[int, ...]) -> None:
    """Whichever returns first: live order and loaded order agree (contract F24)."""
    s = Setting()
    reservations = {number: s.reserve(number) for number in (1, 2, 3)}
    for number in order:
        reservations[number].settle(sent(number), MEMBERS)
    assert s.a.contents == ["1", "2", "3"]


def test_a_failed_write_does_not_hold_up_those_behind_it() -> None:
    """They go out as soon as it is given up."""
    s = Setting()
    first, second = s.reserve(1), s.reserve(2)
    second.settle(sent(2), MEMBERS)
    assert s.a.contents == []
    first.abandon()
    assert s.a.contents == ["2"]


def test_conversations_do_not_hold_up_each_other() -> None:
    """Order matters within a conversation only."""
    s = Setting()
    s.reserve(1)
    s.reserve(2, OTHER_ROOM).settle(sent(2, OTHER_ROOM), MEMBERS)
    assert s.a.contents == ["2"]


def test_what_others_wrote_does_not_wait_for_our_writes() -> None:
    """A legacy writer's time is its own."""
    s = Setting()
    s.reserve(1)
    s.publish(2)
    assert s.a.contents == ["2"]


def test_the_same_write_twice_at_once_is_one_event() -> None:
    """A client may repeat a send on a second socket before the first is answered."""
    s = Setting()
    first, second = s.reserve(1), s.reserve(1)
    s.publish(1)
    second.settle(sent(1), MEMBERS)
    assert s.a.contents == []
    first.settle(sent(1), MEMBERS)
    assert s.a.contents == ["1"]
    assert not s.hub._reservations._by_key
    assert not s.hub._reservations._lines


def test_one_of_two_same_writes_may_fail() -> None:
    """The other one, or its echo, is published."""
    s = Setting()
    first, second = s.reserve(1), s.reserve(1)
    s.publish(1)
    first.abandon()
    assert s.a.contents == []
    second.abandon()
    assert s.a.contents == ["1"]


def test_an_event_that_cannot_be_encoded_harms_no_other() -> None:
    """It goes to the log; those in line behind it go out, and it is not remembered as delivered."""
    s = Setting()
    first, second = s.reserve(1), s.reserve(2)
    second.settle(sent(2), MEMBERS)
    broken = MessageSent(message=replace(message(1), metadata={"not": object()}))
    with capture_logs() as logs:
        first.settle(broken, MEMBERS)
        s.hub.publish(MessageSent(message=replace(message(3), metadata=object())), MEMBERS)
    assert s.a.contents == ["2"]
    assert [line["event"] for line in logs] == ["hub.event_lost", "hub.event_lost"]
    assert not s.hub.has_seen(broken.key)
    assert [entry.event for entry in s.hub._history.since(0.0)] == [sent(2)]


def test_what_follows_a_write_on_its_way_waits_for_it() -> None:
    """An edit of a message is not told before the message; whether the write is settled or given up."""
    s = Setting()
    first, second = s.reserve(1), s.reserve(2)
    for number, after in ((11, 1), (12, 2), (13, 3)):
        s.hub.publish(sent(number), MEMBERS, after=message_key(message_id(after)))
    assert s.a.contents == ["13"]
    second.abandon()
    assert s.a.contents == ["13"]
    first.settle(sent(1), MEMBERS)
    assert s.a.contents == ["13", "1", "11", "12"]


def test_a_write_that_is_passed_over_while_it_waits_is_not_told() -> None:
    """It was deleted before anybody saw it; what follows it is told."""
    s = Setting()
    reservation = s.reserve(1)
    s.hub.pass_over(message_key(message_id(1)))
    s.hub.publish(sent(2), MEMBERS, after=message_key(message_id(1)))
    reservation.settle(sent(1), MEMBERS)
    assert s.a.contents == ["2"]

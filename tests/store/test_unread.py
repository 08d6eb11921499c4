"""How many messages are unread."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.models import Position, UserId
from bridge.store.unread import UNREAD_LIMIT, count_unread
from tests.people import BIRTH, A, B, C, message_id

Rows = list[tuple[Position, UserId]]


def rows(senders: str) -> Rows:
    """Return messages of these people, the last of them the newest, newest first."""
    people = {"a": A, "b": B, "c": C}
    written = [
        (Position(BIRTH + timedelta(seconds=number), message_id(number)), people[sender].user_id)
        for number, sender in enumerate(senders)
    ]
    return written[::-1]


def test_everything_of_others_is_unread_until_something_is_read() -> None:
    """From then on what came after it."""
    newest_first = rows("bcb")
    assert count_unread(newest_first, A.identity, None) == 3
    assert [count_unread(newest_first, A.identity, position) for position, _ in newest_first] == [0, 1, 2]


def test_ones_own_message_ends_it() -> None:
    """Whoever answers has read."""
    assert count_unread(rows("bbabb"), A.identity, None) == 2
    assert count_unread(rows("bba"), A.identity, None) == 0
    assert count_unread([], A.identity, None) == 0


def test_what_was_read_may_be_gone() -> None:
    """Its position is enough."""
    newest_first = rows("bbb")
    between = Position(BIRTH + timedelta(seconds=1.5), message_id(0))
    assert count_unread(newest_first, A.identity, between) == 1


@given(st.text("bc", max_size=UNREAD_LIMIT + 20))
def test_counting_stops(senders: str) -> None:
    """So many, or more."""
    assert count_unread(rows(senders), A.identity, None) == min(len(senders), UNREAD_LIMIT)

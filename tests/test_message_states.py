"""What is remembered of messages: where they are, and as what each was told last."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from bridge.message_states import MessageStates
from bridge.models import Message
from tests.people import BIRTH, OTHER_ROOM, ROOM, B, message, message_id


def test_a_message_that_was_seen_has_its_place() -> None:
    """Another has none."""
    states = MessageStates()
    states.place(message_id(1), ROOM)
    states.place(message_id(2), OTHER_ROOM)
    assert [states.place_of(message_id(number)) for number in (1, 2, 3)] == [ROOM, OTHER_ROOM, None]


def test_seeing_is_not_telling() -> None:
    """Another socket may have loaded what was there before."""
    states = MessageStates()
    states.place(message_id(1), ROOM)
    assert states.is_news(message(1))


def test_the_same_row_is_news_once() -> None:
    """Whatever is shown beside it."""
    states = MessageStates()
    assert states.is_news(message(1))
    assert not states.is_news(message(1))
    assert not states.is_news(replace(message(1), sender=B.profile))
    assert states.is_news(message(2))


@pytest.mark.parametrize(
    "change",
    [
        lambda row: replace(row, content="other"),
        lambda row: replace(row, metadata={"a": [1]}),
        lambda row: replace(row, edited_at=BIRTH),
        lambda row: replace(row, expires_at=BIRTH),
    ],
)
def test_any_other_row_is_news_and_so_is_the_way_back(change: Callable[[Message], Message]) -> None:
    """Only the last one counts."""
    states = MessageStates()
    assert states.is_news(message(1))
    assert states.is_news(change(message(1)))
    assert states.is_news(message(1))


def test_the_order_of_metadata_is_no_change() -> None:
    """An object has none."""
    states = MessageStates()
    assert states.is_news(replace(message(1), metadata={"a": 1, "b": 2}))
    assert not states.is_news(replace(message(1), metadata={"b": 2, "a": 1}))


def test_a_deletion_is_news_once() -> None:
    """A message that is back is news again."""
    states = MessageStates()
    assert states.is_deletion_news(message_id(1))
    assert not states.is_deletion_news(message_id(1))
    assert states.is_news(message(1))
    assert states.is_deletion_news(message_id(1))


def test_memory_stays_flat() -> None:
    """What is forgotten is told again."""
    states = MessageStates(capacity=10)
    for number in range(1000):
        states.place(message_id(number), ROOM)
        assert states.is_news(message(number))
    assert (states.place_of(message_id(0)), states.place_of(message_id(999))) == (None, ROOM)
    assert states.is_news(message(0))

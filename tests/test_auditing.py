"""What a bridge says of the messages that it has told."""

from __future__ import annotations

from datetime import timedelta

from bridge.auditing import Audit, digest
from bridge.clock import FakeClock
from bridge.events import MessageSent
from bridge.history import MAX_AGE_SECONDS, History
from bridge.models import ConversationId
from tests.people import BIRTH, ROOM, A, message, message_id

ELSEWHERE = ConversationId("cccccccc-0000-4000-8000-000000000009")
LATER = BIRTH + timedelta(seconds=10)


def told(history: History, number: int, conversation: ConversationId = ROOM) -> None:
    """Tell a message."""
    history.record(MessageSent(message=message(number, conversation=conversation)), frozenset({A.user_id}))


def test_a_digest_stands_for_ids_in_any_order() -> None:
    """Each counts once."""
    assert digest(["b", "a", "b"]) == digest(["a", "b"])
    assert digest(["a", "b"]) != digest(["a", "c"])
    assert digest([]).messages == 0


def test_what_was_told_is_summed_up_by_conversation() -> None:
    """By the messages' own dates; the end of the window is not in it."""
    history, clock = History(FakeClock()), FakeClock()
    for number, conversation in ((1, ROOM), (2, ROOM), (3, ELSEWHERE), (10, ROOM)):
        told(history, number, conversation)
    found = Audit(history, clock).told(BIRTH, LATER)
    assert found.conversations == {
        ROOM: digest([message_id(1), message_id(2)]),
        ELSEWHERE: digest([message_id(3)]),
    }
    assert Audit(history, clock).ids(ROOM, BIRTH, LATER).ids == (message_id(1), message_id(2))
    assert Audit(history, clock).ids("nowhere", BIRTH, LATER).ids == ()


def test_it_says_from_when_on_it_knows_everything() -> None:
    """From the start, until something is forgotten."""
    clock = FakeClock()
    history = History(clock)
    audit, started_at = Audit(history, clock), clock.now()
    told(history, 1)
    clock.advance(MAX_AGE_SECONDS)
    assert audit.told(BIRTH, LATER).known_from == started_at
    clock.advance(1)
    told(history, 2)
    assert audit.told(BIRTH, LATER).known_from == clock.now()

"""The judge of the trials finds every kind of broken promise, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from scripts.chaos.checker import Disordered, Leaked, Member, Missed, Repeated, Verdict, check
from scripts.chaos.history import (
    Acknowledged,
    Came,
    Event,
    GivenUp,
    Healed,
    Kind,
    Leaving,
    Loaded,
    Received,
    Repeating,
    Row,
    Sent,
    ShutOut,
    Struck,
)

ROOM = "room"
START = datetime(2026, 11, 26, tzinfo=UTC)
ANN = Member(name="ann", kind=Kind.CURSOR, conversations=frozenset([ROOM]))
BEN = Member(name="ben", kind=Kind.PLAIN, conversations=frozenset([ROOM]))


def own(number: int) -> str:
    """Return the id of a message sent through the bridge."""
    return f"{number:08}-0000-8000-8000-000000000000"


def foreign(number: int) -> str:
    """Return the id of a message that a legacy writer wrote."""
    return f"{number:08}-0000-4000-8000-000000000000"


def row(message_id: str, *, key: str | None = None) -> Row:
    """Return the row of a message; its time follows from its number."""
    number = int(message_id[:8])
    return Row(id=message_id, conversation_id=ROOM, key=key or message_id, created_at=START + timedelta(seconds=number))


def written(*ids: str) -> list[Event]:
    """Let messages be sent and acknowledged."""
    sent: list[Event] = [Sent(at=0, key=one, conversation_id=ROOM) for one in ids]
    return sent + [Acknowledged(at=0, key=one, message_id=one) for one in ids]


def came(member: Member, connection: int = 1, process: str = "p1") -> Event:
    """Let a reader come."""
    return Came(at=0, reader=member.name, connection=connection, process=process, resumed=False)


def got(member: Member, *ids: str, connection: int = 1) -> list[Event]:
    """Let messages be pushed to a reader."""
    return [
        Received(at=0, reader=member.name, connection=connection, conversation_id=ROOM, message_id=one) for one in ids
    ]


def judge(history: Sequence[Event], *ids: str, members: Sequence[Member] = (ANN, BEN)) -> Verdict:
    """Judge with a table that holds these messages."""
    return check(history, [row(one) for one in ids], members)


ONE, TWO, THREE = own(1), own(2), own(3)
LEGACY = foreign(9)
BOTH_CAME = [came(ANN), came(BEN)]


def test_a_good_history_is_good() -> None:
    """Messages of both kinds, pushed once to each, in one order; a late legacy time is no matter."""
    history = [*BOTH_CAME, *written(ONE, LEGACY, TWO), *got(ANN, ONE, LEGACY, TWO), *got(BEN, ONE, LEGACY, TWO)]
    verdict = judge(history, ONE, LEGACY, TWO)
    assert verdict.is_good
    assert (verdict.messages, verdict.acknowledged, verdict.lost, verdict.duplicated) == (3, 3, 0, 0)


def test_an_acknowledged_message_that_is_not_in_the_table_has_vanished() -> None:
    """The worst that can happen."""
    verdict = judge([*BOTH_CAME, *written(ONE)])
    assert verdict.vanished == [ONE]
    assert (verdict.lost, verdict.is_good) == (1, False)


def test_an_acknowledgement_with_the_id_of_another_message_is_no_acknowledgement() -> None:
    """The key is in the table, and not under this id."""
    history: list[Event] = [
        Sent(at=0, key="k", conversation_id=ROOM),
        Acknowledged(at=0, key="k", message_id=TWO),
    ]
    verdict = check(history, [row(ONE, key="k")], [])
    assert (verdict.vanished, verdict.doubled) == (["k"], ["k"])


def test_a_message_that_a_reader_never_got_is_missed() -> None:
    """Also one that nobody acknowledged: it is in the table, and others see it."""
    history = [*BOTH_CAME, *got(ANN, ONE, TWO), *got(BEN, ONE)]
    verdict = judge(history, ONE, TWO)
    assert verdict.missed == [Missed("ben", TWO)]
    assert (verdict.lost, verdict.is_good) == (1, False)


def test_a_message_found_by_loading_after_an_announced_gap_is_not_missed() -> None:
    """That is what the announcement is for."""
    page = Loaded(at=0, reader="ben", conversation_id=ROOM, message_ids=(ONE, TWO))
    assert judge([*BOTH_CAME, *got(ANN, ONE, TWO), *got(BEN, ONE), page], ONE, TWO).is_good


def test_a_message_that_is_in_the_table_twice_is_doubled() -> None:
    """By its key: a repeated send that became a second row."""
    history = [*BOTH_CAME, *got(ANN, ONE, TWO), *got(BEN, ONE, TWO)]
    verdict = check(history, [row(ONE, key="k"), row(TWO, key="k")], [ANN, BEN])
    assert verdict.doubled == ["k"]
    assert (verdict.duplicated, verdict.is_good) == (1, False)


def test_a_message_pushed_twice_on_one_connection_is_repeated() -> None:
    """Whatever the kind of the reader."""
    for member in (ANN, BEN):
        verdict = judge([*BOTH_CAME, *got(ANN, ONE), *got(BEN, ONE), *got(member, ONE)], ONE)
        assert verdict.repeated == [Repeated(member.name, ONE)]
        assert (verdict.duplicated, verdict.is_good) == (1, False)


def test_a_repeat_on_the_next_connection_counts_for_readers_with_cursors() -> None:
    """They said what they had; the others cannot, and drop it by its id."""
    history = [came(ANN), came(ANN, 2), came(BEN), came(BEN, 2)]
    told = [*got(ANN, ONE), *got(ANN, ONE, connection=2), *got(BEN, ONE), *got(BEN, ONE, connection=2)]
    assert judge([*history, *told], ONE).repeated == [Repeated("ann", ONE)]


def test_another_process_may_tell_again() -> None:
    """It cannot know what the one before it told; that nothing is resumed was said."""
    history = [came(ANN), came(ANN, 2, process="p2"), *got(ANN, ONE), *got(ANN, ONE, connection=2)]
    assert judge(history, ONE, members=[ANN]).is_good


def test_own_messages_pushed_against_their_times_are_disordered() -> None:
    """All that come too late, not only the first of them."""
    verdict = judge([came(ANN), *got(ANN, THREE, ONE, TWO)], ONE, TWO, THREE, members=[ANN])
    assert verdict.disordered == [Disordered("ann", ONE, THREE), Disordered("ann", TWO, THREE)]
    assert (verdict.out_of_order, verdict.is_good) == (2, False)


def test_a_message_whose_write_was_interrupted_may_be_late() -> None:
    """It is counted by itself."""
    history: list[Event] = [came(ANN), Repeating(at=0, key=ONE), *got(ANN, TWO, ONE)]
    verdict = judge(history, ONE, TWO, members=[ANN])
    assert (verdict.late, verdict.is_good) == ([ONE], True)


def test_two_readers_told_in_different_orders_are_found() -> None:
    """Legacy messages have no promised place, but one for all."""
    verdict = judge([*BOTH_CAME, *got(ANN, LEGACY, ONE), *got(BEN, ONE, LEGACY)], ONE, LEGACY)
    assert verdict.out_of_order == 1


def test_different_processes_need_not_agree() -> None:
    """A new one tells what it finds in the table, by time."""
    history = [came(ANN), came(BEN, process="p2"), *got(ANN, LEGACY, ONE), *got(BEN, ONE, LEGACY)]
    assert judge(history, ONE, LEGACY).is_good


def test_an_interrupted_write_is_no_excuse_for_telling_two_readers_differently() -> None:
    """Late for all, or for nobody."""
    history: list[Event] = [*BOTH_CAME, Repeating(at=0, key=ONE), *got(ANN, TWO, ONE), *got(BEN, ONE, TWO)]
    assert judge(history, ONE, TWO).out_of_order > 0


def test_a_push_after_a_removal_is_a_leak() -> None:
    """From the first refusal on (contract F8); what came before it was in order, and nothing is owed."""
    shut: list[Event] = [
        Leaving(at=0, reader="ben", conversation_id=ROOM),
        ShutOut(at=0, reader="ben", conversation_id=ROOM),
    ]
    before = [*BOTH_CAME, *got(ANN, ONE, TWO), *got(BEN, ONE), *shut]
    assert judge(before, ONE, TWO).is_good
    verdict = judge([*before, *got(BEN, TWO)], ONE, TWO)
    assert (verdict.leaked, verdict.is_good) == ([Leaked("ben", TWO)], False)


def test_a_push_to_a_stranger_is_a_leak() -> None:
    """Somebody who never was in it."""
    stranger = Member(name="eve", kind=Kind.PLAIN, conversations=frozenset())
    verdict = judge([came(stranger), *got(stranger, ONE)], ONE, members=[stranger])
    assert verdict.leaked == [Leaked("eve", ONE)]


def test_a_push_of_what_is_not_in_the_table_is_invented() -> None:
    """Told before it was written, and then it was not."""
    verdict = judge([came(ANN), *got(ANN, ONE)], members=[ANN])
    assert (verdict.invented, verdict.is_good) == ([ONE], False)


def test_what_a_legacy_writer_gave_up_may_be_there_or_not() -> None:
    """Nobody was told that it is."""
    assert judge([Sent(at=0, key=LEGACY, conversation_id=ROOM), GivenUp(at=0, key=LEGACY)], members=[]).is_good


def test_recovery_ends_when_the_last_reader_has_the_last_message_of_before() -> None:
    """What was sent after the healing does not count, nor what had arrived by then."""
    history: list[Event] = [
        Sent(at=1, key=ONE, conversation_id=ROOM),
        Struck(at=2),
        Healed(at=3),
        Sent(at=4, key=TWO, conversation_id=ROOM),
        Acknowledged(at=5, key=ONE, message_id=ONE),
        Received(at=6, reader="ann", connection=1, conversation_id=ROOM, message_id=ONE),
        Acknowledged(at=8, key=TWO, message_id=TWO),
        Received(at=9, reader="ann", connection=1, conversation_id=ROOM, message_id=TWO),
    ]
    assert judge(history, ONE, TWO, members=[ANN]).recovery_seconds == pytest.approx(3)
    assert judge(history[:3], members=[]).recovery_seconds == 0
    assert judge([], members=[]).recovery_seconds is None


@pytest.mark.parametrize("break_it", [lambda h: h[1:], lambda h: h + h[-1:], lambda h: [*h[:2], h[3], h[2], *h[4:]]])
def test_each_way_of_spoiling_a_good_history_is_noticed(break_it: Callable[[list[Event]], list[Event]]) -> None:
    """A push less, a push more, two pushes exchanged."""
    pushes = got(ANN, ONE, TWO, THREE, own(4), own(5))
    assert judge([came(ANN), *pushes], *(own(n) for n in range(1, 6)), members=[ANN]).is_good
    assert not judge([came(ANN), *break_it(pushes)], *(own(n) for n in range(1, 6)), members=[ANN]).is_good

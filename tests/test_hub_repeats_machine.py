"""Sends that are repeated while they are under way: whatever is quicker, messages are told once and in order."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from bridge.clock import FakeClock
from bridge.events import MessageSent, message_key
from bridge.history import History
from bridge.hub import Hub
from bridge.reservations import Reservation
from tests.emulated_w1 import read_frame
from tests.people import BIRTH, ROOM, B, message, message_id
from tests.receivers import Receiver

MEMBERS = frozenset({B.user_id})


class Sent:
    """A message in the model; its row has the time of the attempt that wrote it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.written_at: datetime | None = None
        self.was_interrupted = False

    def event(self) -> MessageSent:
        """Return what is told of it."""
        assert self.written_at is not None
        return MessageSent(message=message(self.number, content=str(self.number), at=self.written_at))


class Attempt:
    """A write that is under way."""

    def __init__(self, sent: Sent, at: datetime, reservation: Reservation) -> None:
        self.sent = sent
        self.at = at
        self.reservation = reservation

    def write(self) -> None:
        """Write the row, unless it is there."""
        self.sent.written_at = self.sent.written_at or self.at


class RepeatsMachine(RuleBasedStateMachine):
    """People who send, and repeat before they are answered, in one conversation with one listener."""

    messages = Bundle("messages")
    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(FakeClock(), History(FakeClock()))
        self.listener = Receiver(B)
        self.hub.attach(self.listener)
        self.now = BIRTH
        self.all: dict[int, Sent] = {}
        self.unanswered: list[Attempt] = []

    @rule(target=messages)
    def compose(self) -> Sent:
        """Think of a message."""
        sent = Sent(len(self.all) + 1)
        self.all[sent.number] = sent
        return sent

    @rule(target=under_way, sent=messages)
    def send(self, sent: Sent) -> Attempt:
        """Send it, for the first time or again."""
        self.now += timedelta(seconds=1)
        key = message_key(message_id(sent.number))
        attempt = Attempt(sent, self.now, self.hub.reserve(ROOM, key, self.now))
        self.unanswered.append(attempt)
        return attempt

    @rule(attempt=under_way)
    def write(self, attempt: Attempt) -> None:
        """Let the database carry an attempt out before it is answered."""
        attempt.write()

    @rule(attempt=consumes(under_way))
    def answer(self, attempt: Attempt) -> None:
        """Let the database answer, with the row as it is."""
        attempt.write()
        self.unanswered.remove(attempt)
        attempt.reservation.settle(attempt.sent.event(), MEMBERS)

    @rule(attempt=consumes(under_way), is_written=st.booleans())
    def interrupt(self, attempt: Attempt, *, is_written: bool) -> None:
        """Let the answer be lost, and perhaps the write with it."""
        if is_written:
            attempt.write()
        self.unanswered.remove(attempt)
        attempt.sent.was_interrupted = True
        attempt.reservation.abandon()

    @precondition(lambda self: any(sent.written_at for sent in self.all.values()))
    @rule(sent=messages)
    def echo(self, sent: Sent) -> None:
        """Let the feed tell of a row."""
        if sent.written_at:
            self.hub.publish(sent.event(), MEMBERS)

    @property
    def told(self) -> list[Sent]:
        """Return what the listener was told."""
        pushes = (read_frame(frame).payload["message"]["encrypted_content"] for frame in self.listener.frames)
        return [self.all[int(content)] for content in pushes]

    @invariant()
    def nothing_is_told_twice_or_unwritten(self) -> None:
        """Whichever attempt is answered, whatever the feed says."""
        numbers = [sent.number for sent in self.told]
        assert len(numbers) == len(set(numbers))
        assert all(sent.written_at for sent in self.told)

    @invariant()
    def nothing_is_told_after_what_is_later_unless_it_was_interrupted_itself(self) -> None:
        """So it says in docs/protocol.md, "Order and delivery"."""
        latest = BIRTH
        for sent in self.told:
            assert sent.written_at is not None
            assert sent.written_at > latest or sent.was_interrupted
            latest = max(latest, sent.written_at)

    def teardown(self) -> None:
        """In the end everything that is written was told, and nothing is left behind."""
        while self.unanswered:
            self.answer(self.unanswered[0])
        for sent in self.all.values():
            self.echo(sent)
        assert {sent.number for sent in self.told} == {sent.number for sent in self.all.values() if sent.written_at}
        assert not self.hub._reservations._by_key
        assert not self.hub._reservations._lines


TestRepeatsMachine = RepeatsMachine.TestCase
TestRepeatsMachine.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)

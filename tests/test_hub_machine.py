"""Whatever the order of writes, failures and echoes: the hub does what a simple model says."""

from __future__ import annotations

from enum import Enum
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from bridge.clock import FakeClock
from bridge.events import MessageSent, message_key
from bridge.history import History
from bridge.hub import Hub
from bridge.models import ConversationId
from bridge.reservations import Reservation
from tests.people import OTHER_ROOM, ROOM, B, message, message_id
from tests.receivers import Receiver

MEMBERS = frozenset({B.user_id})


class State(Enum):
    """What became of a write."""

    PENDING = 1
    SETTLED = 2
    ABANDONED = 3


class Write:
    """A write of our own in the model; `before` are the earlier ones of its conversation."""

    def __init__(self, number: int, topic: ConversationId, reservation: Reservation, before: list[Write]) -> None:
        self.number = number
        self.topic = topic
        self.reservation = reservation
        self.before = before
        self.state = State.PENDING
        self.is_echoed = False

    @property
    def is_due(self) -> bool:
        """Tell whether everybody must have heard of it: known to have happened, and nothing before it is pending."""
        happened = self.state is State.SETTLED or (self.state is State.ABANDONED and self.is_echoed)
        return happened and all(write.state is not State.PENDING for write in self.before)


def event(number: int, topic: ConversationId) -> MessageSent:
    """Return the event of a message."""
    return MessageSent(message=message(number, conversation=topic, content=str(number)))


class HubMachine(RuleBasedStateMachine):
    """Writes of our own and of others in two conversations, with one listener."""

    pending = Bundle("pending")
    written = Bundle("written")

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(FakeClock(), History(FakeClock()))
        self.listener = Receiver(B)
        self.hub.attach(self.listener)
        self.numbers = count(1)
        self.writes: list[Write] = []
        self.foreign: list[int] = []

    @rule(target=pending, topic=st.sampled_from([ROOM, OTHER_ROOM]))
    def begin(self, topic: ConversationId) -> Write:
        """Begin to write."""
        number = next(self.numbers)
        before = [write for write in self.writes if write.topic == topic]
        write = Write(
            number, topic, self.hub.reserve(topic, message_key(message_id(number)), message(number).created_at), before
        )
        self.writes.append(write)
        return write

    @rule(target=written, write=consumes(pending))
    def succeed(self, write: Write) -> Write:
        """Hear that a write succeeded."""
        write.state = State.SETTLED
        write.reservation.settle(event(write.number, write.topic), MEMBERS)
        return write

    @rule(target=written, write=consumes(pending))
    def fail(self, write: Write) -> Write:
        """Hear that a write failed, or never hear anything."""
        write.state = State.ABANDONED
        write.reservation.abandon()
        return write

    @rule(write=pending | written)
    def echo(self, write: Write) -> None:
        """Hear of a write from the feed, perhaps again."""
        write.is_echoed = True
        self.hub.publish(event(write.number, write.topic), MEMBERS)

    @rule(topic=st.sampled_from([ROOM, OTHER_ROOM]), times=st.integers(1, 2))
    def legacy_write(self, topic: ConversationId, times: int) -> None:
        """Hear of somebody else's message, perhaps twice."""
        number = next(self.numbers)
        self.foreign.append(number)
        for _ in range(times):
            self.hub.publish(event(number, topic), MEMBERS)

    @invariant()
    def everything_due_was_told_once(self) -> None:
        """Nothing is lost, nothing is told twice, nothing is told too early."""
        due = self.foreign + [write.number for write in self.writes if write.is_due]
        assert sorted(self.told) == sorted(due)

    @invariant()
    def successful_writes_were_told_in_order(self) -> None:
        """Within their conversation, whichever returned first."""
        for topic in (ROOM, OTHER_ROOM):
            own = {write.number for write in self.writes if write.topic == topic and write.state is State.SETTLED}
            told = [number for number in self.told if number in own]
            assert told == sorted(told)

    @invariant()
    def nothing_finished_is_kept(self) -> None:
        """Places are given back."""
        kept = sum(len(line) for line in self.hub._reservations._lines.values())
        assert len(self.hub._reservations._by_key) == kept
        if all(write.state is not State.PENDING for write in self.writes):
            assert kept == 0

    @property
    def told(self) -> list[int]:
        """Return the numbers of the messages that the listener received."""
        return [int(content) for content in self.listener.contents]


HubMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestHub = HubMachine.TestCase

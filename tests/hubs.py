"""A hub with receivers, for the tests of what it tells and of the order in which it tells it."""

from __future__ import annotations

from itertools import count

from bridge.capabilities import Capability
from bridge.clock import FakeClock
from bridge.events import MessageSent, message_key
from bridge.history import History
from bridge.hub import Hub
from bridge.models import ConversationId
from bridge.reservations import Reservation
from tests.people import ROOM, A, B, C, Person, message, message_id
from tests.receivers import Receiver

MEMBERS = frozenset({A.user_id, B.user_id})


class Setting:
    """A hub with receivers of A, B and C."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.ids = count(1)
        self.hub = Hub(clock or FakeClock(), History(clock or FakeClock()))
        self.a, self.b, self.c = (self.attached(person) for person in (A, B, C))

    def attached(self, person: Person, *capabilities: Capability) -> Receiver:
        """Return a new receiver of this person."""
        receiver = Receiver(person, *capabilities)
        self.hub.attach(receiver)
        return receiver

    def reserve(self, number: int, topic: ConversationId = ROOM, *, at: int | None = None) -> Reservation:
        """Begin to write the message with this number, which is its time, too, unless that is said."""
        time = message(number if at is None else at).created_at
        return self.hub.reserve(topic, message_key(message_id(number)), time)

    def publish(self, number: int, topic: ConversationId = ROOM) -> None:
        """Let the feed tell of a message."""
        self.hub.publish(sent(number, topic), MEMBERS)


def sent(number: int, topic: ConversationId = ROOM) -> MessageSent:
    """Return the event of a message."""
    return MessageSent(message=message(number, conversation=topic, content=str(number)))

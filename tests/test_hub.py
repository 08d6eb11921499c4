"""One event, encoded once, to every receiver of every member, exactly once, in order."""

from __future__ import annotations

from itertools import count

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.capabilities import Capability
from bridge.clock import FakeClock
from bridge.events import MessageSent, UserCameOnline, message_key
from bridge.history import History
from bridge.hub import REMOVAL_REMEMBERED_SECONDS, Hub, Reservation
from bridge.models import ConversationId
from tests.emulated_w1 import read_frame
from tests.people import BIRTH, OTHER_ROOM, ROOM, A, B, C, D, Person, conversation_id, message, message_id
from tests.world import Receiver

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

    def reserve(self, number: int, topic: ConversationId = ROOM) -> Reservation:
        """Begin to write the message with this number."""
        return self.hub.reserve(topic, message_key(message_id(number)))

    def publish(self, number: int, topic: ConversationId = ROOM) -> None:
        """Let the feed tell of a message."""
        self.hub.publish(sent(number, topic), MEMBERS)


def sent(number: int, topic: ConversationId = ROOM) -> MessageSent:
    """Return the event of a message."""
    return MessageSent(message=message(number, conversation=topic, content=str(number)))


def test_an_event_reaches_the_members_and_nobody_else() -> None:
    """All of them, the sender included (contract F16)."""
    s = Setting()
    s.publish(1)
    assert (s.a.contents, s.b.contents, s.c.contents) == (["1"], ["1"], [])


def test_every_socket_of_a_member_gets_the_same_frame() -> None:
    """Encoded once, whatever the number of receivers; the next event is another frame."""
    s = Setting()
    second = s.attached(B)
    s.publish(1)
    assert s.a.frames == s.b.frames == second.frames
    s.publish(2)
    assert read_frame(s.a.frames[1]).request_id != read_frame(s.a.frames[0]).request_id


def test_a_receiver_with_two_ids_gets_one_frame() -> None:
    """Some conversations list a person under both ids (contract data-model section 6)."""
    s = Setting()
    s.hub.publish(sent(1), frozenset({B.user_id, B.auth_id}))
    assert s.b.contents == ["1"]


def test_a_member_under_its_auth_id_is_reached() -> None:
    """Participant rows may hold either id."""
    s = Setting()
    s.hub.publish(sent(1), frozenset({B.auth_id}))
    assert s.b.contents == ["1"]


def test_nobody_is_told_after_detaching() -> None:
    """Other receivers of the same person are; detaching twice is no harm."""
    s = Setting()
    second = s.attached(B)
    s.hub.detach(second)
    s.hub.detach(second)
    s.publish(1)
    assert (s.b.contents, second.contents) == (["1"], [])
    s.hub.detach(s.b)
    s.hub.detach(s.b)
    assert B.user_id not in s.hub._receivers


def test_a_repeat_is_dropped() -> None:
    """The feed may tell a thing twice, and catch-up finds it again (contract F29)."""
    s = Setting()
    assert not s.hub.has_seen(message_key(message_id(1)))
    s.publish(1)
    s.publish(1)
    assert s.a.contents == ["1"]
    assert s.hub.has_seen(message_key(message_id(1)))


def test_what_happened_without_listeners_is_not_told_later() -> None:
    """A client that comes then loads it."""
    s = Setting()
    s.hub.publish(sent(1), frozenset({"nobody"}))
    s.publish(1)
    assert s.a.contents == []


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
    assert not s.hub._reserved
    assert not s.hub._lines


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
    assert not s.hub._reserved
    assert not s.hub._lines


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


def test_whoever_was_removed_hears_nothing_though_named_as_a_member() -> None:
    """What was begun before names the members of that moment (contract F8); other conversations are not concerned."""
    s = Setting()
    reservation = s.reserve(1)
    reservation.settle(sent(1), MEMBERS)
    s.hub.remove(ROOM, {B.user_id})
    s.publish(2)
    s.publish(3, OTHER_ROOM)
    assert (s.a.contents, s.b.contents) == (["1", "2", "3"], ["1", "3"])
    assert s.hub.present(ROOM, MEMBERS) == {A.user_id}
    s.hub.readmit(ROOM, {B.user_id})
    s.publish(4)
    assert s.b.contents == ["1", "3", "4"]
    assert s.hub.present(ROOM, MEMBERS) == MEMBERS


def test_a_removal_by_one_id_leaves_the_other() -> None:
    """Some conversations list a person under both ids."""
    s = Setting()
    s.hub.remove(ROOM, {B.auth_id})
    s.hub.publish(sent(1), frozenset({B.user_id, B.auth_id}))
    assert s.b.contents == ["1"]


def test_a_removal_is_not_remembered_for_ever() -> None:
    """Only as long as something begun before may be under way; a gap in the feed ends it too."""
    clock = FakeClock()
    s = Setting(clock)
    s.hub.remove(ROOM, {B.user_id})
    clock.advance(REMOVAL_REMEMBERED_SECONDS)
    s.publish(1)
    clock.advance(0.001)
    s.publish(2)
    s.hub.remove(ROOM, {B.user_id})
    s.hub.readmit_all()
    s.publish(3)
    s.hub.remove(ROOM, {A.user_id, B.user_id})
    clock.advance(REMOVAL_REMEMBERED_SECONDS + 0.001)
    s.hub.readmit(ROOM, {A.user_id})
    s.publish(4)
    assert s.b.contents == ["2", "3", "4"]


def test_coming_back_is_ones_own_affair() -> None:
    """Others who were removed from the same conversation stay out."""
    s = Setting()
    s.hub.remove(ROOM, {A.user_id})
    s.hub.remove(ROOM, {B.user_id})
    s.hub.readmit(ROOM, {A.user_id})
    s.publish(1)
    assert (s.a.contents, s.b.contents) == (["1"], [])


def test_who_is_here_with_a_capability_is_known() -> None:
    """By any of its ids, once however many sockets it has, and no longer than they are attached."""
    s = Setting()
    assert not s.hub.is_understood(Capability.MEMBERS)
    first, second = [s.attached(B, Capability.MEMBERS, Capability.CONVERSATIONS) for _ in range(2)]
    s.hub.attach(first)
    everybody = {A.user_id, B.auth_id, C.user_id}
    assert s.hub.listeners(everybody, Capability.MEMBERS) == {B.identity}
    assert s.hub.listeners(everybody, Capability.RECEIPTS) == frozenset()
    assert s.hub.listeners({A.user_id}, Capability.MEMBERS) == frozenset()
    for receiver in (first, first, second):
        assert s.hub.is_understood(Capability.MEMBERS)
        s.hub.detach(receiver)
    assert not s.hub.is_understood(Capability.MEMBERS)
    assert s.hub.listeners(everybody, Capability.MEMBERS) == frozenset()


def test_memory_stays_flat() -> None:
    """Over 100 000 messages of ever new conversations nothing but the latest keys is kept (contract F29)."""
    s = Setting()
    s.hub = Hub(FakeClock(), History(FakeClock()), remembered_keys=1000)
    for number in range(3000):
        topic = conversation_id(number)
        s.reserve(number, topic).settle(sent(number, topic), frozenset())
    assert len(s.hub._seen) == 1000
    assert not s.hub._reserved
    assert not s.hub._lines
    assert s.hub.has_seen(message_key(message_id(2999)))
    assert not s.hub.has_seen(message_key(message_id(1999)))


def test_what_concerns_everybody_reaches_everybody_once() -> None:
    """Whoever they are, under each of their ids."""
    s = Setting()
    s.hub.broadcast(sent(1))
    assert (s.a.contents, s.b.contents, s.c.contents) == (["1"], ["1"], ["1"])


def test_a_state_that_nobody_is_told_costs_no_frame() -> None:
    """Somebody comes in a conversation of people who are not here."""
    s = Setting()
    s.hub.publish(UserCameOnline(topic=ROOM, user_id=A.user_id, at=BIRTH), {D.user_id})
    assert next(s.ids) == 1


def test_the_hub_knows_whether_anybody_else_is_here() -> None:
    """Besides somebody with two ids, or with one, or not here at all."""
    hub = Hub(FakeClock(), History(FakeClock()))
    assert not hub.has_others(B.identity)
    alice, bob = Receiver(A), Receiver(B)
    hub.attach(bob)
    assert not hub.has_others(B.identity)
    assert hub.has_others(A.identity)
    hub.attach(alice)
    assert hub.has_others(B.identity)
    hub.detach(bob)
    assert (hub.has_others(A.identity), hub.has_others(B.identity)) == (False, True)

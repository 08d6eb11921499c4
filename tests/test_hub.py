"""One event, encoded once, to every receiver of every member, exactly once."""

from __future__ import annotations

from bridge.capabilities import Capability
from bridge.clock import FakeClock
from bridge.events import Event, PresenceChanged, UserCameOnline, message_key
from bridge.history import History
from bridge.hub import REMOVAL_REMEMBERED_SECONDS, Hub
from bridge.models import PresenceStatus
from tests.emulated_w1 import read_frame
from tests.hubs import MEMBERS, Setting, sent
from tests.people import BIRTH, OTHER_ROOM, ROOM, A, B, C, D, Person, conversation_id, message_id
from tests.receivers import Listener, Receiver


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


def test_nobody_is_asked_about_what_no_client_here_knows() -> None:
    """After a restart thousands come, each to be told to thousands of old clients; one that knows it is enough."""
    s = Setting()
    carol = PresenceChanged(user_id=C.user_id, was=PresenceStatus.OFFLINE, status=PresenceStatus.ONLINE, last_seen=None)
    bob = Asked(B)
    s.hub.attach(bob)
    s.hub.publish(carol, MEMBERS)
    assert bob.asked == []
    s.hub.attach(Listener(A, Capability.PRESENCE))
    s.hub.publish(carol, MEMBERS)
    assert bob.asked == [carol]


class Asked(Receiver):
    """A receiver that takes nothing, and keeps what it is asked."""

    def __init__(self, person: Person) -> None:
        super().__init__(person)
        self.asked: list[Event] = []

    def takes(self, event: Event) -> bool:
        """Take nothing."""
        self.asked.append(event)
        return False


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
    assert len(s.hub._told) == 1000
    assert not s.hub._reservations._by_key
    assert not s.hub._reservations._lines
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


def test_a_purge_does_not_push_out_what_was_told() -> None:
    """Each of its messages is passed over, however many they are."""
    s = Setting()
    s.hub = Hub(FakeClock(), History(FakeClock()), remembered_keys=10)
    a = s.attached(A)
    s.publish(1)
    for number in range(100, 200):
        s.hub.pass_over(message_key(message_id(number)))
    s.publish(1)
    assert a.contents == ["1"]

"""People whose clients left lately and may come back."""

from __future__ import annotations

from bridge.absent import Absent
from bridge.capabilities import Capability
from bridge.clock import FakeClock
from tests.people import A, B, C

WANTED = frozenset({Capability.RESUME, Capability.MEMBERS})


def absent(clock: FakeClock | None = None, *, capacity: int = 10) -> Absent:
    """Make an empty one that remembers for a minute."""
    return Absent(clock or FakeClock(), max_age_seconds=60, capacity=capacity)


def test_they_are_found_by_any_of_their_ids() -> None:
    """Participant rows hold either (contract F1)."""
    people = absent()
    people.expect(B.identity, WANTED, 0)
    for one in B.identity.ids:
        assert list(people.among({one, A.user_id}, Capability.MEMBERS)) == [B.identity]
    assert not list(people.among({A.user_id}, Capability.MEMBERS))


def test_they_want_what_their_clients_asked_for() -> None:
    """Several devices of somebody want what one of them wants."""
    people = absent()
    people.expect(B.identity, WANTED, 0)
    assert people.understand(Capability.MEMBERS)
    assert not people.understand(Capability.CONVERSATIONS)
    people.expect(B.identity, frozenset({Capability.RESUME, Capability.CONVERSATIONS}), 0)
    people.expect(C.identity, frozenset({Capability.RESUME}), 0)
    for capability in (Capability.MEMBERS, Capability.CONVERSATIONS):
        assert list(people.among({B.user_id, C.user_id}, capability)) == [B.identity]


def test_who_cannot_show_a_cursor_is_not_expected() -> None:
    """Such a client begins anew."""
    people = absent()
    people.expect(B.identity, frozenset({Capability.MEMBERS}), 0)
    assert not len(people)


def test_they_are_forgotten_after_a_while() -> None:
    """As what they could be told is."""
    clock = FakeClock()
    people = absent(clock)
    people.expect(B.identity, WANTED, 0)
    clock.advance(40)
    people.expect(C.identity, WANTED, 0)
    people.expect(C.identity, WANTED, 0)
    clock.advance(21)
    assert list(people.among({B.user_id, C.user_id}, Capability.MEMBERS)) == [C.identity]
    clock.advance(40)
    assert not people.understand(Capability.MEMBERS)
    assert not len(people)


def test_they_are_so_many_at_most() -> None:
    """Who left first is forgotten first."""
    people = absent(capacity=2)
    for person in (A, B, A, C):
        people.expect(person.identity, WANTED, 0)
    assert set(people.among({A.user_id, B.user_id, C.user_id}, Capability.MEMBERS)) == {A.identity, C.identity}


def test_it_is_known_since_when_somebody_looked_for_what_they_want() -> None:
    """For each capability the first time, as long as they are not forgotten; of all that is asked the last."""
    clock = FakeClock()
    people = absent(clock)
    members, lists = frozenset({Capability.MEMBERS}), frozenset({Capability.CONVERSATIONS})
    people.expect(B.identity, WANTED, 3)
    clock.advance(50)
    people.expect(B.identity, frozenset({Capability.RESUME}) | lists | members, 7)
    assert [people.since(B.identity, wanted) for wanted in (members, lists, members | lists)] == [3, 7, 7]
    assert people.since(B.identity, frozenset({Capability.MESSAGE_CHANGES})) is None
    assert people.since(C.identity, members) is None
    clock.advance(61)
    assert people.since(B.identity, members) is None
    people.expect(B.identity, WANTED, 9)
    assert people.since(B.identity, members) == 9

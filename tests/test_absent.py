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
    people.expect(B.identity, WANTED)
    for one in B.identity.ids:
        assert list(people.among({one, A.user_id}, Capability.MEMBERS)) == [B.identity]
    assert not list(people.among({A.user_id}, Capability.MEMBERS))


def test_they_want_what_their_clients_asked_for() -> None:
    """Several devices of somebody want what one of them wants."""
    people = absent()
    people.expect(B.identity, WANTED)
    assert people.understand(Capability.MEMBERS)
    assert not people.understand(Capability.CONVERSATIONS)
    people.expect(B.identity, frozenset({Capability.RESUME, Capability.CONVERSATIONS}))
    people.expect(C.identity, frozenset({Capability.RESUME}))
    for capability in (Capability.MEMBERS, Capability.CONVERSATIONS):
        assert list(people.among({B.user_id, C.user_id}, capability)) == [B.identity]


def test_who_cannot_show_a_cursor_is_not_expected() -> None:
    """Such a client begins anew."""
    people = absent()
    people.expect(B.identity, frozenset({Capability.MEMBERS}))
    assert not len(people)


def test_they_are_forgotten_after_a_while() -> None:
    """As what they could be told is."""
    clock = FakeClock()
    people = absent(clock)
    people.expect(B.identity, WANTED)
    clock.advance(40)
    people.expect(C.identity, WANTED)
    people.expect(C.identity, WANTED)
    clock.advance(21)
    assert list(people.among({B.user_id, C.user_id}, Capability.MEMBERS)) == [C.identity]
    clock.advance(40)
    assert not people.understand(Capability.MEMBERS)
    assert not len(people)


def test_they_are_so_many_at_most() -> None:
    """Who left first is forgotten first."""
    people = absent(capacity=2)
    for person in (A, B, A, C):
        people.expect(person.identity, WANTED)
    assert set(people.among({A.user_id, B.user_id, C.user_id}, Capability.MEMBERS)) == {A.identity, C.identity}

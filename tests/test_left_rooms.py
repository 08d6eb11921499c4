"""What ended connections had open: kept for a while, taken up once."""

from __future__ import annotations

from bridge.clock import FakeClock
from bridge.left_rooms import CONNECTIONS_OF_A_USER, ENDS_APART_SECONDS, ROOMS_OF_A_CONNECTION, USERS, LeftRooms
from bridge.models import ConversationId, UserId
from tests.people import OTHER_ROOM, ROOM, B, C, conversation_id

AGE = 600.0


def left_rooms(clock: FakeClock | None = None) -> LeftRooms:
    """Return an empty memory."""
    return LeftRooms(clock or FakeClock(), AGE)


def test_what_was_left_is_taken_up_once_in_its_order() -> None:
    """By the same user only."""
    rooms = left_rooms()
    rooms.leave(B.user_id, [OTHER_ROOM, ROOM])
    assert rooms.take(C.user_id) == ()
    assert rooms.take(B.user_id) == (OTHER_ROOM, ROOM)
    assert rooms.take(B.user_id) == ()


def test_the_last_one_left_is_taken_first() -> None:
    """Each of several new connections gets one."""
    rooms = left_rooms()
    rooms.leave(B.user_id, [ROOM])
    rooms.leave(B.user_id, [OTHER_ROOM])
    assert [rooms.take(B.user_id) for _ in range(3)] == [(OTHER_ROOM,), (ROOM,), ()]


def test_a_connection_that_had_nothing_open_leaves_nothing() -> None:
    """The one before it counts."""
    rooms = left_rooms()
    rooms.leave(B.user_id, [ROOM])
    rooms.leave(B.user_id, [])
    assert rooms.take(B.user_id) == (ROOM,)


def test_it_is_forgotten_after_a_while() -> None:
    """Each by its own time."""
    clock = FakeClock()
    rooms = left_rooms(clock)
    rooms.leave(B.user_id, [ROOM])
    clock.advance(AGE)
    rooms.leave(B.user_id, [OTHER_ROOM])
    clock.advance(AGE)
    assert rooms.take(B.user_id) == (OTHER_ROOM,)
    assert rooms.take(B.user_id) == ()
    rooms.leave(B.user_id, [ROOM])
    clock.advance(AGE + 0.001)
    assert rooms.take(B.user_id) == ()


def test_of_who_was_elsewhere_the_last_sign_of_life_counts() -> None:
    """A writer whose clock is ahead has not seen them later than now."""
    clock = FakeClock()
    rooms = left_rooms(clock)
    assert rooms.seen_elsewhere_at(B.user_id) is None
    rooms.hear(B.user_id, seconds_ago=90.0)
    rooms.hear(C.user_id, seconds_ago=-90.0)
    assert rooms.seen_elsewhere_at(B.user_id) == clock.monotonic() - 90.0
    assert rooms.seen_elsewhere_at(C.user_id) == clock.monotonic()
    assert rooms.ended_at(B.user_id) is None


def test_memory_is_bounded() -> None:
    """By users, by connections of a user, and by rooms of a connection: the latest are kept."""
    rooms = left_rooms()
    many = [conversation_id(number) for number in range(ROOMS_OF_A_CONNECTION + 5)]
    rooms.leave(B.user_id, many)
    assert rooms.take(B.user_id) == tuple(many[5:])
    for number in range(CONNECTIONS_OF_A_USER + 1):
        rooms.leave(B.user_id, [conversation_id(number)])
    taken: list[tuple[ConversationId, ...]] = []
    while one := rooms.take(B.user_id):
        taken.append(one)
    assert taken == [(conversation_id(number),) for number in range(CONNECTIONS_OF_A_USER, 0, -1)]
    for number in range(USERS + 1):
        rooms.leave(UserId(str(number)), [ROOM])
    assert (rooms.take(UserId("0")), rooms.take(UserId("1"))) == ((), (ROOM,))


def test_of_several_ends_the_first_counts_as_long_as_it_is_remembered() -> None:
    """Nobody knows which of them comes back."""
    clock = FakeClock()
    rooms = left_rooms(clock)
    first = clock.monotonic()
    rooms.leave(B.user_id, [])
    clock.advance(1)
    rooms.leave(B.user_id, [])  # counts as the first
    clock.advance(ENDS_APART_SECONDS)
    second = clock.monotonic()
    rooms.leave(B.user_id, [])
    assert rooms.ended_at(B.user_id) == first
    clock.advance(first + AGE + ENDS_APART_SECONDS - clock.monotonic())
    assert rooms.ended_at(B.user_id) == first
    clock.advance(1)
    assert rooms.ended_at(B.user_id) == second
    clock.advance(AGE + ENDS_APART_SECONDS)
    assert rooms.ended_at(B.user_id) is None


def test_an_end_before_the_others_counts_and_one_of_a_client_that_knows_its_place_does_not() -> None:
    """A token may have expired long before its connection ended."""
    clock = FakeClock()
    rooms = left_rooms(clock)
    rooms.leave(B.user_id, [], knows_its_place=True)
    assert rooms.ended_at(B.user_id) is None
    rooms.leave(B.user_id, [])
    rooms.leave(B.user_id, [], told_until=clock.monotonic() - 5)
    assert rooms.ended_at(B.user_id) == clock.monotonic() - 5

"""Which conversations a client has open, the latest last."""

from __future__ import annotations

from bridge.actions.context import Rooms
from tests.people import OTHER_ROOM, ROOM


def test_nothing_is_open_at_first() -> None:
    """A client that only authenticated looks at nothing."""
    assert Rooms().latest is None


def test_the_conversation_joined_last_is_on_the_screen() -> None:
    """Joining again brings it to the front (contract ws-protocol section 11, rule 5)."""
    rooms = Rooms()
    rooms.join(ROOM)
    rooms.join(OTHER_ROOM)
    assert rooms.latest == OTHER_ROOM
    rooms.join(ROOM)
    assert rooms.latest == ROOM
    assert list(rooms.joined) == [OTHER_ROOM, ROOM]


def test_leaving_shows_the_one_before() -> None:
    """Leaving what was never joined is no harm."""
    rooms = Rooms()
    rooms.join(ROOM)
    rooms.join(OTHER_ROOM)
    rooms.leave(OTHER_ROOM)
    rooms.leave(OTHER_ROOM)
    assert rooms.latest == ROOM

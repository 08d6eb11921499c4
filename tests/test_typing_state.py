"""Who is typing: told on change, ended in time, written seldom."""

from __future__ import annotations

import pytest

from bridge.models import ConversationId, profile_of
from bridge.typing_state import ENDS_AFTER_SECONDS, OWN_WRITE_REMEMBERED_SECONDS, WRITE_AT_MOST_EVERY_SECONDS
from tests.parts import Parts
from tests.people import ROOM, B, C
from tests.receivers import Receiver

BOB, CAROL = profile_of(B.user), profile_of(C.user)
MEMBERS = frozenset({B.user_id, C.user_id})


class Scene(Parts):
    """Typing, with carol listening."""

    def __init__(self) -> None:
        super().__init__()
        self.typing = self.context.typing
        self.carol = Receiver(C)
        self.context.hub.attach(self.carol)

    def bob_types(self, *, is_ours: bool = True) -> None:
        """Let bob press a key."""
        self.typing.begin(ROOM, BOB, MEMBERS, is_ours=is_ours)

    def bob_stops(self) -> None:
        """Let bob pause."""
        self.typing.end(ROOM, B.user_id)

    def told(self) -> list[bool]:
        """Return what carol heard."""
        return ['"isTyping":true' in frame for frame in self.carol.frames]

    def writes(self) -> list[bool]:
        """Return the states due for writing now."""
        return [is_typing for _, is_typing in self.typing.take_unwritten()]


@pytest.fixture
def scene() -> Scene:
    """Return bob and carol in a room."""
    return Scene()


def test_only_the_first_key_and_the_end_are_told(scene: Scene) -> None:
    """A keystroke is no push; a double stop gives one false (contract F36)."""
    for _ in range(50):
        scene.bob_types()
    scene.bob_stops()
    scene.bob_stops()
    assert scene.told() == [True, False]


def test_a_typist_who_falls_silent_has_stopped(scene: Scene) -> None:
    """However he vanished; every key puts the end off."""
    scene.bob_types()
    scene.clock.advance(ENDS_AFTER_SECONDS - 1)
    scene.bob_types()
    scene.clock.advance(ENDS_AFTER_SECONDS - 1)
    scene.typing.end_overdue()
    assert scene.told() == [True]
    scene.clock.advance(1)
    scene.typing.end_overdue()
    assert scene.told() == [True, False]


def test_a_minute_of_typing_is_a_handful_of_writes(scene: Scene) -> None:
    """A start and a stop every second: one write per WRITE_AT_MOST_EVERY_SECONDS, the last state wins."""
    written: list[bool] = []
    for _ in range(60):
        scene.bob_types()
        written += scene.writes()
        scene.bob_stops()
        written += scene.writes()
        scene.clock.advance(1)
    assert 1 <= len(written) <= 60 / WRITE_AT_MOST_EVERY_SECONDS + 1
    scene.clock.advance(WRITE_AT_MOST_EVERY_SECONDS)
    written += scene.writes()
    assert written[-1] is False
    assert scene.writes() == []


def test_a_state_that_is_in_the_table_is_not_written_again(scene: Scene) -> None:
    """Stopped and started again before the stop was due."""
    scene.bob_types()
    assert scene.writes() == [True]
    scene.bob_stops()
    scene.bob_types()
    scene.clock.advance(WRITE_AT_MOST_EVERY_SECONDS)
    assert scene.writes() == []


def test_a_legacy_typist_is_told_but_not_written(scene: Scene) -> None:
    """The row is there already."""
    scene.bob_types(is_ours=False)
    scene.clock.advance(ENDS_AFTER_SECONDS)
    assert scene.told() == [True]
    assert scene.writes() == []


def test_an_own_write_is_known_as_an_echo_for_a_while(scene: Scene) -> None:
    """A late echo of "true" must not start the typing anew."""
    assert not scene.typing.is_own_echo(ROOM, B.user_id)
    scene.bob_types()
    scene.writes()
    assert scene.typing.is_own_echo(ROOM, B.user_id)
    assert not scene.typing.is_own_echo(ConversationId("another"), B.user_id)
    scene.clock.advance(OWN_WRITE_REMEMBERED_SECONDS)
    assert not scene.typing.is_own_echo(ROOM, B.user_id)

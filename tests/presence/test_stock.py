"""What was missed while nothing could be heard is found in the rows."""

from __future__ import annotations

import pytest

from bridge.models import PresenceStatus
from bridge.presence.person import AT_MOST_EVERY_SECONDS
from tests.people import B, C
from tests.presence.scene import AWAY, GRACE, OFFLINE, ONLINE, STALE, Scene


def test_while_nothing_is_heard_nobody_falls_silent(scene: Scene) -> None:
    """It is we who are deaf; when we hear again we look."""
    scene.hear(ONLINE)
    scene.told()
    scene.state.listen(hearing=False)
    scene.wait(2 * STALE)
    assert scene.told() == []
    scene.state.listen(hearing=True)
    assert scene.state.needs_stock
    scene.state.take_stock([scene.row(ONLINE)], scene.clock.monotonic())
    assert not scene.state.needs_stock
    scene.wait(GRACE)
    assert scene.told() == []


def test_who_is_elsewhere_at_the_start_is_not_told() -> None:
    """Whoever is connected here has connected since, and loaded who is there."""
    scene = Scene()
    scene.listen(scene.row(AWAY), scene.row(ONLINE, person=C))
    assert scene.told() == []
    scene.hear(OFFLINE)
    scene.wait(GRACE)
    assert [change[1:] for change in scene.told()] == [(AWAY, OFFLINE)]


def test_what_happened_during_a_gap_is_found_in_the_rows(scene: Scene) -> None:
    """Somebody came, somebody went."""
    scene.hear(ONLINE, person=B)
    scene.told()
    scene.state.listen(hearing=False)
    scene.clock.advance(60)
    scene.listen(scene.row(ONLINE, person=C))
    scene.wait(GRACE)
    assert {change[0].user_id: change[2] for change in scene.told()} == {B.user_id: OFFLINE, C.user_id: ONLINE}


def test_whoever_is_here_and_not_in_the_rows_is_written_again(scene: Scene) -> None:
    """Another process said offline while we were deaf."""
    scene.arrive()
    scene.told()
    scene.written()
    scene.wait(AT_MOST_EVERY_SECONDS)
    scene.listen()
    assert (scene.told(), scene.written()) == ([], [ONLINE])


@pytest.mark.parametrize("status", [ONLINE, OFFLINE])
def test_what_the_feed_says_during_the_question_counts_more(scene: Scene, status: PresenceStatus) -> None:
    """The answer may be older."""
    scene.hear(ONLINE, age=50)
    scene.told()
    scene.state.listen(hearing=True)
    asked_at = scene.clock.monotonic()
    scene.wait(1)
    scene.hear(status)
    scene.state.take_stock([] if status is ONLINE else [scene.row(ONLINE, age=40)], asked_at)
    scene.wait(GRACE)
    assert [change[2] for change in scene.told()] == ([] if status is ONLINE else [OFFLINE])


def test_an_answer_that_a_gap_made_old_is_asked_for_again(scene: Scene) -> None:
    """Deaf and hearing again while the question was on its way."""
    asked_at = scene.clock.monotonic()
    scene.wait(1)
    scene.state.listen(hearing=False)
    scene.state.listen(hearing=True)
    scene.state.take_stock([], asked_at)
    assert scene.state.needs_stock

"""Who is here: connections counted, told on change, written once."""

from __future__ import annotations

from bridge.presence import SWEEP_EVERY_SECONDS
from bridge.presence.person import AT_MOST_EVERY_SECONDS
from tests.people import B
from tests.presence.scene import AWAY, BUSY, CAME, GRACE, OFFLINE, ONLINE, Scene, row


def test_the_first_connection_is_told_and_written_at_once(scene: Scene) -> None:
    """Once."""
    scene.arrive()
    assert (scene.told(), scene.written()) == ([CAME], [ONLINE])
    assert (scene.told(), scene.written()) == ([], [])


def test_another_tab_a_new_token_and_a_return_are_no_news(scene: Scene) -> None:
    """Neither told nor written (contract F35)."""
    scene.arrive()
    scene.told()
    scene.written()
    for _ in range(3):
        scene.arrive()
        scene.depart()
        scene.depart()
        scene.wait(GRACE - 0.001)
        scene.arrive()
        assert (scene.told(), scene.written()) == ([], [])


def test_the_end_of_the_last_connection_is_told_after_the_grace(scene: Scene) -> None:
    """With the time of that end as the last sign of life."""
    scene.arrive()
    scene.arrive()
    scene.told()
    scene.written()
    scene.depart()
    scene.wait(GRACE)
    assert (scene.told(), scene.written()) == ([], [])
    scene.depart()
    ended_at = scene.clock.now()
    scene.wait(GRACE - 0.001)
    assert (scene.told(), scene.written()) == ([], [])
    scene.wait(0.001)
    [identity] = scene.state.untold()
    change = scene.state.take_change(identity.user_id)
    assert change is not None
    assert (identity, change.was, change.status, change.last_seen) == (B.identity, ONLINE, OFFLINE, ended_at)
    assert scene.state.take_unwritten() == [row(OFFLINE, ended_at)]


def test_who_comes_and_goes_before_anybody_asks_is_not_told(scene: Scene) -> None:
    """The last state counts."""
    scene.arrive()
    scene.depart()
    scene.wait(GRACE)
    assert (scene.told(), scene.written()) == ([], [OFFLINE])


def test_nothing_is_kept_of_who_is_gone(scene: Scene) -> None:
    """Memory is for those who are here."""
    scene.arrive()
    scene.told()
    scene.written()
    scene.depart()
    scene.wait(GRACE)
    scene.told()
    scene.written()
    scene.written()
    scene.wait(SWEEP_EVERY_SECONDS)
    assert scene.state._people == {}
    assert (scene.state._changed, scene.state._unwritten._due, scene.state._limited) == ({}, {}, {})


def test_a_chosen_status_is_told_and_written_and_ends_with_the_last_connection(scene: Scene) -> None:
    """A return within the grace finds it as it was."""
    scene.arrive()
    scene.told()
    scene.written()
    scene.wait(AT_MOST_EVERY_SECONDS)
    scene.state.choose(B.user_id, AWAY)
    assert (scene.told(), scene.written()) == ([(B.identity, ONLINE, AWAY)], [AWAY])
    scene.depart()
    scene.wait(GRACE / 2)
    scene.arrive()
    assert (scene.told(), scene.written()) == ([], [])
    scene.depart()
    scene.wait(GRACE)
    assert (scene.told(), scene.written()) == ([(B.identity, AWAY, OFFLINE)], [OFFLINE])
    scene.wait(AT_MOST_EVERY_SECONDS)
    scene.arrive()
    assert (scene.told(), scene.written()) == ([CAME], [ONLINE])


def test_a_status_of_somebody_who_is_not_here_cannot_be_chosen(scene: Scene) -> None:
    """The action may come after the end of the connection."""
    scene.state.choose(B.user_id, BUSY)
    assert (scene.told(), scene.written()) == ([], [])


def test_a_client_that_changes_its_mind_all_the_time_is_no_flood(scene: Scene) -> None:
    """Told and written now and then; the last word counts."""
    scene.arrive()
    told, written = scene.told(), scene.written()
    for number in range(100):
        scene.state.choose(B.user_id, AWAY if number % 2 else BUSY)
        scene.wait(0.1)
        told += scene.told()
        written += scene.written()
    scene.wait(AT_MOST_EVERY_SECONDS)
    told += scene.told()
    written += scene.written()
    assert len(told) <= 2 + 10 / AT_MOST_EVERY_SECONDS
    assert len(written) <= 2 + 10 / AT_MOST_EVERY_SECONDS
    assert (told[-1][2], written[-1]) == (AWAY, AWAY)

"""What others write is told, believed after a while, and contradicted where it is wrong."""

from __future__ import annotations

import pytest

from bridge.models import PresenceStatus
from bridge.presence import OBJECTION_SECONDS, SWEEP_EVERY_SECONDS
from bridge.presence.person import AT_MOST_EVERY_SECONDS
from tests.people import B
from tests.presence.scene import AWAY, BUSY, GRACE, OFFLINE, ONLINE, STALE, WENT, Scene, row


@pytest.mark.parametrize("status", [ONLINE, AWAY, BUSY])
def test_what_a_legacy_writer_says_is_told(scene: Scene, status: PresenceStatus) -> None:
    """And not written, for it is written already; gone only after a while without contradiction."""
    scene.hear(status)
    assert [change[1:] for change in scene.told()] == [(OFFLINE, status)]
    scene.hear(OFFLINE)
    scene.wait(GRACE - 0.001)
    assert scene.told() == []
    scene.wait(0.001)
    assert [change[1:] for change in scene.told()] == [(status, OFFLINE)]
    assert scene.written() == []


def test_offline_of_somebody_unknown_says_nothing(scene: Scene) -> None:
    """Nor does a row so old that its writer must be dead, or without any time."""
    scene.hear(OFFLINE)
    scene.hear(ONLINE, age=STALE + 0.001)
    scene.state.hear(row(ONLINE, None))
    scene.wait(GRACE)
    assert (scene.told(), scene.state._people) == ([], {})


def test_an_own_echo_says_nothing(scene: Scene) -> None:
    """However late: it would take back what happened since."""
    scene.arrive()
    scene.told()
    [online] = scene.state.take_unwritten()
    scene.depart()
    scene.wait(GRACE)
    scene.told()
    [offline] = scene.state.take_unwritten()
    scene.wait(AT_MOST_EVERY_SECONDS)
    scene.arrive()
    scene.told()
    scene.state.take_unwritten()
    for echo in (online, offline):
        scene.state.hear(echo)
        scene.wait(GRACE)
        assert (scene.told(), scene.written()) == ([], [])


def test_offline_about_somebody_who_is_here_is_contradicted(scene: Scene) -> None:
    """Another process's last connection ended; ours lives (or has its grace). Nothing is told."""
    scene.arrive()
    scene.told()
    scene.written()
    scene.wait(AT_MOST_EVERY_SECONDS)
    scene.hear(OFFLINE)
    assert (scene.told(), scene.written()) == ([], [ONLINE])
    scene.depart()
    scene.wait(AT_MOST_EVERY_SECONDS)
    scene.hear(OFFLINE)
    assert (scene.told(), scene.written()) == ([], [ONLINE])


def test_who_leaves_but_may_be_elsewhere_is_told_after_time_for_an_objection(scene: Scene) -> None:
    """Another process has said online: it hears our offline, and objects if it can."""
    scene.arrive()
    scene.told()
    scene.written()
    scene.hear(ONLINE)
    scene.depart()
    scene.wait(GRACE)
    assert (scene.told(), scene.written()) == ([], [OFFLINE])
    scene.wait(GRACE - 0.001)
    assert scene.told() == []
    scene.hear(ONLINE)  # the objection
    scene.wait(GRACE)
    assert scene.told() == []
    scene.hear(OFFLINE)
    scene.wait(GRACE)
    assert scene.told() == [WENT]


def test_an_online_that_our_offline_has_overwritten_needs_an_objection(scene: Scene) -> None:
    """A legacy client wrote it while ours was on its way: it does not object, and the table says offline."""
    scene.arrive()
    scene.told()
    scene.written()
    scene.depart()
    scene.wait(GRACE)
    [ours] = scene.state.take_unwritten()
    scene.hear(ONLINE)
    scene.state.hear(ours)
    scene.wait(GRACE - 0.001)
    assert scene.told() == []
    scene.wait(0.001)
    assert scene.told() == [WENT]


def test_time_for_an_objection_is_given_however_short_the_grace() -> None:
    """The way through the feed has its own time."""
    scene = Scene(grace=0.1)
    scene.listen()
    scene.hear(ONLINE)
    scene.told()
    scene.hear(OFFLINE)
    scene.wait(OBJECTION_SECONDS - 0.001)
    assert scene.told() == []
    scene.wait(0.001)
    assert len(scene.told()) == 1


def test_coming_back_elsewhere_or_here_within_the_grace_is_no_news(scene: Scene) -> None:
    """A bridge is restarted: it says offline of everybody, and they come to us."""
    scene.hear(ONLINE)
    scene.told()
    scene.hear(OFFLINE)
    scene.wait(GRACE - 1)
    scene.arrive()
    assert (scene.told(), scene.written()) == ([], [ONLINE])
    scene.wait(GRACE)
    assert scene.told() == []


def test_another_process_that_falls_silent_is_dead(scene: Scene) -> None:
    """It cannot say goodbye; each heartbeat puts the end off."""
    scene.hear(ONLINE, age=0)
    scene.told()
    scene.wait(STALE)
    scene.hear(ONLINE, age=0)
    scene.wait(STALE)
    assert scene.told() == []
    scene.wait(SWEEP_EVERY_SECONDS)
    assert [change[1:] for change in scene.told()] == [(ONLINE, OFFLINE)]


def test_a_status_chosen_through_another_process_holds_here(scene: Scene) -> None:
    """For all connections of a user, whoever holds them; a second process's connection takes it up."""
    scene.hear(AWAY)
    scene.told()
    scene.arrive()
    assert (scene.told(), scene.written()) == ([], [AWAY])
    scene.wait(AT_MOST_EVERY_SECONDS)
    scene.hear(BUSY)
    assert (scene.told(), scene.written()) == ([(B.identity, AWAY, BUSY)], [])


def test_a_choice_that_is_not_yet_written_is_not_taken_back_by_an_earlier_row(scene: Scene) -> None:
    """Another process's heartbeat; our row comes after it and counts there too."""
    scene.arrive()
    scene.told()
    scene.written()
    scene.state.choose(B.user_id, AWAY)
    scene.hear(ONLINE)
    scene.wait(AT_MOST_EVERY_SECONDS)
    assert (scene.told(), scene.written()) == ([(B.identity, ONLINE, AWAY)], [AWAY])


@pytest.mark.parametrize(("last", "status"), [("ours", AWAY), ("theirs", BUSY)])
def test_of_two_who_choose_at_once_the_last_row_counts(scene: Scene, last: str, status: PresenceStatus) -> None:
    """Both processes hear the same order, and agree."""
    scene.arrive()
    scene.told()
    scene.written()
    scene.wait(AT_MOST_EVERY_SECONDS)
    scene.state.choose(B.user_id, AWAY)
    [ours] = scene.state.take_unwritten()
    theirs = scene.row(BUSY, age=0.001)
    for heard in (theirs, ours) if last == "ours" else (ours, theirs):
        scene.state.hear(heard)
    assert (scene.told(), scene.written()) == ([(B.identity, ONLINE, status)], [])

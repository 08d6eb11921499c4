"""What a snapshot shows of people agrees with what was told of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from bridge.models import Presence, PresenceStatus
from tests.people import B
from tests.presence.scene import BUSY, GRACE, OFFLINE, ONLINE, STALE, Scene, row


def seen(scene: Scene, known: Presence | None) -> tuple[PresenceStatus, datetime | None]:
    """Return what a snapshot shows of bob whose row is this."""
    shown = scene.state.seen(B.user_id, known)
    return shown.status, shown.last_seen


def test_a_snapshot_shows_the_rows_of_strangers_unless_they_are_old(scene: Scene) -> None:
    """Two and a half heartbeats: a bridge that was killed cannot say goodbye."""
    now = scene.clock.now()
    assert seen(scene, None) == (OFFLINE, None)
    assert seen(scene, scene.row(BUSY)) == (BUSY, now)
    assert seen(scene, scene.row(ONLINE, age=STALE)) == (ONLINE, now - timedelta(seconds=STALE))
    assert seen(scene, scene.row(ONLINE, age=STALE + 1)) == (OFFLINE, now - timedelta(seconds=STALE + 1))
    assert seen(scene, row(ONLINE, None)) == (OFFLINE, None)
    assert seen(scene, scene.row(OFFLINE, age=7)) == (OFFLINE, now - timedelta(seconds=7))


def test_a_snapshot_agrees_with_what_was_told(scene: Scene) -> None:
    """Of people who are here, within their grace, or said to be gone and not yet believed to be."""
    scene.arrive()
    scene.told()
    scene.written()
    gone = scene.row(OFFLINE, age=9)
    scene.wait(5)
    assert seen(scene, gone) == (ONLINE, scene.clock.now())
    scene.hear(ONLINE)
    scene.depart()
    ended_at = scene.clock.now()
    scene.wait(5)
    assert seen(scene, gone) == (ONLINE, ended_at)
    scene.wait(GRACE)
    assert seen(scene, gone) == (ONLINE, ended_at)
    scene.wait(GRACE)
    assert seen(scene, None) == (OFFLINE, ended_at)


def test_while_nothing_is_heard_a_snapshot_believes_the_row(scene: Scene) -> None:
    """What was heard long ago may have changed."""
    scene.hear(ONLINE)
    scene.told()
    scene.state.listen(hearing=False)
    assert seen(scene, scene.row(OFFLINE, age=3))[0] is OFFLINE

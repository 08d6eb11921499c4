"""Which rows are written: on change, with the heartbeats, and at the end of the process."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from bridge.models import Presence, PresenceStatus
from tests.people import BIRTH, B, C, Person
from tests.presence.scene import BEAT, BUSY, GRACE, OFFLINE, ONLINE, Scene, row


def test_a_heartbeat_writes_everybody_who_is_here(scene: Scene) -> None:
    """With the time of now; who is elsewhere is the others' business."""
    scene.arrive(B)
    scene.arrive(C)
    scene.state.choose(C.user_id, BUSY)
    scene.hear(ONLINE, person=Person(name="E", auth_id=C.auth_id, user_id=B.user_id[:-1] + "0"))  # type: ignore[arg-type]  # an id
    scene.written()
    scene.wait(BEAT)
    rows = scene.state.take_unwritten()
    assert rows == [row(ONLINE, scene.clock.now(), B), row(BUSY, scene.clock.now(), C)]
    assert scene.written() == []


def test_what_could_not_be_written_is_written_with_the_next_heartbeat(scene: Scene) -> None:
    """The end of somebody, too, who is in no heartbeat."""
    scene.arrive(B)
    scene.arrive(C)
    scene.told()
    scene.written()
    scene.depart(B)
    scene.wait(GRACE)
    scene.told()
    failed = scene.state.take_unwritten()
    assert [one.status for one in failed] == [OFFLINE]
    scene.state.put_off(failed)
    scene.wait(BEAT - GRACE - 0.001)
    assert scene.written() == []
    assert scene.state.seen(B.user_id, row(ONLINE, BIRTH)).status is OFFLINE
    scene.wait(0.001)
    assert sorted(scene.written()) == [OFFLINE, ONLINE]


def test_at_the_end_of_the_process_everybody_here_is_said_to_be_gone(scene: Scene) -> None:
    """Also who is in the grace, and who has left without its being written; nobody who is elsewhere."""
    scene.arrive(B)
    scene.written()
    scene.depart(B)
    scene.arrive(C)
    scene.wait(1)
    rows = scene.state.farewell()
    assert rows == [row(OFFLINE, scene.clock.now() - timedelta(seconds=1), B), row(OFFLINE, scene.clock.now(), C)]
    late = Scene()
    late.arrive()
    late.depart()
    late.wait(GRACE)
    assert statuses(late.state.farewell()) == [OFFLINE]
    other = Scene()
    other.listen(other.row(ONLINE))
    assert other.state.farewell() == []


def statuses(rows: Iterable[Presence]) -> list[PresenceStatus]:
    """Return the states of rows."""
    return [one.status for one in rows]

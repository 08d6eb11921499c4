"""Who is here: counted, told on change, written seldom, reconciled with what others write."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from bridge.clock import FakeClock
from bridge.models import Identity, Presence, PresenceStatus
from bridge.presence import (
    AT_MOST_EVERY_SECONDS,
    BEATS_UNTIL_STALE,
    OBJECTION_SECONDS,
    SWEEP_EVERY_SECONDS,
    PresenceState,
)
from tests.people import BIRTH, B, C, Person

GRACE, BEAT = 15.0, 120.0
STALE = BEATS_UNTIL_STALE * BEAT
ONLINE, AWAY, BUSY, OFFLINE = PresenceStatus


class Scene:
    """A presence state with a clock, and what it has told and written."""

    def __init__(self, *, grace: float = GRACE) -> None:
        self.clock = FakeClock()
        self.state = PresenceState(self.clock, grace_seconds=grace, heartbeat_seconds=BEAT)

    def arrive(self, person: Person = B) -> None:
        """Open a connection."""
        self.state.connect(person.identity)

    def depart(self, person: Person = B) -> None:
        """Close a connection."""
        self.state.disconnect(person.user_id)

    def listen(self, *rows: Presence) -> None:
        """Begin to hear what others write; these rows are there already."""
        self.state.listen(hearing=True)
        self.state.take_stock(rows, self.clock.monotonic())

    def wait(self, seconds: float) -> None:
        """Let time pass, as the upkeep sees it."""
        self.clock.advance(seconds)
        self.state.end_overdue()

    def told(self) -> list[tuple[Identity, PresenceStatus, PresenceStatus]]:
        """Return who changed from what to what since the last look."""
        self.state.end_overdue()
        due = [(one, self.state.take_change(one.user_id)) for one in self.state.untold()]
        return [(one, change.was, change.status) for one, change in due if change]

    def written(self) -> list[PresenceStatus]:
        """Return the states of the rows that are due for writing now."""
        return [row.status for row in self.state.take_unwritten()]

    def row(self, status: PresenceStatus, *, age: float = 0.0, person: Person = B) -> Presence:
        """Return a row that somebody else wrote."""
        return row(status, self.clock.now() - timedelta(seconds=age), person)

    def hear(self, status: PresenceStatus, *, age: float = 0.001, person: Person = B) -> None:
        """Hear of such a row."""
        self.state.hear(self.row(status, age=age, person=person))


def row(status: PresenceStatus, last_seen: datetime | None, person: Person = B) -> Presence:
    """Return a row of a person."""
    return Presence(user_id=person.user_id, status=status, last_seen=last_seen)


CAME, WENT = (B.identity, OFFLINE, ONLINE), (B.identity, ONLINE, OFFLINE)


@pytest.fixture
def scene() -> Scene:
    """Return a process that hears what others write."""
    made = Scene()
    made.listen()
    return made


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
    assert (scene.state._changed, scene.state._unwritten, scene.state._limited) == ({}, {}, {})


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

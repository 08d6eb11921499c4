"""`audit --every`: windows that follow each other, whatever happens to a run, by a clock that a test moves."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from migration.audit import LOST
from migration.errors import Refused
from migration.findings import Exit, Series
from tests.migration.audit.going_on import ADDRESS, EVERY, OTHER, SETTLE, Process, World, nothing, series


@pytest.fixture
def world() -> World:
    """Return one bridge, which has been there for an hour, and a message a minute ago."""
    found = World()
    found.clock.advance(3600)
    found.say()
    found.clock.advance(60)
    return found


def test_windows_follow_each_other_without_gap_or_overlap(world: World) -> None:
    """Each message is compared once, at an age of `settle` at least; the report is kept after each run."""

    def say() -> None:
        for _ in range(3):
            world.say()

    world.between = [say] * 4
    report = world.run()
    windows = world.bridge.windows
    assert [begins for begins, _ in windows[1:]] == [ends for _, ends in windows[:-1]]
    assert windows[-1][1] == world.clock.now() - timedelta(seconds=SETTLE + EVERY)
    assert world.waits == [EVERY] * 5
    assert (report.exit, report.findings, report.not_run) == (Exit.CLEAN, (), ())
    assert [series(one).runs for one in world.kept] == [1, 2, 3, 4, 5]
    assert series(report) == Series(
        runs=5, failed=0, windows=5, messages=10, missing=0, gaps=0, gap_seconds=0.0, is_last_complete=True
    )


def test_it_ends_after_so_many_runs(world: World) -> None:
    """Without waiting once more."""
    world.between = [nothing] * 9
    assert series(world.run(runs=3)).runs == 3
    assert len(world.waits) == 2


def test_one_run_says_nothing_of_a_series(world: World) -> None:
    """And never waits."""
    report = world.run(every=None)
    assert (report.series, world.waits, len(world.kept), report.exit) == (None, [], 1, Exit.CLEAN)


def test_a_late_run_takes_over_where_the_last_one_ended(world: World) -> None:
    """It is not made up for by others."""

    def slow() -> None:
        world.slow_seconds = EVERY * 2.5

    def quick() -> None:
        world.slow_seconds = 0.0

    world.between = [slow, quick, nothing]
    report = world.run()
    windows = world.bridge.windows
    assert [begins for begins, _ in windows[1:]] == [ends for _, ends in windows[:-1]]
    assert [(ends - begins).total_seconds() for begins, ends in windows] == [60, 60, 150, 60]
    assert world.waits == [EVERY, 0.0, EVERY, EVERY]
    assert report.exit is Exit.CLEAN


def test_a_run_that_fails_leaves_its_window_to_the_next(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said at once, and at the end only if it was the last one."""

    def break_down() -> None:
        world.say()
        world.bridge.trouble = httpx.ConnectError("down")

    def mend() -> None:
        world.bridge.trouble = None

    world.between = [break_down, mend, nothing]
    report = world.run()
    first, second, third, _ = ((series(one).failed, one.exit, len(one.not_run)) for one in world.kept)
    assert (first, second, third) == ((0, Exit.CLEAN, 0), (1, Exit.INCOMPLETE, 1), (1, Exit.CLEAN, 0))
    assert f"audit: The bridge at {ADDRESS} does not answer: ConnectError; proven until " in capsys.readouterr().err
    windows = world.bridge.windows
    assert [begins for begins, _ in windows[1:]] == [ends for _, ends in windows[:-1]]
    assert (series(report).messages, series(report).windows, series(report).is_last_complete) == (2, 3, True)


def test_in_the_first_run_a_failure_refuses(world: World) -> None:
    """Then something is set wrongly."""
    world.bridge.trouble = httpx.ConnectError("down")
    with pytest.raises(Refused, match=f"The bridge at {ADDRESS} does not answer: ConnectError"):
        world.run()
    assert world.kept == []


def test_what_a_bridge_has_forgotten_is_a_gap(world: World) -> None:
    """Of exact length; it is said, and the exit status of all tells, though the last run was complete."""
    restarted = world.clock.now() + timedelta(seconds=EVERY)

    def restart() -> None:
        world.bridges[ADDRESS] = Process(world.clock)

    world.between = [restart, nothing, nothing]
    report = world.run()
    proven_until = restarted - timedelta(seconds=EVERY + SETTLE)
    assert series(report).gap_seconds == (restarted - proven_until).total_seconds()
    assert (series(report).gaps, series(report).is_last_complete, report.exit) == (1, True, Exit.INCOMPLETE)
    (gap,) = report.not_run
    assert gap.reason == (
        f"{ADDRESS} does not know any more what it told from {proven_until:%H:%M:%S} to {restarted:%H:%M:%S}"
    )
    assert [series(one).is_last_complete for one in world.kept] == [True, False, False, True]


def test_a_bridge_that_has_just_begun_proves_from_there() -> None:
    """No claim was made before, so there is no gap."""
    world = World()
    world.between = [world.speak, nothing, nothing]
    report = world.run()
    assert world.kept[0].exit is Exit.INCOMPLETE
    assert (report.exit, series(report).gaps, series(report).messages) == (Exit.CLEAN, 0, 1)


def test_what_is_lost_stays_found(world: World) -> None:
    """In every later report, by its id, counted once."""
    lost: list[str] = []
    world.between = [lambda: lost.append(world.say(told=False)), world.speak, nothing]
    report = world.run()
    (finding,) = report.findings
    assert (finding.check, finding.count, finding.samples) == (LOST, 1, tuple(lost))
    assert (report.exit, series(report).missing, series(report).messages) == (Exit.FOUND, 1, 3)
    assert "1 missing" in series(report).words


def test_each_bridge_has_its_own_windows() -> None:
    """One that is away for a while catches up, and the other goes on."""
    world = World(ADDRESS, OTHER)
    world.clock.advance(600)

    def away() -> None:
        world.say()
        world.bridges[OTHER].trouble = httpx.ReadTimeout("slow")

    def back() -> None:
        world.bridges[OTHER].trouble = None

    world.between = [away, nothing, back]
    report = world.run()
    assert [len(one.windows) for one in world.bridges.values()] == [4, 2]
    assert (report.exit, len(report.passed), series(report).failed) == (Exit.CLEAN, 2, 2)
    assert world.bridges[ADDRESS].windows[-1][1] == world.bridges[OTHER].windows[-1][1]


def test_a_clock_that_is_set_back_proves_nothing_twice(world: World) -> None:
    """Until it has caught up."""

    def set_back() -> None:
        world.clock.offset = timedelta(seconds=-200)

    world.between = [set_back, *[nothing] * 5]
    report = world.run()
    windows = world.bridge.windows
    assert [begins for begins, _ in windows[1:]] == [ends for _, ends in windows[:-1]]
    assert report.exit is Exit.CLEAN

"""`audit --every`: windows that follow each other, whatever happens to a run, by a clock that a test moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx
import msgspec
import pytest

from bridge.auditing import Audit
from bridge.clock import FakeClock
from bridge.events import MessageSent
from bridge.history import History
from migration.audit import LOST
from migration.audit.running import Auditor, Wishes
from migration.audit.window import Sight
from migration.bridges import BridgeSide
from migration.errors import Refused
from migration.findings import Exit, Report, Series
from migration.project import Rest
from migration.voice import Voice
from tests.people import ROOM, B, message

ADDRESS, OTHER = "http://bridge-1", "http://bridge-2"
EVERY, SETTLE = 60.0, 30.0


class Jumping(FakeClock):
    """A clock whose wall time can be set."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = timedelta()

    def now(self) -> datetime:
        """Return the time set."""
        return super().now() + self.offset


class Process:
    """A bridge's process, as far as the audit sees it."""

    def __init__(self, clock: FakeClock) -> None:
        self.history = History(clock)
        self.audit = Audit(self.history, clock)
        self.trouble: Exception | None = None
        self.windows: list[tuple[datetime, datetime]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer an operator."""
        if self.trouble is not None:
            raise self.trouble
        asked = request.url.params
        since, until = datetime.fromisoformat(asked["since"]), datetime.fromisoformat(asked["until"])
        if "conversation" in asked:
            return httpx.Response(200, content=msgspec.json.encode(self.audit.ids(asked["conversation"], since, until)))
        self.windows.append((since, until))
        return httpx.Response(200, content=msgspec.json.encode(self.audit.told(since, until)))


class World:
    """A table, bridges, and an audit of both that goes on."""

    def __init__(self, *addresses: str) -> None:
        self.clock = Jumping()
        self.voice = Voice(self.clock, as_json=True)
        self.bridges = {one: Process(self.clock) for one in addresses or (ADDRESS,)}
        self.table: list[tuple[str, datetime]] = []
        self.kept: list[Report] = []
        self.waits: list[float] = []
        self.between: list[Callable[[], None]] = []
        """What happens between runs, one after the other; then somebody ends it."""
        self.slow_seconds = 0.0
        """How long a look at the table takes."""
        self._number = 0

    @property
    def bridge(self) -> Process:
        """Return the first of the bridges."""
        return self.bridges[ADDRESS]

    def say(self, *, told: bool = True) -> str:
        """Write a message; tell it at every bridge, or at none."""
        self._number += 1
        one = message(self._number, at=self.clock.now())
        self.table.append((one.id, one.created_at))
        for bridge in self.bridges.values() if told else ():
            bridge.history.record(MessageSent(message=one), {B.user_id})
        return one.id

    def speak(self) -> None:
        """Write and tell a message."""
        self.say()

    def run(self, runs: int | None = None, every: float | None = EVERY) -> Report:
        """Audit until everything between the runs has happened."""
        wishes = Wishes(
            bridges=tuple(self.bridges),
            token="",
            minutes=1.0,
            settle_seconds=SETTLE,
            every_seconds=every,
            runs=runs,
        )
        rest = Rest(httpx.Client(transport=httpx.MockTransport(self._project), base_url="http://project"))
        look = Sight(rest, self._reach).look
        return Auditor("project", wishes, look, self.clock, self.voice).run(self.kept.append, self._wait)

    def _wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.clock.advance(seconds)
        if not self.between:
            return True
        self.between.pop(0)()
        return False

    @contextmanager
    def _reach(self, address: str) -> Iterator[BridgeSide]:
        transport = httpx.MockTransport(self.bridges[address].answer)
        with httpx.Client(transport=transport, base_url=address) as http:
            yield BridgeSide(http, address)

    def _project(self, request: httpx.Request) -> httpx.Response:
        """Answer as PostgREST: who is in the room, and the messages of a window."""
        if request.url.path.endswith("/conversation_participants"):
            seat = {"id": "seat", "conversation_id": ROOM, "user_id": B.user_id}
            return httpx.Response(200, json=[seat])
        self.clock.advance(self.slow_seconds)
        bounds = re.findall(r"created_at\.(?:gte|lt)\.([^,)]+)", request.url.params["and"])
        since, until = map(datetime.fromisoformat, bounds)
        rows = [
            {
                "id": one,
                "conversation_id": ROOM,
                "sender_id": B.user_id,
                "created_at": at.isoformat(),
                "deleted_at": None,
            }
            for one, at in self.table
            if since <= at < until
        ]
        return httpx.Response(200, json=rows)


def nothing() -> None:
    """Let nothing happen."""


def series(report: Report) -> Series:
    """Return what a report says of all runs."""
    assert report.series is not None
    return report.series


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

"""Tables that do not answer are told of within seconds; tables that answer slowly are not told of again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from random import Random
from typing import cast

import pytest
from structlog.testing import capture_logs

from bridge.clock import FakeClock
from bridge.errors import StoreDown, StoreError, StoreRefused, StoreUnreadable
from bridge.health import Health
from bridge.history import History
from bridge.hub import Hub
from bridge.measures import Measures
from bridge.models import Profile, UserId
from bridge.store.people import UserStore
from bridge.tables_watch import LOOK_EVERY_SECONDS, MOST_OPEN, SILENT_AFTER_SECONDS, TablesWatch
from tests.gated import GatedStore
from tests.virtual_time import in_virtual_time

TIME_LIMIT_SECONDS = 10.0
NEVER = 1e9
BREAK_AT = 20.0
WITHIN_SECONDS = LOOK_EVERY_SECONDS + SILENT_AFTER_SECONDS
"""What docs/observability.md promises."""


class LoopClock(FakeClock):
    """The clock of the running loop."""

    def monotonic(self) -> float:
        """Return its seconds."""
        return asyncio.get_running_loop().time()


class SlowUsers:
    """People who are found after a while, or not in time."""

    def __init__(self, seconds_for: Callable[[float], float], time_limit: float = TIME_LIMIT_SECONDS) -> None:
        self._seconds_for = seconds_for
        self._time_limit = time_limit
        self.open = self.most_open = 0

    async def profiles(self, _: Collection[UserId]) -> Mapping[UserId, Profile]:
        """Answer as late as is wanted at this moment, but as the store does in no more than its time limit."""
        seconds = self._seconds_for(asyncio.get_running_loop().time())
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(min(seconds, self._time_limit))
        self.open -= 1
        if seconds > self._time_limit:
            raise StoreDown("TimeoutError")
        return {}


class Scene:
    """A watch, with the health that it tells."""

    def __init__(self, clock: FakeClock, users: SlowUsers | None = None) -> None:
        self.clock = clock
        self.store = GatedStore()
        if users is not None:
            self.store.users = cast("UserStore", users)
        self.measures = Measures()
        self.health = Health(Hub(clock, History(clock)), clock)
        self.health.set_troubles(set())
        self.watch = TablesWatch(self.store, self.health, self.measures, clock)

    @property
    def is_silent(self) -> bool:
        """Tell what /readyz would say."""
        assert self.health.reasons == (["tables_unreachable"] if self.health.tables_silent else [])
        return self.health.tables_silent

    def look(self, seconds: float = LOOK_EVERY_SECONDS) -> bool:
        """Let time pass and look; return whether it asks."""
        self.clock.advance(seconds)
        return self.watch.look()

    def answer(self, table: str = "messages", outcome: str = "200") -> None:
        """Count somebody's answer."""
        self.measures.requests.add(table, "GET", outcome)


async def changes(seconds_for: Callable[[float], float], seconds: float = 600) -> tuple[list[tuple[float, bool]], int]:
    """Watch tables that answer so late; return when they were said to be silent or not, and the most open questions."""
    users = SlowUsers(seconds_for)
    scene = Scene(LoopClock(), users)
    found: list[tuple[float, bool]] = []
    watching = asyncio.create_task(scene.watch.run())
    while asyncio.get_running_loop().time() < seconds:
        await asyncio.sleep(0.25)
        if scene.is_silent != (found[-1][1] if found else False):
            found.append((asyncio.get_running_loop().time(), scene.is_silent))
    watching.cancel()
    return found, users.most_open


@in_virtual_time
async def test_tables_that_hang_are_told_of_within_seconds() -> None:
    """From the moment at which they do; and that they answer again as soon as they do."""
    back_at = 120.0
    found, most_open = await changes(lambda now: NEVER if BREAK_AT < now < back_at else 0.01)
    [(silent_at, _), (answers_at, _)] = found
    assert BREAK_AT < silent_at <= BREAK_AT + WITHIN_SECONDS + 0.25
    assert back_at <= answers_at <= back_at + LOOK_EVERY_SECONDS + 0.25
    assert most_open <= MOST_OPEN


@in_virtual_time
async def test_a_bridge_that_begins_with_tables_that_hang_says_so() -> None:
    """Without ever having heard of them."""
    [(silent_at, _)], _ = await changes(lambda _: NEVER)
    assert silent_at <= WITHIN_SECONDS + 0.25


@in_virtual_time
async def test_questions_do_not_pile_up() -> None:
    """Whatever the time limit of one: so many wait, and no more."""
    users = SlowUsers(lambda _: NEVER, time_limit=NEVER / 2)
    scene = Scene(LoopClock(), users)
    watching = asyncio.create_task(scene.watch.run())
    await asyncio.sleep(LOOK_EVERY_SECONDS * MOST_OPEN * 3)
    assert users.most_open == MOST_OPEN
    assert scene.is_silent
    watching.cancel()


@pytest.mark.parametrize(
    ("slow", "times"), [(0.01, 0), (3.0, 0), (SILENT_AFTER_SECONDS - 0.1, 0), (8.0, 1), (TIME_LIMIT_SECONDS - 0.1, 1)]
)
def test_slow_tables_are_not_told_of_again_and_again(slow: float, times: int) -> None:
    """Once at the most, when they become so much slower from one moment to the next; they do answer."""

    @in_virtual_time
    async def slow_tables() -> None:
        found, _ = await changes(lambda now: slow if now > BREAK_AT else 0.01)
        assert [is_silent for _, is_silent in found] == [True, False] * times

    slow_tables()


@in_virtual_time
async def test_tables_that_answer_now_quickly_and_now_slowly_do_answer() -> None:
    """In whatever order."""
    random = Random(7)
    found, _ = await changes(lambda _: random.uniform(0.0, SILENT_AFTER_SECONDS - 0.1))
    assert found == []


async def test_while_others_are_answered_nothing_is_asked() -> None:
    """Not by refusals of a gateway, though, nor by what strangers ask or the Auth server says."""
    scene = Scene(FakeClock())
    for _ in range(30):
        scene.answer()
        assert not scene.look()
    for table, outcome in [("auth", "200"), ("passthrough", "200"), ("messages", "502"), ("messages", "ReadTimeout")]:
        scene.answer(table, outcome)
        assert scene.look()
    assert scene.is_silent
    scene.answer(outcome="409")
    assert not scene.look()
    assert not scene.is_silent


@pytest.mark.parametrize("error", [StoreRefused("42501"), StoreUnreadable("a row")])
async def test_any_answer_is_one(error: StoreError) -> None:
    """Be it a refusal."""
    scene = Scene(FakeClock())
    assert [scene.look() for _ in range(4)] == [True] * 4
    assert scene.is_silent
    scene.store.door.fail_next("users.profiles", error)
    await scene.watch.ask()
    assert not scene.is_silent


async def test_tables_that_cannot_be_reached_are_told_of_at_once() -> None:
    """For the store has tried several times by then."""
    scene = Scene(FakeClock())
    scene.store.door.fail_next("users.profiles", StoreDown("ConnectError"))
    with capture_logs() as logs:
        await scene.watch.ask()
        assert scene.is_silent
        await scene.watch.ask()
        assert not scene.is_silent
    assert [(one["event"], one.get("cause")) for one in logs] == [
        ("tables.silent", "ConnectError"),
        ("tables.answer", None),
    ]


async def test_a_question_that_failed_says_nothing_if_another_was_answered_meanwhile() -> None:
    """It was asked long before."""
    scene = Scene(FakeClock())
    for answered in (scene.answer, scene.watch.ask):
        gate = scene.store.door.hold("users.profiles")
        late = asyncio.create_task(scene.watch.ask())
        await gate.reached()
        outcome = answered()
        if outcome is not None:
            await outcome
        scene.store.door.failing["users.profiles"] = StoreDown("TimeoutError")
        gate.open()
        await late
        assert not scene.is_silent
        scene.store.door.failing.clear()


async def test_a_loop_that_was_held_up_does_not_blame_the_tables() -> None:
    """It has not read yet what came meanwhile; the next look judges."""
    scene = Scene(FakeClock())
    scene.look()
    scene.look(SILENT_AFTER_SECONDS + 1)
    assert not scene.is_silent
    scene.look()
    assert scene.is_silent


@in_virtual_time
async def test_a_defect_does_not_end_the_watch() -> None:
    """It is logged, and the next question is asked."""
    scene = Scene(LoopClock())
    scene.store.door.failing["users.profiles"] = RuntimeError("a defect")
    watching = asyncio.create_task(scene.watch.run())
    with capture_logs() as logs:
        await asyncio.sleep(LOOK_EVERY_SECONDS * 2.5)
    scene.store.door.failing.clear()
    await asyncio.sleep(LOOK_EVERY_SECONDS * MOST_OPEN)
    assert [one["event"] for one in logs] == ["tables.watch_failed"] * 2
    assert not scene.is_silent
    watching.cancel()

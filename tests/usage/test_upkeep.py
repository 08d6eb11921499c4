"""What is counted reaches wherever it is kept, and a place that fails, comes or goes loses nothing that it need not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bridge.clock import FakeClock
from bridge.store.memory.usage import MemoryUsage
from bridge.usage import Batch, UsageUnavailable
from bridge.usage.choice import ChosenUsage
from bridge.usage.notes import MAX_IN_A_BATCH, Usage
from bridge.usage.programs import Program
from bridge.usage_upkeep import LAST_WRITE_SECONDS, WRITE_EVERY_SECONDS, UsageUpkeep
from tests.contract.usage import ALWAYS
from tests.people import ROOM, B
from tests.virtual_time import in_virtual_time

KEEP_DAYS = 10
Told = list[tuple[object, object]]


async def counted(store: MemoryUsage) -> tuple[int, int, int]:
    """Return how many requests, legacy rows and rows of ours are in a store."""
    requests, writes = await store.requests(ALWAYS, 99), await store.writes(ALWAYS, 99)
    return (
        sum(one.count for one in requests),
        sum(one.by_legacy for one in writes),
        sum(one.by_bridge for one in writes),
    )


def told(logs: list[EventDict], key: str) -> Told:
    """Return the events that were logged, each with the value under a key."""
    return [(line["event"], line.get(key)) for line in logs]


class Setting:
    """Counts that are kept in memory, in one of two places."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.database, self.file = MemoryUsage(self.clock, available=False), MemoryUsage(self.clock)
        kept = ChosenUsage([("database", self.database), ("file", self.file)])
        self.usage = Usage(self.clock, lambda: kept.available)
        self.upkeep = UsageUpkeep(self.usage, kept, self.clock, keep_days=KEEP_DAYS)

    def something_happens(self, row: str = "1", *, by_bridge: bool = False) -> None:
        """Let there be a request and a write."""
        self.usage.asked("list_groups", Program("Chrome", "131"), B.user_id)
        self.usage.wrote("messages", ROOM, row, by_bridge=by_bridge)

    async def settled(self) -> None:
        """Write what is due, when it is settled whose it is."""
        self.clock.advance(10)
        await self.upkeep.write()


async def test_what_is_due_is_written() -> None:
    """Rows a moment later than requests."""
    s = Setting()
    s.something_happens()
    await s.upkeep.write()
    assert await counted(s.file) == (1, 0, 0)
    await s.settled()
    await s.settled()
    assert await counted(s.file) == (1, 1, 0)


async def test_at_the_end_everything_is_written() -> None:
    """Also what could still be said to be ours."""
    s = Setting()
    s.something_happens()
    await s.upkeep.close()
    assert await counted(s.file) == (1, 1, 0)


async def test_much_is_written_in_parts() -> None:
    """All of it at once, for memory is more precious."""
    s = Setting()
    for number in range(MAX_IN_A_BATCH * 2 + 1):
        s.usage.wrote("messages", ROOM, str(number), by_bridge=False)
    await s.settled()
    assert await counted(s.file) == (0, MAX_IN_A_BATCH * 2 + 1, 0)


async def test_what_fails_is_written_later() -> None:
    """And said in the log, without names; what comes meanwhile waits behind it."""
    s = Setting()
    s.file.failing = UsageUnavailable("database or disk is full")
    s.something_happens()
    with capture_logs() as logs:
        await s.settled()
    assert ("usage.not_written", "database or disk is full") in told(logs, "detail")
    s.something_happens("2", by_bridge=True)
    s.something_happens("1", by_bridge=True)
    await s.settled()
    s.file.failing = None
    await s.settled()
    assert await counted(s.file) == (1, 1, 0)
    await s.settled()
    assert await counted(s.file) == (3, 0, 2)


async def test_what_was_written_though_nobody_said_so_counts_once() -> None:
    """It is the same batch that is tried again, whatever has come since."""
    s = Setting()
    s.file.losing_answers = True
    for row in ("1", "2"):
        s.something_happens(row)
        await s.settled()
    assert await counted(s.file) == (1, 1, 0)
    s.file.losing_answers = False
    await s.upkeep.close()
    assert await counted(s.file) == (2, 2, 0)


class Broken(MemoryUsage):
    """A place with a defect, at first."""

    async def add(self, batch: Batch) -> None:
        """Fail once as nobody expects it."""
        if not self.losing_answers:
            self.losing_answers = True
            raise RuntimeError
        self.losing_answers = False
        await super().add(batch)


@in_virtual_time
async def test_it_writes_while_the_process_runs() -> None:
    """Every ten seconds, whatever happens."""
    clock, place = FakeClock(), Broken()
    usage = Usage(clock, lambda: True)
    upkeep = UsageUpkeep(usage, ChosenUsage([("database", place)]), clock, keep_days=KEEP_DAYS)
    usage.asked("list_groups", Program("Chrome", "131"), B.user_id)
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(upkeep.run())
            await asyncio.sleep(WRITE_EVERY_SECONDS * 2.5)
            running.cancel()
    assert await counted(place) == (1, 0, 0)
    assert [line["event"] for line in logs] == ["usage.kept", "usage.failed"]


class NeverAnswering(MemoryUsage):
    """A place that takes things and says nothing."""

    async def add(self, batch: Batch) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()


@in_virtual_time
async def test_the_end_waits_for_no_place_that_does_not_answer() -> None:
    """Not longer than a process that is stopped has."""
    clock, place = FakeClock(), NeverAnswering()
    usage = Usage(clock, lambda: True)
    upkeep = UsageUpkeep(usage, ChosenUsage([("database", place)]), clock, keep_days=KEEP_DAYS)
    usage.asked("list_groups", Program("Chrome", "131"), B.user_id)
    began = asyncio.get_running_loop().time()
    with capture_logs() as logs:
        await upkeep.close()
    assert asyncio.get_running_loop().time() - began == LAST_WRITE_SECONDS
    assert told(logs, "detail") == [("usage.not_written", "no time is left")]


async def test_the_database_comes_first_while_it_has_room() -> None:
    """It is said where counts go, when that changes; what was noted before goes where it is then."""
    s = Setting()
    with capture_logs() as logs:
        s.upkeep.look()
        s.something_happens()
        s.database.available = True
        await s.settled()
        s.something_happens("2")
        await s.settled()
        s.database.available = False
        s.something_happens("3")
        await s.settled()
        await s.settled()
    assert (await counted(s.database), await counted(s.file)) == ((2, 2, 0), (1, 1, 0))
    assert told(logs, "place") == [("usage.kept", "file"), ("usage.kept", "database"), ("usage.kept", "file")]


async def test_what_a_place_took_no_more_goes_to_the_next() -> None:
    """The database's room was removed, which is known a minute later."""
    s = Setting()
    s.database.available = True
    s.database.failing = UsageUnavailable("refused with PGRST202")
    s.something_happens()
    await s.settled()
    s.database.available = False
    await s.settled()
    assert await counted(s.file) == (1, 1, 0)


async def test_without_any_place_nothing_is_kept_in_memory() -> None:
    """What was noted while there was one is told to be lost; from then on nothing is noted."""
    s = Setting()
    s.file.failing = UsageUnavailable("gone")
    s.something_happens()
    await s.settled()
    s.something_happens("2")
    s.file.available = False
    with capture_logs() as logs:
        await s.settled()
        await s.settled()
    assert told(logs, "place")[0] == ("usage.kept", "nowhere")
    assert [(one["requests"], one["rows"]) for one in logs if one["event"] == "usage.dropped"] == [(2, 2)]
    s.something_happens("3")
    assert not s.usage.take(everything=True)
    s.file.available, s.file.failing = True, None
    s.something_happens("4")
    await s.settled()
    assert await counted(s.file) == (1, 1, 0)


async def test_a_place_that_is_none_refuses() -> None:
    """Whoever asks it is told so, and nothing else happens."""
    kept = ChosenUsage([("database", MemoryUsage(available=False))])
    assert (kept.place, kept.available) == (None, False)
    for ask in (kept.add(Batch()), kept.requests(ALWAYS, 1), kept.writes(ALWAYS, 1), kept.forget(ALWAYS)):
        with pytest.raises(UsageUnavailable, match="there is no place"):
            await ask
    await kept.close()


async def test_old_days_are_forgotten_once_a_day() -> None:
    """After the days that the operator wants."""
    s = Setting()
    s.something_happens()
    await s.settled()
    s.clock.advance(timedelta(days=KEEP_DAYS).total_seconds())
    await s.upkeep.write()
    assert await counted(s.file) == (1, 1, 0)
    s.clock.advance(timedelta(days=1).total_seconds())
    s.file.failing = UsageUnavailable("locked")
    with capture_logs() as logs:
        await s.upkeep.write()
    assert [one["event"] for one in logs] == ["usage.not_forgotten"]
    s.file.failing = None
    await s.upkeep.write()
    assert await counted(s.file) == (0, 0, 0)

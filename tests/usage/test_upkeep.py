"""What is counted reaches the store, and a store that fails loses nothing."""

from __future__ import annotations

from datetime import timedelta

from structlog.testing import capture_logs

from bridge.clock import FakeClock
from bridge.usage import UsageUnavailable
from bridge.usage.memory import MemoryUsage
from bridge.usage.notes import Usage
from bridge.usage.programs import Program
from bridge.usage_upkeep import UsageUpkeep
from tests.contract.usage import ALWAYS
from tests.people import ROOM, B

KEEP_DAYS = 10


class Setting:
    """Counts that are kept in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.usage = Usage(self.clock, is_kept=True)
        self.store = MemoryUsage()
        self.upkeep = UsageUpkeep(self.usage, self.store, self.clock, keep_days=KEEP_DAYS)

    def something_happens(self) -> None:
        """Let there be a request and a legacy write."""
        self.usage.asked("list_groups", Program("Chrome", "131"), B.user_id)
        self.usage.wrote("messages", ROOM, "1", by_bridge=False)

    @property
    def counted(self) -> tuple[int, int]:
        """Return how many requests and rows are in the store."""
        requests, writes = self.store.requests(ALWAYS, 99), self.store.writes(ALWAYS, 99)
        return sum(one.count for one in requests), sum(one.by_legacy for one in writes)


async def test_what_is_due_is_written() -> None:
    """Rows a moment later than requests."""
    s = Setting()
    s.something_happens()
    await s.upkeep.write()
    assert s.counted == (1, 0)
    s.clock.advance(10)
    await s.upkeep.write()
    await s.upkeep.write()
    assert s.counted == (1, 1)


async def test_at_the_end_everything_is_written() -> None:
    """Also what could still be said to be ours."""
    s = Setting()
    s.something_happens()
    await s.upkeep.close()
    assert s.counted == (1, 1)


async def test_what_fails_is_written_later() -> None:
    """And said in the log, without names."""
    s = Setting()
    s.store.failing = UsageUnavailable("database or disk is full")
    s.something_happens()
    with capture_logs() as logs:
        await s.upkeep.write(everything=True)
    assert [(one["event"], one["detail"]) for one in logs] == [("usage.not_written", "database or disk is full")]
    s.store.failing = None
    await s.upkeep.write()
    assert s.counted == (1, 1)


async def test_old_days_are_forgotten_once_a_day() -> None:
    """After the days that the operator wants."""
    s = Setting()
    s.something_happens()
    await s.upkeep.write(everything=True)
    s.clock.advance(timedelta(days=KEEP_DAYS).total_seconds())
    await s.upkeep.write()
    assert s.counted == (1, 1)
    s.clock.advance(timedelta(days=1).total_seconds())
    s.store.failing = UsageUnavailable("locked")
    with capture_logs() as logs:
        await s.upkeep.write()
    assert [one["event"] for one in logs] == ["usage.not_forgotten"]
    s.store.failing = None
    await s.upkeep.write()
    assert s.counted == (0, 0)

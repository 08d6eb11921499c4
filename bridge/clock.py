"""Time as a dependency: the only module that asks the operating system what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What the program may know about time."""

    def now(self) -> datetime:
        """Return the wall clock, in UTC; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for intervals."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the monotonic clock, in seconds."""
        return time.monotonic()


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """Return the time set."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds passed by `advance`."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


def wire_time(moment: datetime) -> str:
    """Format a moment as browsers do: milliseconds and Z (the envelope's timestamp)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def row_time(moment: datetime | None) -> str | None:
    """Format a moment as the tables' rows show it: microseconds and +00:00 (contract legacy-rest section 2)."""
    return None if moment is None else moment.isoformat()

"""A feed for tests: signals are put in by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from bridge.feed import Signal


class MemoryFeed:
    """A queue of signals."""

    def __init__(self) -> None:
        self._signals: asyncio.Queue[Signal] = asyncio.Queue()

    def put(self, signal: Signal) -> None:
        """Let the feed say this next."""
        self._signals.put_nowait(signal)

    async def signals(self) -> AsyncGenerator[Signal, None]:
        """Yield what was put in."""
        while True:
            yield await self._signals.get()
            self._signals.task_done()

    async def renew(self) -> None:
        """Do nothing: it does not grow old."""

    async def drained(self) -> None:
        """Return when everything put in so far was taken and handled."""
        await self._signals.join()

"""The timers of a page: nothing rings until a test lets time pass."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count


@dataclass(order=True, slots=True)
class Timer:
    """One timer; those of one moment ring in the order in which they were set."""

    due: float
    number: int
    ring: Callable[[], object] = field(compare=False)
    is_cleared: bool = field(default=False, compare=False)

    def clear(self) -> None:
        """Let it never ring."""
        self.is_cleared = True


class Timers:
    """What a browser's setTimeout is to a page."""

    def __init__(self) -> None:
        self.now = 0.0
        self.set_so_far: list[float] = []
        self._waiting: list[Timer] = []
        self._numbers = count()
        self._news = asyncio.Event()

    def set(self, seconds: float, ring: Callable[[], object]) -> Timer:
        """Let something happen after so many seconds."""
        timer = Timer(self.now + seconds, next(self._numbers), ring)
        heapq.heappush(self._waiting, timer)
        self.set_so_far.append(seconds)
        self._news.set()
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass: whatever is due rings, in order."""
        until = self.now + seconds
        while self._waiting and self._waiting[0].due <= until:
            timer = heapq.heappop(self._waiting)
            self.now = timer.due
            if not timer.is_cleared:
                timer.ring()
        self.now = until

    async def until_set(self, seconds: float, *, times: int = 1) -> None:
        """Wait until a timer of this length has been set so many times since the page was opened."""
        while self.set_so_far.count(seconds) < times:
            self._news.clear()
            await self._news.wait()

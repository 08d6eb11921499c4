"""An event loop whose time passes only while nobody has anything to do: timers are tested without waiting.

    @in_virtual_time
    async def test_it_gives_up_after_a_minute() -> None: ...

With nothing to do and no timer the test would hang; the loop says so instead.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import ParamSpec

P = ParamSpec("P")


class Stuck(Exception):
    """Everybody waits and no timer runs: what is waited for will never happen."""


class _Selector(selectors.SelectSelector):
    """Does not wait: where a real one would, time jumps ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, or let the time pass that a real selector would have waited."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise Stuck
            self.now += max(timeout, 0.0)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop over sockets and timers with a clock of its own; threads have no place in it."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._virtual.now


def in_virtual_time(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Run an async test in a loop of its own whose time costs nothing."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


async def idle() -> None:
    """Let everybody else come to rest: the shortest of timers rings when nobody has anything to do."""
    await asyncio.sleep(1e-9)

"""The share of failures among what was counted lately, from counters that only grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from bridge.clock import Clock

WINDOW_SECONDS: Final = 300.0
LEAST: Final = 20
"""Fewer than so many say nothing: one failure of two is no half of everything."""

Counted = Callable[[], tuple[int, int]]
"""Returns how many failed, and how many there were, since the start of the process."""


class RecentShare:
    """A source of readings: failed / all of the last minutes."""

    def __init__(self, counted: Counted, clock: Clock) -> None:
        self._counted = counted
        self._clock = clock
        self._marks: deque[tuple[float, int, int]] = deque([(clock.monotonic(), *counted())])

    def __call__(self) -> float | None:
        """Return the share, or None where too little has happened to say."""
        now = self._clock.monotonic()
        failed, number = self._counted()
        self._marks.append((now, failed, number))
        while len(self._marks) > 1 and self._marks[1][0] <= now - WINDOW_SECONDS:
            self._marks.popleft()
        _, failed_before, number_before = self._marks[0]
        if number - number_before < LEAST:
            return None
        return (failed - failed_before) / (number - number_before)


def worst_of(shares: Iterable[Callable[[], float | None]]) -> Callable[[], float | None]:
    """Return a source for the largest of several shares: what goes well often must not hide what goes wrong rarely.

    Those that say nothing do not count; where none says anything, this one does not either.
    """
    every = tuple(shares)

    def worst() -> float | None:
        return max((value for share in every if (value := share()) is not None), default=None)

    return worst


def rest_of(share: Callable[[], float | None]) -> Callable[[], float | None]:
    """Return a source for what a share leaves of the whole."""

    def rest() -> float | None:
        value = share()
        return None if value is None else 1.0 - value

    return rest

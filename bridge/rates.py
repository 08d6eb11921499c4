"""How fast something may go on: a steady rate, and how much may come at once (a token bucket)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from msgspec import Struct

from bridge.clock import Clock
from bridge.recent import Recent

KEPT_BUCKETS: Final = 100_000

K = TypeVar("K", bound=Hashable)


class Rate(Struct, frozen=True, kw_only=True):
    """So many a second for ever, and up to `burst` at once after a rest."""

    per_second: float
    burst: int


class Bucket:
    """What one of those who are limited has left."""

    __slots__ = ("_clock", "_filled_at", "_left", "_rate")

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._left = float(rate.burst)
        self._filled_at = clock.monotonic()

    def take(self) -> bool:
        """Take one if there is one; tell whether there was. What is refused costs nothing."""
        now = self._clock.monotonic()
        self._left = min(self._rate.burst, self._left + (now - self._filled_at) * self._rate.per_second)
        self._filled_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    @property
    def seconds_until_next(self) -> float:
        """Return how long it takes until there is one again, as it was when one was last asked for."""
        return max(1 - self._left, 0.0) / self._rate.per_second


class Buckets(Generic[K]):
    """A bucket for each key; one that is full again is as good as forgotten, so memory is bounded."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._kept: Recent[K, Bucket] = Recent(KEPT_BUCKETS)

    def take(self, key: K) -> bool:
        """Take one from this key's bucket; tell whether there was one."""
        bucket = self._kept.get(key)
        if bucket is None:
            bucket = Bucket(self._rate, self._clock)
            self._kept.put(key, bucket)
        return bucket.take()

    def seconds_until_next(self, key: K) -> float:
        """Return how long it takes until this key's bucket holds one again; 0 if it was never asked for any."""
        bucket = self._kept.get(key)
        return 0.0 if bucket is None else bucket.seconds_until_next

    def __len__(self) -> int:
        return len(self._kept)

"""A dict that forgets: bounded in size, least recently used out first, entries optionally only valid for a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from bridge.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Up to `capacity` entries; one older than `max_age_seconds` counts as absent."""

    def __init__(self, capacity: int, *, clock: Clock | None = None, max_age_seconds: float = float("inf")) -> None:
        self._capacity = capacity
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return the entry if it is there and young enough."""
        entry = self._entries.get(key)
        if entry is None or self._now() - entry[0] > self._max_age_seconds:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: K, value: V) -> V | None:
        """Set an entry; return the value that had to go for it."""
        self._entries[key] = (self._now(), value)
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            return self._entries.popitem(last=False)[1][1]
        return None

    def discard(self, key: K) -> V | None:
        """Drop an entry and return it; None if it was not there."""
        entry = self._entries.pop(key, None)
        return entry[1] if entry else None

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return self.get(key) is not None

    def _now(self) -> float:
        return self._clock.monotonic() if self._clock else 0.0

"""Which events were told, and which are never to be: by key, bounded, and in what order they became so. Pure."""

from __future__ import annotations

from bridge.recent import Recent


class Told:
    """What the hub drops as a repeat.

    What is passed over has a memory of its own: a purge of old messages, each of which is passed over lest it come
    late, would push out what was told a moment ago, and the next look into the tables would tell that again.
    """

    def __init__(self, capacity: int) -> None:
        self._told: Recent[str, int] = Recent(capacity)
        self._passed_over: Recent[str, int] = Recent(capacity)
        self._moment = 0

    def __len__(self) -> int:
        return len(self._told) + len(self._passed_over)

    @property
    def moment(self) -> int:
        """Return where in the order of all this we are."""
        return self._moment

    def tell(self, key: str) -> None:
        """Take in that an event was told."""
        self._told.put(key, self._next())

    def pass_over(self, key: str) -> None:
        """Take in that an event is not to be told."""
        self._passed_over.put(key, self._next())

    def restore(self, key: str) -> bool:
        """Take in that an event may be told after all; return whether it was only passed over until now."""
        return self._passed_over.discard(key) is not None and key not in self._told

    def has(self, key: str, *, since: int = 0) -> bool:
        """Tell whether one or the other became so after a moment."""
        return any((memory.get(key) or 0) > since for memory in (self._told, self._passed_over))

    def _next(self) -> int:
        self._moment += 1
        return self._moment

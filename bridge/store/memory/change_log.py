"""The change log of the port, in memory: what tests put in is settled at once."""

from __future__ import annotations

from bridge.change_log import LogPage
from bridge.store.memory.tables import Tables


class MemoryChangeLog:
    """The change log; see the port."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    @property
    def available(self) -> bool:
        """See the port."""
        return self._tables.recorded is not None

    async def read(self, after: str | None, *, limit: int) -> LogPage | None:
        """See the port."""
        self._tables.note("change_log.read")
        recorded = self._tables.recorded
        if recorded is None:
            return None
        start = len(recorded) if after is None else int(after)
        if start < self._tables.pruned:
            return LogPage(end=str(len(recorded)), is_gapless=False, is_last=True)
        entries = tuple(recorded[start : start + limit])
        end = start + len(entries)
        return LogPage(end=str(end), is_gapless=True, is_last=len(entries) < limit, entries=entries)

    async def prune(self) -> bool:
        """See the port. Everything goes, after as many calls as a test wants."""
        self._tables.note("change_log.prune")
        if self._tables.prunes_left:
            self._tables.prunes_left -= 1
            return False
        self._tables.pruned = len(self._tables.recorded or ())
        return True

    async def touch_canary(self, row_id: str, beat: int) -> None:
        """See the port."""
        self._tables.note("change_log.touch_canary")
        self._tables.canaries[row_id] = beat

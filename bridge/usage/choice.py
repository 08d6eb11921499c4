"""Where the counts are kept: the first place of several where they can be, looked for anew each time.

In a database the tables for them may come and go while a bridge runs; the store's look each minute notices. What one
place has is not carried over to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bridge.usage import Batch, RequestsCounted, UsageStore, UsageUnavailable, WritesCounted


class ChosenUsage:
    """The counts of one of these places, named as the log names them; with none there is nothing to be had."""

    def __init__(self, places: Sequence[tuple[str, UsageStore]]) -> None:
        self._places = places

    @property
    def place(self) -> str | None:
        """Return the name of the place in force; None: nothing is kept."""
        return next((name for name, one in self._places if one.available), None)

    @property
    def available(self) -> bool:
        """See the port."""
        return self.place is not None

    async def add(self, batch: Batch) -> None:
        """See the port."""
        await self._chosen.add(batch)

    async def requests(self, since: date, limit: int) -> Sequence[RequestsCounted]:
        """See the port."""
        return await self._chosen.requests(since, limit)

    async def writes(self, since: date, limit: int) -> Sequence[WritesCounted]:
        """See the port."""
        return await self._chosen.writes(since, limit)

    async def forget(self, before: date) -> None:
        """See the port."""
        await self._chosen.forget(before)

    async def close(self) -> None:
        """Let go of every place."""
        for _, one in self._places:
            await one.close()

    @property
    def _chosen(self) -> UsageStore:
        for _, one in self._places:
            if one.available:
                return one
        raise UsageUnavailable("there is no place for them")

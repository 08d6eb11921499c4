"""What the client's reading task has brought and the feed has not yet taken: changes, confirmations, the end."""

from __future__ import annotations

import asyncio

from realtime.types import PostgresChangesPayload

from bridge.feed.signals import Live, TableLive, TableLost
from bridge.feed.supabase.pauses import EpochEnded, EpochReplaced

QUEUE_SIZE = 10_000

Told = Live | TableLive | TableLost


class Ended:
    """The client or the server gave up."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Replaced:
    """From here on another epoch hears everything."""


Arrival = PostgresChangesPayload | Told | Ended | Replaced


class Arrivals:
    """A bounded queue; putting never raises, for an exception would end the library's task unseen (R4)."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Arrival] = asyncio.Queue(QUEUE_SIZE)
        self._overflowed = False

    def put(self, arrival: Arrival) -> None:
        """Keep what has arrived, as long as there is room."""
        try:
            self._queue.put_nowait(arrival)
        except asyncio.QueueFull:  # quiet: the reader ends the epoch, and says why
            self._overflowed = True

    async def next(self, seconds: float) -> PostgresChangesPayload | Told | None:
        """Return what arrives next, or None after `seconds`.

        Raises:
            EpochReplaced: another epoch goes on.
            EpochEnded: it is the end, or something was lost.

        """
        if self._overflowed:
            raise EpochEnded("too many changes waiting")
        try:
            async with asyncio.timeout(seconds):
                arrival = await self._queue.get()
        except TimeoutError:  # quiet: None says that nothing came
            return None
        if isinstance(arrival, Ended):
            raise EpochEnded(arrival.reason)
        if isinstance(arrival, Replaced):
            raise EpochReplaced
        return arrival

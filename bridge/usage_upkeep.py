"""Writes down what is counted, now and then and at the end: no request waits for a disk or a database."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import date, timedelta
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.usage import Batch, UsageUnavailable
from bridge.usage.choice import ChosenUsage
from bridge.usage.notes import Usage, portions

WRITE_EVERY_SECONDS: Final = 10.0
LAST_WRITE_SECONDS: Final = 3.0
"""At the end; a place that does not answer must not hold up a process that has to go."""

NOWHERE: Final = "nowhere"

log = structlog.get_logger(__name__)


class UsageUpkeep:
    """Keeps the counts up to date while the process runs, wherever they are kept."""

    def __init__(self, usage: Usage, kept: ChosenUsage, clock: Clock, *, keep_days: int) -> None:
        self._usage = usage
        self.kept: Final = kept
        self._clock = clock
        self._keep_days = keep_days
        self._cleared: tuple[str, date] | None = None
        self._place = ""
        self._waiting: deque[Batch] = deque()
        """What may or may not have been added: it keeps its ids, so that it counts once."""

    async def run(self) -> None:
        """Write until cancelled."""
        self.look()
        while True:
            await asyncio.sleep(WRITE_EVERY_SECONDS)
            try:
                await self.write()
            except Exception:
                log.exception("usage.failed")

    def look(self) -> None:
        """See where counts are kept now, and say so if it is elsewhere than before."""
        place = self.kept.place or NOWHERE
        if place != self._place:
            self._place = place
            log.info("usage.kept", place=place)

    async def write(self, *, everything: bool = False) -> None:
        """Write down what is due; what cannot be written is tried again, before anything later.

        `everything`: also the rows of which more may be said in a moment.
        """
        self.look()
        if self._place == NOWHERE:
            self._drop()
            return
        if everything or not self._waiting:
            self._waiting.extend(portions(self._usage.take(everything=everything)))
        if await self._add_all():
            await self._forget_old(self._place)

    async def close(self) -> None:
        """Write down the rest, if that is soon done, and let go of what is open."""
        self._waiting.extend(portions(self._usage.take(everything=True)))
        try:
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self._add_all()
        except TimeoutError:
            log.warning("usage.not_written", detail="no time is left")
        await self.kept.close()

    async def _add_all(self) -> bool:
        try:
            while self._waiting:
                await self.kept.add(self._waiting[0])
                self._waiting.popleft()
        except UsageUnavailable as error:
            log.warning("usage.not_written", detail=str(error))
            return False
        return True

    def _drop(self) -> None:
        """Forget what was noted while there was a place for it."""
        batches = [*self._waiting, *portions(self._usage.take(everything=True))]
        self._waiting.clear()
        if batches:
            rows = sum(len(one.rows) for one in batches)
            log.warning(
                "usage.dropped", requests=sum(one.count for each in batches for one in each.requests), rows=rows
            )

    async def _forget_old(self, place: str) -> None:
        today = self._clock.now().date()
        if self._cleared == (place, today):
            return
        try:
            await self.kept.forget(today - timedelta(days=self._keep_days))
        except UsageUnavailable as error:
            log.warning("usage.not_forgotten", detail=str(error))
        else:
            self._cleared = place, today

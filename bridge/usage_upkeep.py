"""Writes down what is counted, now and then and at the end, in a thread: no request waits for a disk."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import structlog

from bridge.clock import Clock
from bridge.usage import UsageStore, UsageUnavailable
from bridge.usage.notes import Usage

WRITE_EVERY_SECONDS = 10.0

log = structlog.get_logger(__name__)


class UsageUpkeep:
    """Keeps the store up to date while the process runs."""

    def __init__(self, usage: Usage, store: UsageStore, clock: Clock, *, keep_days: int) -> None:
        self._usage = usage
        self._store = store
        self._clock = clock
        self._keep_days = keep_days
        self._cleared_on: date | None = None

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(WRITE_EVERY_SECONDS)
            try:
                await self.write()
            except Exception:
                log.exception("usage.failed")

    async def write(self, *, everything: bool = False) -> None:
        """Write down what is due; what cannot be written is tried again with the next."""
        batch = self._usage.take(everything=everything)
        try:
            if batch:
                await asyncio.to_thread(self._store.add, batch, self._clock.now())
        except UsageUnavailable as error:
            log.warning("usage.not_written", detail=str(error))
            self._usage.put_back(batch)
            return
        await self._forget_old()

    async def close(self) -> None:
        """Write down the rest and let go of the store."""
        await self.write(everything=True)
        await asyncio.to_thread(self._store.close)

    async def _forget_old(self) -> None:
        today = self._clock.now().date()
        if self._cleared_on == today:
            return
        try:
            await asyncio.to_thread(self._store.forget, today - timedelta(days=self._keep_days))
        except UsageUnavailable as error:
            log.warning("usage.not_forgotten", detail=str(error))
        else:
            self._cleared_on = today

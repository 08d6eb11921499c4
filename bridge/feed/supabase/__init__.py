"""Supabase Realtime as a feed: disposable epochs of the `realtime` client.

The client goes deaf in a dozen ways (supabase.md section 4, R1-R14), so nothing of it is ever repaired: an epoch is one
client with one connection; at the first doubt it is thrown away and the next one begins. Recipe:
supabase.md section 4, "Supervisor".
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type

from bridge.clock import Clock
from bridge.feed import Signal
from bridge.feed.canary import Canary
from bridge.feed.signals import Lost
from bridge.feed.supabase.epoch import HEALTHY_AFTER_SECONDS, MAX_AGE_SECONDS, Epoch
from bridge.feed.supabase.pauses import EpochEnded, EpochReplaced, pause_after
from bridge.measures import Measures
from bridge.remedies import unpublished_table

RENEW_FROM_SECONDS: Final = MAX_AGE_SECONDS * 0.8
RENEW_UNTIL_SECONDS: Final = MAX_AGE_SECONDS * 0.95
LOOK_EVERY_SECONDS: Final = 60.0

log = structlog.get_logger(__name__)


class SupabaseFeed:
    """Epoch after epoch, with back-off between those that fail, and the next one open before an old one ends."""

    def __init__(self, *, url: str, key: str, clock: Clock, measures: Measures, canary: Canary) -> None:
        self._measures = measures
        self._canary = canary
        self._url = url
        self._key = key
        self._clock = clock
        self._current: Epoch | None = None
        self._successor: Epoch | None = None
        self._renew_after = _some_age()

    async def signals(self) -> AsyncGenerator[Signal, None]:
        """Yield changes for ever; see the port."""
        try:
            while True:
                # A fresh one per outage: the pauses grow while epochs fail and start small after a healthy one (R5).
                async for attempt in AsyncRetrying(retry=retry_if_exception_type(EpochEnded), wait=pause_after):
                    with attempt:
                        async with aclosing(self._signals_of_one()) as signals:
                            async for signal in signals:
                                yield signal
        finally:
            if self._successor is not None:
                await self._successor.close()

    async def renew(self) -> None:
        """Open the next epoch before an old one ends, until cancelled; the server ends it after a day at the latest."""
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            await self.renew_if_old()

    async def renew_if_old(self) -> None:
        """Make before break: what arrives is heard by one of the two all the time; the hub drops what both hear."""
        old = self._current
        if old is None or old.age < self._renew_after:
            return
        successor = self._epoch()
        try:
            await successor.open()
            if self._current is old:  # else it has ended meanwhile, and the next one began as after any end
                self._successor = successor
                self._renew_after = _some_age()
                old.replace()
        except EpochEnded as ended:
            log.warning("feed.not_renewed", reason=str(ended))
        finally:
            if self._successor is not successor:
                await successor.close()

    async def _signals_of_one(self) -> AsyncGenerator[Signal, None]:
        """Yield what one epoch says.

        Raises:
            EpochEnded: it failed soon, or was asked to leave: pause before the next one.

        """
        epoch, self._successor = self._successor or self._epoch(), None
        self._current = epoch
        try:
            async with aclosing(epoch.signals()) as signals:
                async for signal in signals:
                    yield signal
        except EpochReplaced:
            log.info("feed.renewed")
        except EpochEnded as ended:
            yield Lost(str(ended), unpublished=unpublished_table(str(ended)))
            if epoch.age < HEALTHY_AFTER_SECONDS or ended.is_rate_limited:
                raise
        finally:
            self._current = None
            await epoch.close()

    def _epoch(self) -> Epoch:
        self._measures.epochs.add()
        return Epoch(self._url, self._key, self._clock, self._measures, self._canary)


def _some_age() -> float:
    """Return when to renew: bridges that were started together do not connect together."""
    return random.uniform(RENEW_FROM_SECONDS, RENEW_UNTIL_SECONDS)

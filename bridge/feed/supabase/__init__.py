"""Supabase Realtime as a feed: disposable epochs of the `realtime` client.

The client goes deaf in a dozen ways (supabase.md section 4, R1-R14), so nothing of it is ever repaired: an epoch is one
client with one connection; at the first doubt it is thrown away and the next one begins. Recipe:
supabase.md section 4, "Supervisor".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from tenacity import AsyncRetrying, retry_if_exception_type

from bridge.clock import Clock
from bridge.feed import Signal
from bridge.feed.canary import Canary
from bridge.feed.signals import Lost
from bridge.feed.supabase.epoch import HEALTHY_AFTER_SECONDS, Epoch
from bridge.feed.supabase.pauses import EpochEnded, pause_after
from bridge.measures import Measures
from bridge.remedies import unpublished_table


class SupabaseFeed:
    """Epoch after epoch, with back-off between those that fail."""

    def __init__(self, *, url: str, key: str, clock: Clock, measures: Measures, canary: Canary) -> None:
        self._measures = measures
        self._canary = canary
        self._url = url
        self._key = key
        self._clock = clock

    async def signals(self) -> AsyncGenerator[Signal, None]:
        """Yield changes for ever; see the port."""
        while True:
            # A fresh one per outage: the pauses grow while epochs fail and start small after a healthy one (R5).
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(EpochEnded),
                wait=pause_after,
            ):
                with attempt:
                    epoch = Epoch(self._url, self._key, self._clock, self._measures, self._canary)
                    self._measures.epochs.add()
                    try:
                        async with aclosing(epoch.signals()) as signals:
                            async for signal in signals:
                                yield signal
                    except EpochEnded as ended:
                        yield Lost(str(ended), unpublished=unpublished_table(str(ended)))
                        if epoch.age < HEALTHY_AFTER_SECONDS or ended.is_rate_limited:
                            raise
                    finally:
                        await epoch.close()

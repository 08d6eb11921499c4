"""The canary's row is written while a bridge listens to it, and health told how long the last one took."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from bridge.errors import StoreError
from bridge.feed.canary import Canary
from bridge.health import Health
from bridge.store import Store

EVERY_SECONDS: Final = 20.0

log = structlog.get_logger(__name__)


class CanaryUpkeep:
    """Writes while the process runs; it is the feed that ends an epoch in which the canary is not heard."""

    def __init__(self, canary: Canary, store: Store, health: Health) -> None:
        self._canary = canary
        self._store = store
        self._health = health

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write once, if somebody listens; a row that could not be written says nothing about Realtime."""
        self._health.lag_seconds = self._canary.lag_seconds
        if not self._canary.is_listening:
            return
        beat = self._canary.begin()
        try:
            await self._store.change_log.touch_canary(self._canary.row_id, beat)
        except StoreError as error:
            log.warning("canary.not_written", cause=type(error).__name__, detail=str(error))
        else:
            self._canary.written(beat)

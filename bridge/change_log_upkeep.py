"""The change log is kept short: what is over its time or number is deleted, by whichever bridge comes first."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from bridge.errors import StoreError
from bridge.store import Store

PRUNE_EVERY_SECONDS: Final = 600.0

log = structlog.get_logger(__name__)


class ChangeLogUpkeep:
    """Prunes while the process runs, if there is a log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Prune until cancelled."""
        while True:
            await asyncio.sleep(PRUNE_EVERY_SECONDS)
            await self.prune()

    async def prune(self) -> None:
        """Prune until nothing is left to be pruned, part by part; what fails is done the next time."""
        try:
            while self._store.change_log.available and not await self._store.change_log.prune():
                pass
        except StoreError as error:
            log.warning("change_log.not_pruned", cause=type(error).__name__, detail=str(error))

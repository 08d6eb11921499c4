"""What typing needs done regularly: ended when a typist is silent, written to the table for legacy readers."""

from __future__ import annotations

import asyncio

import structlog

from bridge.actions.context import Context
from bridge.errors import StoreError
from bridge.usage.notes import row_of

TICK_SECONDS = 0.5

log = structlog.get_logger(__name__)


class TypingUpkeep:
    """Ticks while the process runs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self.tick()

    async def tick(self) -> None:
        """End who is overdue and write what is due; a failed write is not repeated: typing is over before it helps."""
        self._context.typing.end_overdue()
        for (conversation_id, user_id), is_typing in self._context.typing.take_unwritten():
            try:
                with self._context.health.writing("typing_indicators"):
                    await self._context.store.typing.set(
                        conversation_id, user_id, is_typing=is_typing, now=self._context.clock.now()
                    )
                row = row_of(conversation_id, user_id)
                self._context.usage.wrote("typing_indicators", conversation_id, row, by_bridge=True)
            except StoreError as error:
                log.warning("typing.not_written", cause=type(error).__name__, detail=str(error))

"""A database upgraded under a running bridge is noticed: from then on content is read and written as it is now.

Between the upgrade and the next look a text may be shown as hex; nothing is lost or rewritten.
"""

from __future__ import annotations

import asyncio

import structlog

from bridge.errors import SchemaUnusable, StoreError
from bridge.remedies import supply
from bridge.store import Store

LOOK_EVERY_SECONDS = 60.0

log = structlog.get_logger(__name__)


class SchemaWatch:
    """Looks at the schema while the process runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look once; what is missing now is said and served around, for most actions may still work."""
        try:
            await self._store.check()
        except StoreError as error:
            log.warning("schema.not_seen", cause=type(error).__name__, detail=str(error))
        except SchemaUnusable as error:
            sql = [*map(supply, error.missing)]
            log.error("schema.unusable", missing=error.missing, sql=sql)  # noqa: TRY400  # the names say it all

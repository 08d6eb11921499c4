"""What the feed has said of itself: counted, kept for operators, and what nobody publishes told with its remedy."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import NamedTuple

import structlog

from bridge.actions.context import Context
from bridge.feed import Signal
from bridge.feed.changes import TABLES
from bridge.feed.signals import Live, Lost, TableLive, TableLost
from bridge.remedies import publish

LOSSES_KEPT = 10

log = structlog.get_logger(__name__)


class Loss(NamedTuple):
    """A time at which changes stopped to arrive."""

    at: datetime
    reason: str


class FeedRecord:
    """Takes in every signal that is not a change."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.losses: deque[Loss] = deque(maxlen=LOSSES_KEPT)
        self.unpublished: set[str] = set()
        """Tables that Realtime says it knows nothing of; needed ones make the bridge not ready (contract F33)."""

    def take(self, signal: Signal) -> None:
        """Take in one signal."""
        match signal:
            case Live():
                self._context.measures.confirmations.add()
                self.unpublished.difference_update(TABLES)
            case Lost(reason, table):
                self._context.measures.losses.add()
                self.losses.append(Loss(self._context.clock.now(), reason))
                if table is not None:
                    self._miss(table)
            case TableLive(table):
                self.unpublished.discard(table)
            case TableLost(table, True):
                self._miss(table)
            case _:
                return
        self._context.health.set_unpublished(self.unpublished.intersection(TABLES))

    def _miss(self, table: str) -> None:
        """Say it once, with the statement to run (contract F44); the next epoch will say whether it was run."""
        if table not in self.unpublished:
            log.error("feed.table_not_published", table=table, is_needed=table in TABLES, sql=publish(table))
        self.unpublished.add(table)

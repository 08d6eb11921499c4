"""The counts in memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from msgspec.structs import replace

from bridge.clock import Clock, SystemClock
from bridge.models import ConversationId
from bridge.usage import (
    BATCHES_KNOWN_FOR,
    COUNTED_ONCE_WITHIN,
    Batch,
    RequestsCounted,
    RowWritten,
    UsageUnavailable,
    WritesCounted,
)


class MemoryUsage:
    """The counts as dicts; may be told to fail, before or after the deed, or not to be there."""

    def __init__(self, clock: Clock | None = None, *, available: bool = True) -> None:
        self.available = available
        self.failing: UsageUnavailable | None = None
        self.losing_answers = False
        self._clock = clock or SystemClock()
        self._requests: dict[tuple[object, ...], RequestsCounted] = {}
        self._writes: dict[tuple[date, str, ConversationId], WritesCounted] = {}
        self._counted: dict[tuple[str, str], tuple[datetime, RowWritten]] = {}
        self._batches: dict[str, datetime] = {}

    async def add(self, batch: Batch) -> None:
        """See the port."""
        self._fail_if_told()
        now = self._clock.now()
        self._batches = {known: at for known, at in self._batches.items() if at >= now - BATCHES_KNOWN_FOR}
        self._counted = {key: entry for key, entry in self._counted.items() if entry[0] >= now - COUNTED_ONCE_WITHIN}
        if batch.id not in self._batches:
            self._batches[batch.id] = now
            for one in batch.requests:
                self._add_requests(one)
            for row in batch.rows:
                self._add_row(row, now)
        if self.losing_answers:
            raise UsageUnavailable("no answer")

    async def requests(self, since: date, limit: int) -> Sequence[RequestsCounted]:
        """See the port."""
        self._fail_if_told()
        found = [one for one in self._requests.values() if one.day >= since]
        found.sort(key=lambda one: (one.endpoint, one.client, one.version, one.user_id))
        return sorted(found, key=lambda one: (one.day, one.count), reverse=True)[:limit]

    async def writes(self, since: date, limit: int) -> Sequence[WritesCounted]:
        """See the port."""
        self._fail_if_told()
        found = [one for one in self._writes.values() if one.day >= since]
        found.sort(key=lambda one: (one.table, one.conversation_id))
        return sorted(found, key=lambda one: (one.day, one.by_legacy, one.by_bridge), reverse=True)[:limit]

    async def forget(self, before: date) -> None:
        """See the port."""
        self._fail_if_told()
        self._requests = {key: one for key, one in self._requests.items() if one.day >= before}
        self._writes = {key: one for key, one in self._writes.items() if one.day >= before}
        self._counted = {key: entry for key, entry in self._counted.items() if entry[1].day >= before}

    async def close(self) -> None:
        """See the port."""

    def _add_requests(self, one: RequestsCounted) -> None:
        key = (one.day, one.endpoint, one.client, one.version, one.user_id)
        known = self._requests.get(key)
        if known is not None:
            one = replace(one, count=known.count + one.count, last_seen=max(known.last_seen, one.last_seen))
        self._requests[key] = one

    def _add_row(self, row: RowWritten, now: datetime) -> None:
        at, known = self._counted.get((row.table, row.row), (now, None))
        if known is None:
            self._counted[row.table, row.row] = at, row
            self._count(row, by_bridge=int(row.by_bridge), by_legacy=int(not row.by_bridge))
        elif row.by_bridge and not known.by_bridge:
            self._counted[row.table, row.row] = at, replace(known, by_bridge=True)
            self._count(known, by_bridge=1, by_legacy=-1)

    def _count(self, row: RowWritten, *, by_bridge: int, by_legacy: int) -> None:
        place = (row.day, row.table, row.conversation_id)
        empty = WritesCounted(day=place[0], table=place[1], conversation_id=place[2], by_bridge=0, by_legacy=0)
        so_far = self._writes.get(place, empty)
        self._writes[place] = replace(
            so_far, by_bridge=so_far.by_bridge + by_bridge, by_legacy=so_far.by_legacy + by_legacy
        )

    def _fail_if_told(self) -> None:
        if self.failing is not None:
            raise self.failing

"""The counts in memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from bridge.usage import Batch, RequestsCounted, UsageUnavailable, WritesCounted

COUNTED_ONCE_WITHIN = timedelta(minutes=10)


class MemoryUsage:
    """The counts as lists; may be told to fail."""

    def __init__(self) -> None:
        self.failing: UsageUnavailable | None = None
        self._requests: dict[tuple[object, ...], RequestsCounted] = {}
        self._writes: dict[tuple[object, ...], WritesCounted] = {}
        self._counted: dict[tuple[str, str], datetime] = {}

    def add(self, batch: Batch, now: datetime) -> None:
        """See the port."""
        self._fail_if_told()
        for one in batch.requests:
            key = (one.day, one.endpoint, one.client, one.version, one.user_id)
            known = self._requests.get(key)
            if known is not None:
                last_seen = max(known.last_seen, one.last_seen)
                one = replace(one, count=known.count + one.count, last_seen=last_seen)  # noqa: PLW2901  # added up
            self._requests[key] = one
        self._counted = {key: at for key, at in self._counted.items() if at >= now - COUNTED_ONCE_WITHIN}
        for row in batch.rows:
            if (row.table, row.row) in self._counted:
                continue
            self._counted[row.table, row.row] = now
            place = (row.day, row.table, row.conversation_id)
            empty = WritesCounted(
                day=row.day, table=row.table, conversation_id=row.conversation_id, by_bridge=0, by_legacy=0
            )
            so_far = self._writes.get(place, empty)
            self._writes[place] = replace(
                so_far,
                by_bridge=so_far.by_bridge + row.by_bridge,
                by_legacy=so_far.by_legacy + (not row.by_bridge),
            )

    def requests(self, since: date, limit: int) -> Sequence[RequestsCounted]:
        """See the port."""
        self._fail_if_told()
        found = [one for one in self._requests.values() if one.day >= since]
        found.sort(key=lambda one: (one.endpoint, one.client, one.version, one.user_id))
        return sorted(found, key=lambda one: (one.day, one.count), reverse=True)[:limit]

    def writes(self, since: date, limit: int) -> Sequence[WritesCounted]:
        """See the port."""
        self._fail_if_told()
        found = [one for one in self._writes.values() if one.day >= since]
        found.sort(key=lambda one: (one.table, one.conversation_id))
        return sorted(found, key=lambda one: (one.day, one.by_legacy, one.by_bridge), reverse=True)[:limit]

    def forget(self, before: date) -> None:
        """See the port."""
        self._fail_if_told()
        self._requests = {key: one for key, one in self._requests.items() if one.day >= before}
        self._writes = {key: one for key, one in self._writes.items() if one.day >= before}

    def close(self) -> None:
        """See the port."""

    def _fail_if_told(self) -> None:
        if self.failing is not None:
            raise self.failing

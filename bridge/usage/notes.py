"""What is to be counted, noted in memory until it is written down; nobody who notes anything ever waits.

A write is noted where it is known best: our own by the action that did it, others' where the feed tells of them. The
echo of our own write may come before the action has its answer, so a row stays here for a few seconds and is ours
if anybody says so; after that the store knows it, counts it no more, and corrects whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Final, NamedTuple

import structlog
from msgspec.structs import replace

from bridge.clock import Clock
from bridge.models import ConversationId, UserId
from bridge.usage import NOBODY, Batch, RequestsCounted, RowWritten
from bridge.usage.programs import OTHER, Program

SETTLING_SECONDS: Final = 5.0
MAX_KINDS: Final = 10_000
MAX_ROWS: Final = 100_000
MAX_IN_A_BATCH: Final = 5_000
"""So that adding a batch takes a fraction of a second, also where it is sent to a database."""

log = structlog.get_logger(__name__)


class _Kind(NamedTuple):
    day: date
    endpoint: str
    program: Program
    user_id: UserId


class Usage:
    """Notes requests and writes; while nothing is kept, it notes nothing."""

    def __init__(self, clock: Clock, is_kept: Callable[[], bool] = lambda: False) -> None:
        self._clock = clock
        self._is_kept = is_kept
        self._requests: dict[_Kind, tuple[int, datetime]] = {}
        self._rows: dict[tuple[str, str], tuple[float, RowWritten]] = {}
        self._lost_rows = 0

    @property
    def is_kept(self) -> bool:
        """Tell whether there is any use in noting something."""
        return self._is_kept()

    def asked(self, endpoint: str, program: Program, user_id: UserId | None) -> None:
        """Note a request; by a program like any other if there are too many kinds of them at once."""
        if not self._is_kept():
            return
        now = self._clock.now()
        kind = _Kind(now.date(), endpoint, program, user_id or NOBODY)
        if kind not in self._requests and len(self._requests) >= MAX_KINDS:
            kind = kind._replace(program=OTHER)
        count, _ = self._requests.get(kind, (0, now))
        self._requests[kind] = count + 1, now

    def wrote(self, table: str, conversation_id: ConversationId, row: str, *, by_bridge: bool) -> None:
        """Note a row that was written, perhaps not for the first time."""
        if not self._is_kept():
            return
        known = self._rows.get((table, row))
        if known is not None:
            at, written = known
            self._rows[table, row] = at, replace(written, by_bridge=written.by_bridge or by_bridge)
        elif len(self._rows) >= MAX_ROWS:
            self._lost_rows += 1
        else:
            day = self._clock.now().date()
            written = RowWritten(day=day, table=table, conversation_id=conversation_id, row=row, by_bridge=by_bridge)
            self._rows[table, row] = self._clock.monotonic(), written

    def take(self, *, everything: bool = False) -> Batch:
        """Return what is due and forget it; `everything`: also the rows of which more may be said in a moment."""
        settled = self._clock.monotonic() - SETTLING_SECONDS
        due = {key: row for key, (at, row) in self._rows.items() if everything or at <= settled}
        for key in due:
            del self._rows[key]
        requests = [_counted(kind, count, at) for kind, (count, at) in self._requests.items()]
        self._requests.clear()
        if self._lost_rows:
            log.warning("usage.rows_not_counted", rows=self._lost_rows)
            self._lost_rows = 0
        return Batch(requests=requests, rows=[*due.values()])


def portions(batch: Batch) -> Iterator[Batch]:
    """Divide what is due into batches that are added one by one."""
    for start in range(0, max(len(batch.requests), len(batch.rows)), MAX_IN_A_BATCH):
        part = slice(start, start + MAX_IN_A_BATCH)
        yield Batch(requests=batch.requests[part], rows=batch.rows[part])


def row_of(*ids: str) -> str:
    """Return what tells a row from others that is known by the ids in it."""
    return "/".join(ids)


def _counted(kind: _Kind, count: int, at: datetime) -> RequestsCounted:
    return RequestsCounted(
        day=kind.day,
        endpoint=kind.endpoint,
        client=kind.program.name,
        version=kind.program.version,
        user_id=kind.user_id,
        count=count,
        last_seen=at,
    )

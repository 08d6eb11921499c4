"""The counts of usage in the database, through functions for service_role alone (migration/sql/usage_ledger)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final, TypeVar

import msgspec
import structlog
from supabase import AsyncClient

from bridge.errors import StoreDown, StoreError, StoreRefused
from bridge.schema import Dialect
from bridge.store.supabase.change_log import HALF_REMOVED, NO_FUNCTION, NO_RIGHT
from bridge.store.supabase.query import rows
from bridge.usage import Batch, RequestsCounted, UsageUnavailable, WritesCounted

ADD: Final = "chat_bridge_usage_add"
REQUESTS: Final = "chat_bridge_usage_requests"
WRITES: Final = "chat_bridge_usage_writes"
FORGET: Final = "chat_bridge_usage_forget"

_PROBES: Final[Sequence[tuple[str, dict[str, object], type[object]]]] = (
    (ADD, {"batch": None}, bool),
    (REQUESTS, {"since": date.max.isoformat(), "max_rows": 1}, list),
    (WRITES, {"since": date.max.isoformat(), "max_rows": 1}, list),
    (FORGET, {"before": date.min.isoformat()}, bool),
)
"""Each function, asked for nothing."""

log = structlog.get_logger(__name__)

R = TypeVar("R")


async def has_usage_ledger(client: AsyncClient) -> bool:
    """Tell whether counts can be kept in the database; one that is half there keeps no bridge from working."""
    expected = NO_FUNCTION | HALF_REMOVED | {NO_RIGHT}
    is_there = False
    try:
        for function, given, kind in _PROBES:
            await rows(client.rpc(function, given), kind, expected=expected, repeatable=True)
            is_there = True
    except StoreRefused as refused:
        if is_there or refused.sqlstate not in NO_FUNCTION:
            hint = "python -m migration sql install repairs it; it is for the secret key only"
            log.warning("store.usage_ledger_unusable", code=refused.sqlstate, hint=hint)
        return False
    return True


class SupabaseUsage:
    """The counts; see the port."""

    def __init__(self, client: AsyncClient, dialect: Dialect) -> None:
        self._client = client
        self._dialect = dialect

    @property
    def available(self) -> bool:
        """See the port; as found out by the store's last check."""
        return self._dialect.schema.has_usage_ledger

    async def add(self, batch: Batch) -> None:
        """See the port."""
        with _failing_plainly():
            await rows(self._client.rpc(ADD, {"batch": msgspec.json.encode(batch).decode()}), bool, repeatable=True)

    async def requests(self, since: date, limit: int) -> Sequence[RequestsCounted]:
        """See the port."""
        return await self._read(REQUESTS, since, limit, RequestsCounted)

    async def writes(self, since: date, limit: int) -> Sequence[WritesCounted]:
        """See the port."""
        return await self._read(WRITES, since, limit, WritesCounted)

    async def forget(self, before: date) -> None:
        """See the port."""
        with _failing_plainly():
            await rows(self._client.rpc(FORGET, {"before": before.isoformat()}), bool, repeatable=True)

    async def close(self) -> None:
        """See the port; the client is closed by whoever made it."""

    async def _read(self, function: str, since: date, limit: int, kind: type[R]) -> Sequence[R]:
        with _failing_plainly():
            query = self._client.rpc(function, _since(since, limit))
            # One row with all of them: PostgREST would cut off rows beyond its maximum.
            pages = await rows(query, list[kind], repeatable=True)  # type: ignore[valid-type]  # a runtime type
            if len(pages) != 1:
                raise StoreDown("counts that are none")
            return pages[0]


def _since(day: date, limit: int) -> dict[str, object]:
    return {"since": day.isoformat(), "max_rows": limit}


@contextmanager
def _failing_plainly() -> Iterator[None]:
    """Turn what the store raises into the port's error.

    Raises:
        UsageUnavailable: instead.

    """
    try:
        yield
    except StoreError as error:
        raise UsageUnavailable(str(error)) from error

"""The change log of the port, through functions that service_role alone may call (migration/sql/change_log)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import structlog
from supabase import AsyncClient

from bridge.change_log import LogEntry, LogPage, Mark, Missed, check_of
from bridge.errors import StoreDown, StoreRefused
from bridge.schema import Dialect
from bridge.store.supabase.query import rows

READ: Final = "chat_bridge_changes"
MISSED: Final = "chat_bridge_missed"
PRUNE: Final = "chat_bridge_prune"
CANARY: Final = "chat_bridge_canary"

NO_FUNCTION: Final = frozenset({"PGRST202", "42883"})
NO_RIGHT: Final = "42501"
HALF_REMOVED: Final = frozenset({"42P01", "3F000", "P0002"})
"""The function is there, and its tables, or the row in them, are not."""

log = structlog.get_logger(__name__)


async def has_change_log(client: AsyncClient) -> bool:
    """Tell whether the log is installed, whole, and may be read with our key."""
    expected = NO_FUNCTION | HALF_REMOVED | {NO_RIGHT}
    try:
        await rows(client.rpc(READ, {"after": None, "max_entries": 1}), LogPage, expected=expected)
    except StoreRefused as refused:
        if refused.sqlstate not in expected:
            raise
        if refused.sqlstate not in NO_FUNCTION:
            hint = "python -m migration sql install repairs it; it is for the secret key only"
            log.warning("store.change_log_unusable", code=refused.sqlstate, hint=hint)
        return False
    return True


class SupabaseChangeLog:
    """The change log; see the port."""

    def __init__(self, client: AsyncClient, dialect: Dialect) -> None:
        self._client = client
        self._dialect = dialect

    @property
    def available(self) -> bool:
        """See the port."""
        return self._dialect.schema.has_change_log

    async def read(self, after: str | None, *, limit: int) -> LogPage | None:
        """See the port. A log that was removed a moment ago is as none."""
        if not self.available:
            return None
        expected = NO_FUNCTION | HALF_REMOVED
        try:
            query = self._client.rpc(READ, {"after": after, "max_entries": limit})
            pages = await rows(query, LogPage, expected=expected, repeatable=True)
        except StoreRefused as refused:
            if refused.sqlstate in expected:
                return None
            raise
        if len(pages) != 1:
            raise StoreDown("a page of the change log that is none")
        return pages[0]

    async def missed(self, since: Mark, people: Collection[str], *, limit: int) -> Sequence[LogEntry] | None:
        """See the port. A log of an older version has no such function; it is as none."""
        if not self.available:
            return None
        expected = NO_FUNCTION | HALF_REMOVED
        given = {"since": str(since.xid), "people": sorted(people), "max_entries": limit + 1}
        try:
            answers = await rows(self._client.rpc(MISSED, given), Missed, expected=expected, repeatable=True)
        except StoreRefused as refused:
            if refused.sqlstate in expected:
                return None
            raise
        if len(answers) != 1:
            raise StoreDown("an answer of the change log that is none")
        (found,) = answers
        if found.entries is None or check_of(found.log) != since.check or len(found.entries) > limit:
            return None
        return found.entries

    async def prune(self) -> bool:
        """See the port."""
        return all(await rows(self._client.rpc(PRUNE, {}), bool))

    async def touch_canary(self, row_id: str, beat: int) -> None:
        """See the port."""
        await rows(self._client.rpc(CANARY, {"bridge": row_id, "beat": beat}), bool)

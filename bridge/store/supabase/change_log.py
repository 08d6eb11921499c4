"""The change log of the port, through functions that service_role alone may call (migration/sql/change_log)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, TypeVar

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

A = TypeVar("A")

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
        return await self._ask(READ, {"after": after, "max_entries": limit}, LogPage)

    async def missed(self, since: Mark, people: Collection[str], *, limit: int) -> Sequence[LogEntry] | None:
        """See the port. A log of an older version has no such function; it is as none."""
        if not self.available:
            return None
        given = {"since": str(since.xid), "people": sorted(people), "max_entries": limit + 1}
        found = await self._ask(MISSED, given, Missed)
        if found is None or found.entries is None or check_of(found.log) != since.check or len(found.entries) > limit:
            return None
        return found.entries

    async def prune(self) -> bool:
        """See the port."""
        return all(await rows(self._client.rpc(PRUNE, {}), bool))

    async def touch_canary(self, row_id: str, beat: int) -> None:
        """See the port."""
        await rows(self._client.rpc(CANARY, {"bridge": row_id, "beat": beat}), bool)

    async def _ask(self, function: str, given: dict[str, object], kind: type[A]) -> A | None:
        """Call a function that answers with one row; None if it is not there, or its tables are not."""
        expected = NO_FUNCTION | HALF_REMOVED
        try:
            answers = await rows(self._client.rpc(function, given), kind, expected=expected, repeatable=True)
        except StoreRefused as refused:
            if refused.sqlstate in expected:
                return None
            raise
        if len(answers) != 1:
            raise StoreDown("an answer of the change log that is none")
        return answers[0]

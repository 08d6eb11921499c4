"""The change log of the port, in memory: what tests put in is settled at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from bridge.change_log import LogEntry, LogPage, Mark, check_of
from bridge.models import MessageId
from bridge.store.memory.tables import Tables

LOG = "memory"


class MemoryChangeLog:
    """The change log; see the port. Each entry is a transaction of its own."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    @property
    def available(self) -> bool:
        """See the port."""
        return self._tables.recorded is not None

    async def read(self, after: str | None, *, limit: int) -> LogPage | None:
        """See the port."""
        self._tables.note("change_log.read")
        recorded = self._tables.recorded
        if recorded is None:
            return None
        start = len(recorded) if after is None else int(after.split("/")[1])
        if start < self._tables.pruned:
            return LogPage(end=_place(len(recorded)), is_gapless=False, is_last=True)
        entries = tuple(recorded[start : start + limit])
        end = _place(start + len(entries))
        return LogPage(end=end, is_gapless=True, is_last=len(entries) < limit, entries=entries)

    async def missed(self, since: Mark, people: Collection[str], *, limit: int) -> Sequence[LogEntry] | None:
        """See the port."""
        self._tables.note("change_log.missed")
        recorded = self._tables.recorded
        if recorded is None or since.check != check_of(f"{LOG}/0") or not self._tables.pruned <= since.xid:
            return None
        mine = {row.conversation_id for row in self._tables.rows.values() if row.user_id in people and not row.left_at}
        found = [one for one in map(self._placed, recorded[since.xid :]) if _concerns(one, people, mine)]
        return found if len(found) <= limit else None

    def _placed(self, entry: LogEntry) -> LogEntry:
        """Return an entry with its conversation, which that of a receipt does not name."""
        message = self._tables.messages_by_id.get(MessageId(str(entry.row_id)))
        if entry.conversation_id is not None or message is None:
            return entry
        return replace(entry, conversation_id=message.conversation_id)

    async def prune(self) -> bool:
        """See the port. Everything goes, after as many calls as a test wants."""
        self._tables.note("change_log.prune")
        if self._tables.prunes_left:
            self._tables.prunes_left -= 1
            return False
        self._tables.pruned = len(self._tables.recorded or ())
        return True

    async def touch_canary(self, row_id: str, beat: int) -> None:
        """See the port."""
        self._tables.note("change_log.touch_canary")
        self._tables.canaries[row_id] = beat


def _place(number: int) -> str:
    return f"{LOG}/{number}/0/0"


def _concerns(entry: LogEntry, people: Collection[str], conversations: Collection[str]) -> bool:
    is_own_row = entry.table == "conversation_participants" and entry.user_id in people
    return is_own_row or entry.conversation_id in conversations

"""With the optional change log nothing is missed: what its triggers recorded is told, whatever the feed lost.

An entry says which row, not what became of it; that is read from the tables as it is now. So an entry does no harm that
the feed brought too, or that is out of date: states replace themselves, and only the hub drops repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from bridge.actions.context import Context
from bridge.change_log import LogEntry, LogPage, Mark, Operation, mark_of
from bridge.errors import StoreError
from bridge.feed.changes import ReceiptWritten
from bridge.models import ConversationId, MessageId, UserId
from bridge.relay.lists import relay_seats
from bridge.relay.message_changes import MessageChangeRelay
from bridge.relay.messages import MessageRelay
from bridge.relay.receipts import relay_receipt

PAGE: Final = 1000
ROWS_AT_ONCE: Final = 100

log = structlog.get_logger(__name__)


class ChangeLogRelay:
    """Reads the log on from where it was read last."""

    def __init__(
        self,
        context: Context,
        messages: MessageRelay,
        changes: MessageChangeRelay,
        *,
        overlap_seconds: float,
        doubt_members: Callable[[], None],
    ) -> None:
        self._context = context
        self._overlap_seconds = overlap_seconds
        self._messages = messages
        self._changes = changes
        self._doubt_members = doubt_members
        self._place: str | None = None
        self._inexact_until = 0.0
        self._is_read = False
        self.settled = True
        self.told: Mark | None = None
        """What the last run that came to the end of the log has told all of."""

    async def run(self) -> bool:
        """Tell what happened since the last run; return whether that is everything.

        False: there is no log, or none yet, or it has a gap, or it cannot be read now, which is no reason to miss what
        the tables hold; then these have to be looked through. `settled` says whether everything could be told, else
        look again soon.

        Raises:
            StoreError: the tables cannot be read; the next run begins with the page where this one stopped.

        """
        self.settled = True
        is_exact = self._place is not None and self._context.clock.monotonic() > self._inexact_until
        while True:
            try:
                page = await self._context.store.change_log.read(self._place, limit=PAGE)
            except StoreError as error:
                log.warning("relay.change_log_unread", cause=type(error).__name__, detail=str(error))
                return False
            if page is None:
                break
            self._note(is_there=True)
            if not page.is_gapless or any(entry.operation is Operation.TRUNCATE for entry in page.entries):
                is_exact = False
                self._take_gap()
            await self._tell(page)
            self._place = page.end
            if page.is_last:
                self.told = mark_of(page.end)
                return is_exact
        self._note(is_there=False)
        self._place = self.told = None
        return False

    def _take_gap(self) -> None:
        """Doubt everything, and for a while: a write that could not be recorded may be committed later than that."""
        log.warning("relay.change_log_gap")
        self._inexact_until = self._context.clock.monotonic() + self._overlap_seconds
        self._doubt_members()

    def _note(self, *, is_there: bool) -> None:
        """Say in the log when the change log is there first, and when it is gone."""
        if is_there is not self._is_read:
            self._is_read = is_there
            if is_there:
                log.info("relay.change_log_read")
            else:
                log.info("relay.change_log_gone")

    async def _tell(self, page: LogPage) -> None:
        """Tell a page in the order that what is told depends on: conversations, who is in them, what is said there."""
        await self._tell_conversations(_of("conversations", page))
        await self._tell_seats(_of("conversation_participants", page))
        await self._tell_messages(_of("messages", page))
        for entry in _of("message_status", page):
            if entry.row_id is not None and entry.user_id is not None:
                at = entry.at.isoformat()
                receipt = ReceiptWritten(
                    message_id=MessageId(entry.row_id), user_id=entry.user_id, status="read", timestamp=at
                )
                await relay_receipt(receipt, self._context)

    async def _tell_conversations(self, entries: Iterable[LogEntry]) -> None:
        lists, members = self._context.lists, self._context.members
        for entry in _last_of_each(entries):
            conversation_id = ConversationId(str(entry.row_id))
            if entry.operation is Operation.DELETE:
                lists.conversation_deleted(conversation_id, members.lose(conversation_id))
            elif entry.operation is Operation.INSERT:
                lists.conversation_made(conversation_id)
            else:
                await lists.conversation_written(conversation_id, None)

    async def _tell_seats(self, entries: Iterable[LogEntry]) -> None:
        """Ask once for each conversation who is in it now."""
        concerned: dict[ConversationId, set[UserId]] = {}
        for entry in entries:
            if entry.conversation_id is not None and entry.user_id is not None:
                concerned.setdefault(entry.conversation_id, set()).add(entry.user_id)
        for conversation_id, people in concerned.items():
            await relay_seats(conversation_id, people, self._context)

    async def _tell_messages(self, entries: Sequence[LogEntry]) -> None:
        """Tell of new ones, then of edited ones, then of those that are gone."""
        last = _last_of_each(entries)
        new = {entry.row_id for entry in entries if entry.operation is Operation.INSERT}
        for ids in _parts([entry for entry in last if entry.operation is not Operation.DELETE and entry.row_id in new]):
            self.settled &= await self._messages.read_and_relay(ids)
        edited = [one for one in last if one.operation is Operation.UPDATE and await self._is_wanted(one)]
        for ids in _parts(edited):
            await self._changes.read_and_relay(ids)
        for entry in last:
            if entry.operation is Operation.DELETE and entry.conversation_id is not None:
                await self._changes.row_gone(MessageId(str(entry.row_id)), entry.conversation_id)

    async def _is_wanted(self, entry: LogEntry) -> bool:
        return entry.conversation_id is not None and await self._changes.is_wanted(entry.conversation_id)


def _of(table: str, page: LogPage) -> list[LogEntry]:
    """Return the entries of a table that are about a row."""
    return [entry for entry in page.entries if entry.table == table and entry.row_id is not None]


def _last_of_each(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """Return the last entry of each row, in their order: what was done before shows no longer."""
    last: dict[str | None, LogEntry] = {}
    for entry in entries:
        last.pop(entry.row_id, None)
        last[entry.row_id] = entry
    return list(last.values())


def _parts(entries: Sequence[LogEntry]) -> Iterable[list[MessageId]]:
    """Return the messages in parts that can be read at once."""
    for start in range(0, len(entries), ROWS_AT_ONCE):
        yield [MessageId(str(entry.row_id)) for entry in entries[start : start + ROWS_AT_ONCE]]

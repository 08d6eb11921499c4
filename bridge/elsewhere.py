"""A client that comes back from another process, or to one that was started anew: the change log knows what it missed.

Its cursor says how much of the log that process had told. What has happened since, to what it is in, is asked of the
log; messages are told by this process as ever, to everybody who has not heard of them, and then taken from its history.
Whatever else happened, to lists or to messages that were there, is not put together again: then it loads anew.

Listen, note the place, ask, merge; never ask first. What is committed after the question is told live, and is in the
history behind that place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

import structlog

from bridge.actions.context import Context
from bridge.capabilities import Capability
from bridge.change_log import LogEntry, Mark, Operation
from bridge.errors import StoreError
from bridge.events import ConversationRemoved, Event, MessageSent, MessagesRead, Topicless, message_key
from bridge.history import Entry
from bridge.ids import fresh_id
from bridge.models import Identity, MessageId
from bridge.outbox import Room
from bridge.relay.change_log import ROWS_AT_ONCE
from bridge.relay.messages import MessageRelay
from bridge.resuming import MAX_ENTRIES, is_member_still, newest_of, share_of

MAX_CHANGES: Final = 1000

_LISTS: Final = frozenset({"conversations", "conversation_participants"})

log = structlog.get_logger(__name__)


class FromElsewhere:
    """One client coming back with the cursor of another process; see `Comeback`, in whose place this is."""

    def __init__(
        self, identity: Identity, capabilities: frozenset[Capability], mark: Mark, context: Context, room: Room
    ) -> None:
        self._identity = identity
        self._capabilities = capabilities
        self._mark = mark
        self._context = context
        self._room = share_of(room, MAX_ENTRIES)
        self._begins_at = 0
        self._changes: Sequence[LogEntry] | None = None

    async def prepare(self) -> None:
        """Find out what happened, and let this process tell of the messages; after a failure nothing is resumed."""
        self._context.hub.expect(self._identity, self._capabilities)
        self._begins_at = self._context.history.sequence
        try:
            ids = self._identity.ids
            changes = await self._context.store.change_log.missed(self._mark, ids, limit=MAX_CHANGES)
            if changes is None or any(map(self._has_to_be_loaded, changes)):
                return
            if await self._relay([MessageId(str(one.row_id)) for one in _messages(changes)]):
                self._changes = changes
        except StoreError as error:
            log.warning("resuming.failed", cause=type(error).__name__, detail=str(error))

    async def _relay(self, ids: Sequence[MessageId]) -> bool:
        relay = MessageRelay(self._context, overlap_seconds=0.0)
        parts = (ids[start : start + ROWS_AT_ONCE] for start in range(0, len(ids), ROWS_AT_ONCE))
        return all([await relay.read_and_relay(part) for part in parts])

    def entries(self, takes: Callable[[Event], bool]) -> Sequence[Entry] | None:
        """Return what the client is to be told, in order; None if that is not known completely, or too much.

        It may have some of it. Only the last one has a cursor: a client that breaks off in between has none to show.
        """
        if self._changes is None:
            return None
        places = {message_key(MessageId(str(one.row_id))): one.conversation_id for one in _messages(self._changes)}
        told = self._context.history.of_keys(places)
        untold = [(topic, key) for key, topic in places.items() if key not in {entry.event.key for entry in told}]
        if not all(topic is not None and self._context.hub.is_on_its_way(topic, key) for topic, key in untold):
            return None  # deleted meanwhile, or forgotten here: the client may show it, or lack it
        told += self._context.history.from_place(self._begins_at)
        in_order = {entry.sequence: entry for entry in sorted(told, key=lambda entry: entry.sequence)}
        found = [entry for entry in in_order.values() if self._is_concerned(entry) and takes(entry.event)]
        found += [entry for entry in map(self._receipt, self._changes) if entry is not None and takes(entry.event)]
        return self._without_cursors(found) if len(newest_of(found, self._room)) == len(found) else None

    def _has_to_be_loaded(self, change: LogEntry) -> bool:
        """Tell whether this changed something that the client shows and that is not told again here."""
        if change.table in _LISTS:
            return bool(self._capabilities & {Capability.CONVERSATIONS, Capability.MEMBERS})
        is_new = change.table != "messages" or change.operation is Operation.INSERT
        return not is_new and Capability.MESSAGE_CHANGES in self._capabilities

    def _is_concerned(self, entry: Entry) -> bool:
        event = entry.event
        if isinstance(event, MessageSent) and self._context.message_states.is_lost(event.message.id):
            return False
        if isinstance(event, Topicless | ConversationRemoved):
            return self._identity.is_among(entry.members)
        return is_member_still(self._identity, event.topic, entry.members, self._context)

    def _receipt(self, change: LogEntry) -> Entry | None:
        """Return the receipt that this process may have told long ago; it does no harm twice."""
        if change.table != "message_status" or change.conversation_id is None or change.user_id is None:
            return None
        if not is_member_still(self._identity, change.conversation_id, self._identity.ids, self._context):
            return None
        event = MessagesRead(
            topic=change.conversation_id,
            reader_id=change.user_id,
            message_ids=(MessageId(str(change.row_id)),),
            read_at=change.at,
        )
        return Entry(0, 0.0, "", event, frozenset())

    def _without_cursors(self, found: Sequence[Entry]) -> Sequence[Entry]:
        last = len(found) - 1
        cursor = self._context.history.cursor
        return [entry._replace(cursor=cursor() if at == last else fresh_id()) for at, entry in enumerate(found)]


def _messages(changes: Collection[LogEntry]) -> Sequence[LogEntry]:
    return [one for one in changes if one.table == "messages" and one.operation is Operation.INSERT]

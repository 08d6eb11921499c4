"""What the feed lost is found in the tables: they are the truth, Realtime is a hint (design decision 7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bridge.actions.context import Context
from bridge.events import message_key
from bridge.models import Position
from bridge.relay.message_changes import MessageChangeRelay
from bridge.relay.messages import MessageRelay

PAGE = 1000
ROWS_AT_ONCE = 100
CHANGES_LOOK_BACK = timedelta(hours=24)
"""Edits and deletions of older messages are not looked for after a gap: no index leads to them."""


class CatchUp:
    """Reads on from the last complete moment, minus an overlap for transactions that commit late."""

    def __init__(self, context: Context, messages: MessageRelay, overlap: timedelta) -> None:
        self._context = context
        self._messages = messages
        self._overlap = overlap
        self._complete_until = context.clock.now()

    async def run(self, *, rescuing: bool) -> bool:
        """Deliver what the hub has not seen; positions first, rows only for what is new.

        Most of the overlap was delivered long ago; the first time by another process, which may have been killed before
        it told everybody, so what was said just before this one started is told again.
        `rescuing`: the feed ought to have brought it, and did not.

        Returns whether everything is settled; else look again soon.

        Raises:
            StoreError: the tables cannot be read; the next run begins where this one did.

        """
        until = self._context.clock.now()
        since = self._complete_until - self._overlap
        after: Position | None = None
        settled = True
        while page := await self._context.store.messages.positions_since(since, after=after, limit=PAGE):
            settled &= await self._deliver_unseen(page, rescuing=rescuing)
            if page[-1] == after:
                break  # "infinity" and years that Python cannot hold are after everything: no end would come
            after = page[-1]
            if after.created_at > until and len(page) < PAGE:
                break  # what was written since we began comes by the feed; while much is written, no end would come
        self._complete_until = until
        return settled

    async def _deliver_unseen(self, page: Sequence[Position], *, rescuing: bool) -> bool:
        unseen = [one.id for one in page if not self._context.hub.has_seen(message_key(one.id))]
        parts = (unseen[start : start + ROWS_AT_ONCE] for start in range(0, len(unseen), ROWS_AT_ONCE))
        return all([await self._messages.read_and_relay(part, rescuing=rescuing) for part in parts])


class MissedChanges:
    """Finds the edits and deletions of messages that happened in a gap of the feed.

    For after gaps only, never for the slow timer: there is no index on the times of editing and deleting, so the
    database looks at every message of the last day. Rows that are gone altogether leave no trace to be found.
    """

    def __init__(self, context: Context, changes: MessageChangeRelay, overlap: timedelta) -> None:
        self._context = context
        self._changes = changes
        self._overlap = overlap
        self._complete_until = context.clock.now()

    async def run(self) -> None:
        """Tell what changed since the last run.

        Raises:
            StoreError: the tables cannot be read; the next run begins where this one did.

        """
        until = self._context.clock.now()
        since = self._complete_until - self._overlap
        written_since = until - CHANGES_LOOK_BACK
        after: Position | None = None
        changed_since = self._context.store.messages.changed_since
        while page := await changed_since(since, written_since=written_since, after=after, limit=ROWS_AT_ONCE):
            await self._changes.read_and_relay([one.id for one in page])
            if page[-1] == after:
                break  # as in CatchUp: no end would come
            after = page[-1]
        self._complete_until = until

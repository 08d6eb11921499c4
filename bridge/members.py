"""Who is an active member of a conversation: asked once, then kept true by the feed's participant changes.

Delivery and authorisation both look here (design decisions 1 and 3), so a membership that ended must not linger:
entries are corrected by each participant change, expire after `max_age_seconds`, and after a gap in the feed all of
them are loaded anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from weakref import WeakValueDictionary

from bridge.clock import Clock
from bridge.models import ConversationId, Identity, Participant, ParticipantId, UserId
from bridge.recent import Recent
from bridge.store.conversations import ConversationStore

CAPACITY = 20_000
MAX_AGE_WHILE_DEAF_SECONDS = 2.0
REFRESH_AT_MOST_EVERY_SECONDS = 1.0
ATTEMPTS_TO_LOAD_UNDISTURBED = 3
ECHO_SECONDS = 60.0
"""How long the echo of a write of our own is waited for."""

NOBODY: frozenset[UserId] = frozenset()


class _Entry:
    """The participant rows of one conversation."""

    __slots__ = ("active", "former", "loaded_at", "rows")

    def __init__(self, rows: Iterable[Participant], loaded_at: float) -> None:
        self.rows = {row.id: row for row in rows}
        self.loaded_at = loaded_at
        self.active = NOBODY
        self.former = NOBODY
        self.count()

    def count(self) -> None:
        self.active = frozenset(row.user_id for row in self.rows.values() if row.left_at is None)
        self.former = frozenset(row.user_id for row in self.rows.values()) - self.active


class Members:
    """The active members of conversations, cached."""

    def __init__(
        self, store: ConversationStore, clock: Clock, max_age_seconds: float, *, capacity: int = CAPACITY
    ) -> None:
        self._store = store
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._hearing = False
        self._entries: Recent[ConversationId, _Entry] = Recent(capacity)
        self._conversation_of: dict[ParticipantId, ConversationId] = {}
        self._locks: WeakValueDictionary[ConversationId, asyncio.Lock] = WeakValueDictionary()
        self._disturbed: dict[ConversationId, bool] = {}
        self._rewritten: Recent[tuple[ConversationId, str], bool] = Recent(
            capacity, clock=clock, max_age_seconds=ECHO_SECONDS
        )

    def known(self, conversation_id: ConversationId) -> frozenset[UserId] | None:
        """Return the members if they are known and fresh, without asking."""
        entry = self._entries.get(conversation_id)
        limit = self._max_age_seconds if self._hearing else MAX_AGE_WHILE_DEAF_SECONDS
        if entry is None or self._clock.monotonic() - entry.loaded_at > limit:
            return None
        return entry.active

    async def of(self, conversation_id: ConversationId) -> frozenset[UserId]:
        """Return the members, asking the store once for however many callers wait.

        Raises:
            StoreError: they are not known and cannot be read.

        """
        known = self.known(conversation_id)
        if known is not None:
            return known
        lock = self._locks.setdefault(conversation_id, asyncio.Lock())
        async with lock:
            known = self.known(conversation_id)
            return known if known is not None else await self._load(conversation_id)

    async def refreshed(self, conversation_id: ConversationId) -> frozenset[UserId]:
        """Return the members as the store has them now, for when what is known says no.

        A legacy writer's membership may be committed and not yet heard of. At most one question a second, so that a
        stranger who writes much does not make us ask much.

        Raises:
            StoreError: they cannot be read.

        """
        entry = self._entries.get(conversation_id)
        if entry is not None and self._clock.monotonic() - entry.loaded_at < REFRESH_AT_MOST_EVERY_SECONDS:
            return entry.active
        self._forget(conversation_id)
        return await self.of(conversation_id)

    async def former(self, conversation_id: ConversationId) -> frozenset[UserId]:
        """Return who has left: what they wrote while they were members still is the conversation's.

        Raises:
            StoreError: they are not known and cannot be read.

        """
        await self.of(conversation_id)
        entry = self._entries.get(conversation_id)
        return entry.former if entry is not None else NOBODY

    def lose(self, conversation_id: ConversationId) -> frozenset[UserId]:
        """Take in that a conversation is gone; return who was in it as far as is known."""
        entry = self._entries.get(conversation_id)
        self.forget(conversation_id)
        return entry.active if entry is not None else NOBODY

    def forget(self, conversation_id: ConversationId) -> None:
        """Ask anew when next somebody wants to know: we have just changed who is in it ourselves."""
        if conversation_id in self._disturbed:
            self._disturbed[conversation_id] = True
        self._forget(conversation_id)

    def hear(self, *, hearing: bool) -> None:
        """Begin or cease to trust that changes arrive; either way everything known so far may be out of date."""
        self._hearing = hearing
        self._entries.clear()
        self._conversation_of.clear()
        self._rewritten.clear()
        self._disturb_all()

    def changed(self, row: Participant) -> None:
        """Take in a participant row that was written."""
        if row.conversation_id in self._disturbed:
            self._disturbed[row.conversation_id] = True
        if self._conversation_of.get(row.id, row.conversation_id) != row.conversation_id:
            self.deleted(row.id)  # moved to another conversation: gone from the one it was in
        entry = self._entries.get(row.conversation_id)
        if entry is not None:
            entry.rows[row.id] = row
            entry.count()
            self._conversation_of[row.id] = row.conversation_id

    def rewriting(self, conversation_id: ConversationId, identity: Identity) -> None:
        """Take in that we write into the participant row of somebody who is a member: its echo is no coming."""
        for one in identity.ids:
            self._rewritten.put((conversation_id, one), True)  # only the key matters

    def is_rewrite(self, row: Participant) -> bool:
        """Tell, once, whether a row that was written is the echo of such a write of ours.

        A coming that is taken for it is told all the same: by the echo itself, which is yet to come then.
        """
        key = (row.conversation_id, row.user_id)
        is_expected = key in self._rewritten
        self._rewritten.discard(key)  # by a going too: who comes after it comes anew
        return is_expected and row.left_at is None

    def deleted(self, row_id: ParticipantId) -> Participant | None:
        """Take in that a participant row is gone, and return it if it was known: the feed tells its key only."""
        self._disturb_all()
        conversation_id = self._conversation_of.pop(row_id, None)
        entry = self._entries.get(conversation_id) if conversation_id else None
        if entry is None:
            return None
        row = entry.rows.pop(row_id, None)
        if row is not None:
            self._rewritten.discard((row.conversation_id, row.user_id))
        entry.count()
        return row

    async def _load(self, conversation_id: ConversationId) -> frozenset[UserId]:
        """Read the rows; again if one changed meanwhile, for the answer may be older than the change."""
        rows: Iterable[Participant] = ()
        started_at = self._clock.monotonic()
        try:
            for _ in range(ATTEMPTS_TO_LOAD_UNDISTURBED):
                self._disturbed[conversation_id] = False
                started_at = self._clock.monotonic()
                rows = await self._store.participants(conversation_id)
                if not self._disturbed[conversation_id]:
                    self._keep(conversation_id, _Entry(rows, started_at))
                    break
        finally:
            self._disturbed.pop(conversation_id, None)
        return _Entry(rows, started_at).active

    def _keep(self, conversation_id: ConversationId, entry: _Entry) -> None:
        if not entry.rows:
            return  # unknown conversations are not worth a place: ids are guessed by strangers
        self._forget(conversation_id)
        pushed_out = self._entries.put(conversation_id, entry)
        for row_id in entry.rows:
            self._conversation_of[row_id] = conversation_id
        if pushed_out is not None:
            self._forget_rows(pushed_out)

    def _forget(self, conversation_id: ConversationId) -> None:
        entry = self._entries.discard(conversation_id)
        if entry is not None:
            self._forget_rows(entry)

    def _forget_rows(self, entry: _Entry) -> None:
        for row_id in entry.rows:
            self._conversation_of.pop(row_id, None)

    def _disturb_all(self) -> None:
        for conversation_id in self._disturbed:
            self._disturbed[conversation_id] = True

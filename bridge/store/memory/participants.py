"""Participants as people see them, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import StoreRefused
from bridge.models import ConversationId, Identity, Member, OwnTimer, Participant, profile_of
from bridge.store.memory.tables import Tables

UNCHOSEN = OwnTimer(disappear_seconds=0, start_on=None)


class MemoryParticipants:
    """Participants; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    @property
    def has_timers(self) -> bool:
        """See the port; `has_own_timers` says it."""
        return self._store.has_own_timers

    async def active(self, conversation_id: ConversationId) -> Sequence[Member]:
        """See the port."""
        self._store.note("participants.active")
        profiles = {user.id: profile_of(user) for user in self._store.people}
        return [
            Member(
                user_id=row.user_id,
                role=row.role,
                joined_at=self._store.joined_at.get(row.id),
                profile=profiles.get(row.user_id),
            )
            for row in self._rows(conversation_id)
        ]

    async def timer(self, conversation_id: ConversationId, identity: Identity) -> OwnTimer | None:
        """See the port."""
        self._store.note("participants.timer")
        row = self._of(conversation_id, identity)
        if row is None or not self.has_timers:
            return None
        return self._store.own_timers.get(row.id, UNCHOSEN)

    async def set_timer(self, conversation_id: ConversationId, identity: Identity, timer: OwnTimer) -> bool:
        """See the port."""
        self._store.note("participants.set_timer")
        if not self.has_timers:
            raise StoreRefused("PGRST204")
        row = self._of(conversation_id, identity)
        if row is not None:
            self._store.own_timers[row.id] = timer
        return row is not None

    def _rows(self, conversation_id: ConversationId) -> list[Participant]:
        rows = (row for row in self._store.rows.values() if row.conversation_id == conversation_id)
        return [row for row in rows if row.left_at is None]

    def _of(self, conversation_id: ConversationId, identity: Identity) -> Participant | None:
        return next((row for row in self._rows(conversation_id) if row.user_id in identity.ids), None)

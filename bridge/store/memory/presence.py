"""The presence rows of the port, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bridge.models import ConversationId, Presence, PresenceStatus, UserId
from bridge.store.memory.tables import Tables


class MemoryPresence:
    """Presence rows; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    async def write(self, presences: Sequence[Presence]) -> None:
        """See the port."""
        self._store.note("presence.write")
        self._store.require_users([one.user_id for one in presences])
        self._store.presence_rows.update((one.user_id, one) for one in presences)

    async def in_conversation(self, conversation_id: ConversationId) -> Mapping[UserId, Presence | None]:
        """See the port."""
        self._store.note("presence.in_conversation")
        people = {user.id for user in self._store.people}
        return {one: self._store.presence_rows.get(one) for one in self._store.active(conversation_id) if one in people}

    async def alive_since(self, moment: datetime) -> Sequence[Presence]:
        """See the port."""
        self._store.note("presence.alive_since")
        rows = [row for row in self._store.presence_rows.values() if row.status is not PresenceStatus.OFFLINE]
        return [row for row in rows if row.last_seen is not None and row.last_seen >= moment]

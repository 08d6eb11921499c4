"""The sealed copies of the port, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from bridge.errors import StoreRefused
from bridge.models import MessageId, UserId
from bridge.sealed import Copies
from bridge.store.memory.tables import Tables


class MemoryCopies:
    """Sealed copies; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    @property
    def available(self) -> bool:
        """See the port; `can_seal` says it."""
        return self._store.can_seal

    async def of(self, ids: Collection[MessageId], now: datetime) -> Copies:
        """See the port."""
        self._store.note("copies.of")
        return {one: dict(self._store.sealed[one]) for one in ids if one in self._store.sealed}

    async def seal(self, message_id: MessageId, copies: Mapping[UserId, str]) -> None:
        """See the port."""
        self._store.note("copies.seal")
        if not self._store.can_seal:
            raise StoreRefused("42P01")
        self._store.require_users(copies)
        if message_id not in self._store.messages_by_id:
            raise StoreRefused("23503")
        self._store.sealed[message_id] = {**copies, **self._store.sealed.get(message_id, {})}

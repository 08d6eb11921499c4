"""The ports to what passes by itself: who types, and who is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bridge.models import ConversationId, Presence, UserId


class TypingStore(Protocol):
    """Typing rows, for legacy readers and other bridges; nobody but the service role can write them (contract F31)."""

    async def set(self, conversation_id: ConversationId, user_id: UserId, *, is_typing: bool, now: datetime) -> None:
        """Write the state; a row that was not there is written as false first, for legacy readers listen to UPDATE."""
        ...


class PresenceStore(Protocol):
    """Presence rows, for legacy readers and other bridges; nobody but the service role can write them (F43)."""

    async def write(self, presences: Sequence[Presence]) -> None:
        """Write all of these rows, each in place of what was there, or none; each user at most once.

        Raises StoreRefused with 23503 if one of the users does not exist.
        """
        ...

    async def in_conversation(self, conversation_id: ConversationId) -> Mapping[UserId, Presence | None]:
        """Return the active members who have a users row, each with the presence row, or None without one."""
        ...

    async def alive_since(self, moment: datetime) -> Sequence[Presence]:
        """Return the rows that say anything but offline and were seen at `moment` or later."""
        ...

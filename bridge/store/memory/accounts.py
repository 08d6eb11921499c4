"""What people choose for themselves, in memory."""

from __future__ import annotations

from msgspec.structs import asdict

from bridge.models import OwnProfile, ProfileChanges, UserId, profile_of
from bridge.store.memory.tables import DEFAULT_RETENTION_DAYS, Tables


class MemoryAccounts:
    """What people choose for themselves; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    async def update_profile(self, user_id: UserId, changes: ProfileChanges) -> OwnProfile | None:
        """See the port."""
        self._store.note("accounts.update_profile")
        user = next((user for user in self._store.people if user.id == user_id), None)
        if user is None:
            return None
        given = {name: text for name, text in asdict(changes).items() if isinstance(text, str | None)}
        kept = self._store.profile_texts.setdefault(user_id, {})
        kept |= given
        return OwnProfile(profile=profile_of(user), bio=kept.get("bio"), website=kept.get("website"))

    async def retention_days(self, user_id: UserId) -> int | None:
        """See the port."""
        self._store.note("accounts.retention_days")
        return self._store.retention_days.get(user_id, DEFAULT_RETENTION_DAYS) if self._is_there(user_id) else None

    async def set_retention_days(self, user_id: UserId, days: int) -> bool:
        """See the port."""
        self._store.note("accounts.set_retention_days")
        if self._is_there(user_id):
            self._store.retention_days[user_id] = days
        return self._is_there(user_id)

    def _is_there(self, user_id: UserId) -> bool:
        return any(user.id == user_id for user in self._store.people)

"""The people of the port, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bridge.models import AuthId, Profile, User, UserId, profile_of
from bridge.store.memory.tables import Tables


class MemoryUsers:
    """People; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    async def by_auth_id(self, auth_id: AuthId) -> Sequence[User]:
        """See the port."""
        self._store.note("users.by_auth_id")
        linked = [user for user in self._store.people if user.auth_user_id == auth_id]
        same = [user for user in self._store.people if str(user.id) == auth_id and user not in linked]
        return linked + same

    async def by_phone(self, numbers: Collection[str]) -> Sequence[User]:
        """See the port."""
        self._store.note("users.by_phone")
        return [user for user in self._store.people if user.phone_number in numbers]

    async def profiles(self, ids: Collection[UserId]) -> Mapping[UserId, Profile]:
        """See the port."""
        self._store.note("users.profiles")
        return {user.id: profile_of(user) for user in self._store.people if user.id in ids}

    async def by_any_ids(self, ids: Collection[str]) -> Sequence[User]:
        """See the port."""
        self._store.note("users.by_any_ids")
        return [user for user in self._store.people if user.id in ids or user.auth_user_id in ids]

    async def containing(self, text: str, *, without: UserId, limit: int) -> Sequence[User]:
        """See the port."""
        self._store.note("users.containing")
        found = [user for user in self._store.people if user.id != without and _contains(user, text.lower())]
        return sorted(found, key=lambda user: user.username)[:limit]


def _contains(user: User, text: str) -> bool:
    return any(text in one.lower() for one in (user.username, user.display_name, user.phone_number))

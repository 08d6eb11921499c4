"""The ports to people: who they are, and what they choose for themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from bridge.models import AuthId, OwnProfile, Profile, ProfileChanges, User, UserId


class UserStore(Protocol):
    """People."""

    async def by_auth_id(self, auth_id: AuthId) -> Sequence[User]:
        """Return every row with this auth_user_id, oldest first, then the row whose id it is.

        Several rows may share an auth_user_id; which one counts is the identity rule's business.
        """
        ...

    async def by_phone(self, numbers: Collection[str]) -> Sequence[User]:
        """Return the rows with one of these phone numbers, oldest first."""
        ...

    async def by_any_ids(self, ids: Collection[str]) -> Sequence[User]:
        """Return the rows whose id or auth_user_id is one of these uuids, each once, oldest first.

        Of rows that are found by different ids the order is not promised.
        """
        ...

    async def profiles(self, ids: Collection[UserId]) -> Mapping[UserId, Profile]:
        """Return the profiles there are; unknown ids are absent."""
        ...

    async def containing(self, text: str, *, without: UserId, limit: int) -> Sequence[User]:
        """Return people other than `without` in whose username, display name or phone number this text occurs.

        In either case, and every character of it stands for itself. The first `limit` of them by username.
        """
        ...


class AccountStore(Protocol):
    """What somebody chooses for itself: rows of users, each by its own id."""

    async def update_profile(self, user_id: UserId, changes: ProfileChanges) -> OwnProfile | None:
        """Write what is given and return the profile as it is then; None if there is no such row."""
        ...

    async def retention_days(self, user_id: UserId) -> int | None:
        """Return for how many days messages are kept by default; None if there is no such row."""
        ...

    async def set_retention_days(self, user_id: UserId, days: int) -> bool:
        """Write it, and say whether there was such a row."""
        ...

"""Profiles of senders, kept for a while: a pushed row names its sender by id only (contract F32)."""

from __future__ import annotations

import structlog

from bridge.clock import Clock
from bridge.errors import StoreError
from bridge.models import Profile, UserId
from bridge.recent import Recent
from bridge.store.people import UserStore

CAPACITY = 50_000
MAX_AGE_SECONDS = 60.0

log = structlog.get_logger(__name__)


class Profiles:
    """Profiles by user id; a changed name shows within a minute."""

    def __init__(self, store: UserStore, clock: Clock) -> None:
        self._store = store
        self._profiles: Recent[UserId, Profile] = Recent(CAPACITY, clock=clock, max_age_seconds=MAX_AGE_SECONDS)

    def remember(self, profile: Profile) -> None:
        """Keep a profile that was read anyway."""
        self._profiles.put(profile.id, profile)

    async def of(self, user_id: UserId) -> Profile | None:
        """Return the profile; None if there is none or it cannot be read, for a message goes out all the same."""
        profile = self._profiles.get(user_id)
        if profile is not None:
            return profile
        try:
            found = (await self._store.profiles([user_id])).get(user_id)
        except StoreError as error:
            log.warning("profile.unreadable", cause=type(error).__name__)
            return None
        if found is not None:
            self.remember(found)
        return found

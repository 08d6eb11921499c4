"""What people choose for themselves, through PostgREST."""

from __future__ import annotations

from msgspec import UNSET, Struct
from msgspec.structs import asdict
from supabase import AsyncClient

from bridge.models import OwnProfile, ProfileChanges, UserId
from bridge.store.supabase.query import PROFILE, rows
from bridge.tables import ProfileRecord


class _OwnProfileRecord(ProfileRecord, frozen=True):
    bio: str | None = None
    website: str | None = None


class _RetentionRecord(Struct, frozen=True):
    default_message_retention_days: int


class SupabaseAccounts:
    """What people choose for themselves; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def update_profile(self, user_id: UserId, changes: ProfileChanges) -> OwnProfile | None:
        """See the port. PostgREST writes nothing, and returns nothing, where nothing is to be changed."""
        users = self._client.table("users")
        given = {name: text for name, text in asdict(changes).items() if text is not UNSET}
        query = users.update(given) if given else users.select(f"{PROFILE},bio,website")
        for record in await rows(query.eq("id", user_id), _OwnProfileRecord):
            return OwnProfile(profile=record.model(), bio=record.bio, website=record.website)
        return None

    async def retention_days(self, user_id: UserId) -> int | None:
        """See the port."""
        query = self._client.table("users").select("default_message_retention_days").eq("id", user_id)
        found = await rows(query, _RetentionRecord)
        return found[0].default_message_retention_days if found else None

    async def set_retention_days(self, user_id: UserId, days: int) -> bool:
        """See the port."""
        query = self._client.table("users").update({"default_message_retention_days": days}).eq("id", user_id)
        return bool(await rows(query, _RetentionRecord))

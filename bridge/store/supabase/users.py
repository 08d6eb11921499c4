"""The people of the port, through PostgREST."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from supabase import AsyncClient

from bridge.models import (
    AuthId,
    Profile,
    User,
    UserId,
)
from bridge.store.supabase.patterns import literal_pattern
from bridge.store.supabase.query import PROFILE, in_chunks, rows
from bridge.tables import (
    ProfileRecord,
    UserRecord,
)


class SupabaseUsers:
    """People; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def by_auth_id(self, auth_id: AuthId) -> Sequence[User]:
        """See the port."""
        query = (
            self._client.table("users")
            .select(f"{PROFILE},phone_number,auth_user_id")
            .or_(f"auth_user_id.eq.{auth_id},id.eq.{auth_id}")
            .order("created_at")
            .order("id")
        )
        found = [record.model() for record in await rows(query, UserRecord)]
        return sorted(found, key=lambda user: user.auth_user_id != auth_id)

    async def by_phone(self, numbers: Collection[str]) -> Sequence[User]:
        """See the port."""
        query = (
            self._client.table("users")
            .select(f"{PROFILE},phone_number,auth_user_id")
            # Quoted: a number with a plus must stay text on its way.
            .filter("phone_number", "in", "({})".format(",".join(f'"{number}"' for number in sorted(numbers))))
            .order("created_at")
            .order("id")
        )
        return [record.model() for record in await rows(query, UserRecord)]

    async def by_any_ids(self, ids: Collection[str]) -> Sequence[User]:
        """See the port."""
        found: dict[UserId, User] = {}
        for chunk in in_chunks(sorted(ids)):
            listed = ",".join(chunk)
            query = (
                self._client.table("users")
                .select(f"{PROFILE},phone_number,auth_user_id")
                .or_(f"id.in.({listed}),auth_user_id.in.({listed})")
                .order("created_at")
                .order("id")
            )
            found |= {record.id: record.model() for record in await rows(query, UserRecord)}
        return list(found.values())

    async def containing(self, text: str, *, without: UserId, limit: int) -> Sequence[User]:
        """See the port."""
        pattern = literal_pattern(text)
        columns = ("username", "display_name", "phone_number")
        query = (
            self._client.table("users")
            .select(f"{PROFILE},phone_number,auth_user_id")
            .or_(",".join(f'{column}.imatch."{pattern}"' for column in columns))
            .neq("id", without)
            .order("username")
            .limit(limit)
        )
        return [record.model() for record in await rows(query, UserRecord)]

    async def profiles(self, ids: Collection[UserId]) -> Mapping[UserId, Profile]:
        """See the port."""
        query = self._client.table("users").select(PROFILE).in_("id", sorted(ids))
        return {record.id: record.model() for record in await rows(query, ProfileRecord)}

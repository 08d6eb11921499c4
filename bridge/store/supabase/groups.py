"""The groups of the port, through PostgREST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from supabase import AsyncClient

from bridge.errors import StoreDown
from bridge.models import (
    Conversation,
    Group,
    GroupId,
    GroupMembership,
    GroupSummary,
    Identity,
    NewGroup,
    Participant,
    UserId,
)
from bridge.store.supabase.query import CONVERSATION, PAGE, rows
from bridge.store.supabase.seats import admit, put_back
from bridge.tables import ConversationRecord, GroupMemberRecord, GroupRecord, ParticipantRecord, moment_or_earliest

_GROUP = "id,name,description,avatar_url,is_public,invite_code,created_by,created_at"


class _RoleRecord(Struct, frozen=True):
    role: str | None


class _CountRecord(Struct, frozen=True):
    count: int


class _TimeRecord(Struct, frozen=True):
    created_at: str | None


class _RoomRecord(Struct, frozen=True):
    last: list[_TimeRecord]


class _LineRecord(Struct, frozen=True):
    id: GroupId
    name: str
    description: str | None
    avatar_url: str | None
    created_at: str | None
    mine: list[_RoleRecord]
    members: list[_CountRecord]
    rooms: list[_RoomRecord]

    def model(self) -> GroupSummary:
        times = [moment_or_earliest(one.created_at) for room in self.rooms for one in room.last]
        return GroupSummary(
            id=self.id,
            name=self.name,
            description=self.description,
            avatar_url=self.avatar_url,
            role=self.mine[0].role,
            room_count=len(self.rooms),
            member_count=sum(one.count for one in self.members),
            latest_activity=max(times, default=moment_or_earliest(self.created_at)),
        )


class SupabaseGroups:
    """Groups; see the port."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def insert(self, group: NewGroup) -> Group:
        """See the port."""
        row = {
            "id": group.id,
            "name": group.name,
            "description": group.description,
            "is_public": group.is_public,
            "invite_code": group.invite_code,
            "created_by": group.created_by,
            "created_at": group.created_at.isoformat(),
        }
        written = await rows(self._client.table("groups").insert(row), GroupRecord)
        if not written:
            raise StoreDown("an insert without an answer")
        return written[0].model()

    async def delete(self, group_id: GroupId) -> None:
        """See the port. Members and rooms go by the foreign keys."""
        await rows(self._client.table("groups").delete().eq("id", group_id), dict[str, object])

    async def by_invite_code(self, invite_code: str) -> Group | None:
        """See the port."""
        query = self._client.table("groups").select(_GROUP).eq("invite_code", invite_code).limit(1)
        found = await rows(query, GroupRecord)
        return found[0].model() if found else None

    async def memberships(self, group_id: GroupId, identity: Identity) -> Sequence[GroupMembership]:
        """See the port."""
        query = (
            self._client.table("group_members")
            .select("group_id,user_id,role,left_at")
            .eq("group_id", group_id)
            .in_("user_id", sorted(identity.ids))
        )
        return [record.model() for record in await rows(query, GroupMemberRecord)]

    async def admit(self, group_id: GroupId, roles: Mapping[UserId, str]) -> None:
        """See the port."""
        await admit(self._client.table("group_members"), "group_id", group_id, roles)

    async def put_back(self, group_id: GroupId, user_id: UserId, left_at: datetime | None) -> None:
        """See the port."""
        await put_back(self._client.table("group_members"), {"group_id": group_id, "user_id": user_id}, left_at)

    async def rooms(self, group_id: GroupId) -> Sequence[Conversation]:
        """See the port. Up to 1000 of them: a group beyond that is not this app's."""
        query = (
            self._client.table("conversations")
            .select(CONVERSATION)
            .eq("group_id", group_id)
            .order("position")
            .order("created_at")
        )
        return [record.model() for record in await rows(query, ConversationRecord)]

    async def seats(self, group_id: GroupId, identity: Identity) -> Sequence[Participant]:
        """See the port."""
        query = (
            self._client.table("conversation_participants")
            .select("id,conversation_id,user_id,left_at,role,conversation:conversations!inner(group_id)")
            .eq("conversation.group_id", group_id)
            .in_("user_id", sorted(identity.ids))
        )
        return [record.model() for record in await rows(query, ParticipantRecord)]

    async def summaries(self, identity: Identity) -> Sequence[GroupSummary]:
        """See the port. One request per 1000 groups, with one message for each of their rooms."""
        found: list[_LineRecord] = []
        page: list[_LineRecord] = []
        while not found or len(page) == PAGE:
            page = await self._lines(identity, found[-1].id if found else None)
            found += page
            if not page:
                break
        return sorted((line.model() for line in found), key=lambda one: one.latest_activity, reverse=True)

    async def _lines(self, identity: Identity, last_id: GroupId | None) -> list[_LineRecord]:
        query = (
            self._client.table("groups")
            .select(
                "id,name,description,avatar_url,created_at,mine:group_members!inner(role),"
                "members:group_members(count),rooms:conversations(last:messages(created_at))"
            )
            .in_("mine.user_id", sorted(identity.ids))
            .is_("mine.left_at", "null")
            .is_("members.left_at", "null")
            .order("created_at", desc=True, foreign_table="rooms.last")
            .limit(1, foreign_table="rooms.last")
            .order("id")
            .limit(PAGE)
        )
        return await rows(query.gt("id", last_id) if last_id else query, _LineRecord)

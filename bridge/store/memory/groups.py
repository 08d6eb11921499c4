"""The groups of the port, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from bridge.errors import StoreRefused
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
from bridge.store.memory.tables import Tables


class MemoryGroups:
    """Groups; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    async def insert(self, group: NewGroup) -> Group:
        """See the port."""
        self._store.note("groups.insert")
        self._store.require_users([group.created_by])
        if any(group.invite_code == row.invite_code for row in self._store.group_rows.values()):
            raise StoreRefused("23505")
        written = Group(
            id=group.id,
            name=group.name,
            description=group.description,
            avatar_url=None,
            is_public=group.is_public,
            invite_code=group.invite_code,
            created_by=group.created_by,
            created_at=group.created_at,
        )
        self._store.group_rows[group.id] = written
        return written

    async def delete(self, group_id: GroupId) -> None:
        """See the port."""
        self._store.note("groups.delete")
        self._store.group_rows.pop(group_id, None)
        for key in [key for key in self._store.group_members if key[0] == group_id]:
            del self._store.group_members[key]
        for room in self._rooms(group_id):
            self._store.remove_conversation(room.id)

    async def by_invite_code(self, invite_code: str) -> Group | None:
        """See the port."""
        self._store.note("groups.by_invite_code")
        return next((row for row in self._store.group_rows.values() if row.invite_code == invite_code), None)

    async def memberships(self, group_id: GroupId, identity: Identity) -> Sequence[GroupMembership]:
        """See the port."""
        self._store.note("groups.memberships")
        return [
            row
            for row in self._store.group_members.values()
            if row.group_id == group_id and row.user_id in identity.ids
        ]

    async def admit(self, group_id: GroupId, roles: Mapping[UserId, str]) -> None:
        """See the port."""
        self._store.note("groups.admit")
        self._store.require_users(roles)
        if group_id not in self._store.group_rows:
            raise StoreRefused("23503")
        for user_id, role in roles.items():
            new = GroupMembership(group_id=group_id, user_id=user_id, role=role, left_at=None)
            row = self._store.group_members.get((group_id, user_id), new)
            self._store.group_members[group_id, user_id] = replace(row, left_at=None)

    async def put_back(self, group_id: GroupId, user_id: UserId, left_at: datetime | None) -> None:
        """See the port."""
        self._store.note("groups.put_back")
        row = self._store.group_members.pop((group_id, user_id), None)
        if row is not None and left_at is not None:
            self._store.group_members[group_id, user_id] = replace(row, left_at=left_at)

    async def rooms(self, group_id: GroupId) -> Sequence[Conversation]:
        """See the port."""
        self._store.note("groups.rooms")
        return self._rooms(group_id)

    async def seats(self, group_id: GroupId, identity: Identity) -> Sequence[Participant]:
        """See the port."""
        self._store.note("groups.seats")
        rooms = {room.id for room in self._rooms(group_id)}
        rows = self._store.rows.values()
        return [row for row in rows if row.conversation_id in rooms and row.user_id in identity.ids]

    async def summaries(self, identity: Identity) -> Sequence[GroupSummary]:
        """See the port."""
        self._store.note("groups.summaries")
        active = [row for row in self._store.group_members.values() if row.left_at is None]
        mine = {row.group_id: row for row in active if row.user_id in identity.ids}
        found = [self._summary(self._store.group_rows[one], row) for one, row in mine.items()]
        return sorted(found, key=lambda one: one.latest_activity, reverse=True)

    def _rooms(self, group_id: GroupId) -> list[Conversation]:
        found = [row for row in self._store.conversation_rows.values() if row.group_id == group_id]
        return sorted(found, key=lambda row: (row.position or 0, row.created_at))

    def _summary(self, group: Group, mine: GroupMembership) -> GroupSummary:
        rooms = {room.id for room in self._rooms(group.id)}
        times = [one.created_at for one in self._store.messages_by_id.values() if one.conversation_id in rooms]
        members = [row for row in self._store.group_members.values() if row.group_id == group.id]
        return GroupSummary(
            id=group.id,
            name=group.name,
            description=group.description,
            avatar_url=group.avatar_url,
            role=mine.role,
            room_count=len(rooms),
            member_count=sum(row.left_at is None for row in members),
            latest_activity=max(times, default=group.created_at),
        )

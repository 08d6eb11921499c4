"""The port to groups, who is in them, and their rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

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


class GroupStore(Protocol):
    """Groups, who is in them, and their rooms."""

    async def insert(self, group: NewGroup) -> Group:
        """Write a group and return the row. Raises StoreRefused with 23505 if the invite code is taken."""
        ...

    async def delete(self, group_id: GroupId) -> None:
        """Delete a group with its members and its rooms: for undoing."""
        ...

    async def by_invite_code(self, invite_code: str) -> Group | None:
        """Return the group with exactly this code, public or not."""
        ...

    async def memberships(self, group_id: GroupId, identity: Identity) -> Sequence[GroupMembership]:
        """Return the identity's rows in a group, former memberships included; empty for an unknown group."""
        ...

    async def admit(self, group_id: GroupId, roles: Mapping[UserId, str]) -> None:
        """Make all of them active members, or none: former ones again, active ones keep their role."""
        ...

    async def put_back(self, group_id: GroupId, user_id: UserId, left_at: datetime | None) -> None:
        """Make somebody a former member who left then, or with None one who never was: for undoing `admit`."""
        ...

    async def rooms(self, group_id: GroupId) -> Sequence[Conversation]:
        """Return the conversations of a group, private ones included, by position and age."""
        ...

    async def seats(self, group_id: GroupId, identity: Identity) -> Sequence[Participant]:
        """Return the identity's participant rows in the conversations of a group, former ones included."""
        ...

    async def summaries(self, identity: Identity) -> Sequence[GroupSummary]:
        """Return the groups with an active membership of this identity set, latest activity first.

        Activity is the newest message in one of its rooms, else the group's creation; all its rooms and its active
        members are counted. No policy hides a private group from its members.
        """
        ...

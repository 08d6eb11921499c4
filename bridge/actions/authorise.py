"""The one place that decides who may (design decision 1): row-level security is no fence here (contract F7)."""

from __future__ import annotations

from bridge.actions.context import Caller, Context
from bridge.errors import ACCESS_DENIED, ActionError
from bridge.ids import canonical_uuid
from bridge.models import ConversationId, GroupId, UserId


async def require_member(
    conversation_id: str, caller: Caller, context: Context
) -> tuple[ConversationId, frozenset[UserId]]:
    """Return the conversation's id and active members if the caller is one of them.

    A malformed id, an unknown conversation and a foreign one answer alike, so nobody learns which exist.

    Raises:
        ActionError: ACCESS_DENIED.
        StoreError: the members are not known and cannot be read.

    """
    canonical = canonical_uuid(conversation_id)
    if canonical is None:
        raise ActionError(ACCESS_DENIED)
    known_id = ConversationId(canonical)
    members = await context.members.of(known_id)
    # What was known may be out of date; an unknown conversation has just been asked for and is not kept.
    if not caller.identity.is_among(members) and context.members.known(known_id) is not None:
        members = await context.members.refreshed(known_id)
    ids = frozenset(caller.identity.ids)
    if not caller.identity.is_among(members):
        if context.members.known(known_id) is not None:
            # The feed may tell of it later, or be dead. What was begun before, a slow write say, names the members of
            # that moment: from this answer on nothing of it is for the caller any more (contract F8).
            context.hub.remove(known_id, ids)
        raise ActionError(ACCESS_DENIED)
    context.hub.readmit(known_id, ids)
    return known_id, members


async def require_group_member(group_id: str, caller: Caller, context: Context) -> GroupId:
    """Return the group's id if the caller is an active member of it.

    Raises:
        ActionError: ACCESS_DENIED, for foreign, unknown and malformed ids alike.
        StoreError: the memberships cannot be read.

    """
    canonical = canonical_uuid(group_id)
    if canonical is None:
        raise ActionError(ACCESS_DENIED)
    rows = await context.store.groups.memberships(GroupId(canonical), caller.identity)
    if all(row.left_at is not None for row in rows):
        raise ActionError(ACCESS_DENIED)
    return GroupId(canonical)

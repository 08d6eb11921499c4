"""/api/chat/groups (contract legacy-rest section 3.5)."""

from __future__ import annotations

from bridge.actions.context import Context
from bridge.actions.groups import GroupsLoaded, LoadGroups, load_groups
from compat.endpoint import Asked, endpoint, perform
from compat.errors import Wording
from compat.session import COOKIE

PATH = "/api/chat/groups"


@endpoint(f"GET {PATH}", COOKIE, wording=Wording(failed="Failed to load groups"), result=GroupsLoaded)
async def list_groups(asked: Asked, context: Context) -> GroupsLoaded:
    """List the groups that the caller is in, the latest activity first; none for somebody without users row."""
    if asked.caller is None:
        return GroupsLoaded([])
    return await perform(load_groups, LoadGroups(), asked.caller, context, GroupsLoaded)

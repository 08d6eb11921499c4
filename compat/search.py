"""/api/users/search (contract legacy-rest section 3.6)."""

from __future__ import annotations

from bridge.actions.context import Context
from bridge.actions.searching import SearchUsers, UsersFound, search_users
from compat.endpoint import Asked, endpoint, perform
from compat.errors import Wording
from compat.session import COOKIE

PATH = "/api/users/search"


@endpoint(f"GET {PATH}?q", COOKIE, wording=Wording(failed="Failed to search users"), result=UsersFound)
async def find_people(asked: Asked, context: Context) -> UsersFound:
    """Find other people by a part of their names or numbers; at most ten, the best first.

    A blank text finds nobody, and somebody without users row does not either.
    """
    if asked.caller is None:
        return UsersFound([])
    return await perform(search_users, SearchUsers(asked.query), asked.caller, context, UsersFound)

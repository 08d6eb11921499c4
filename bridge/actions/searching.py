"""Finding people (contract legacy-rest section 3.6, F5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Faults, action
from bridge.errors import AUTH_REQUIRED, ErrorCode, Fault
from bridge.models import User
from bridge.people_rows import FoundUserRow, found_user_row
from bridge.search import MAX_FETCHED, best_matches

MAX_QUERY_CHARACTERS = 100
"""A longer text is nobody's name; the filter that it makes has to fit into an address."""

_SEARCH = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=Fault(ErrorCode.INVALID_DATA, "Search text required"),
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to search users"),
)


class SearchUsers(Struct, frozen=True):
    """Request of search_users."""

    query: Annotated[
        str,
        Meta(description="A part of a username, a display name or a phone number; every character stands for itself."),
    ]


class UsersFound(Struct, frozen=True):
    """Result of search_users: at most ten, the best first."""

    users: Sequence[FoundUserRow]


@action("search_users", SearchUsers, reply="users_found", result=UsersFound, faults=_SEARCH)
async def search_users(request: SearchUsers, caller: Caller, context: Context) -> Outcome:
    """Find other people by a part of their names or numbers; a blank text finds nobody."""
    text = request.query.strip().lower()
    if not text or len(text) > MAX_QUERY_CHARACTERS or "\0" in text:
        return Outcome(result=UsersFound([]))
    users = await context.store.users.containing(text, without=caller.identity.user_id, limit=MAX_FETCHED)
    others = [user for user in users if not _is_same(user, caller)]
    return Outcome(result=UsersFound([found_user_row(user) for user in best_matches(others, text)]))


def _is_same(user: User, caller: Caller) -> bool:
    """Recognise another row of the caller's own account (contract F4)."""
    return user.auth_user_id == caller.identity.auth_id

"""GET /api/chat/conversations beside load_conversations (contract legacy-rest section 3.1)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bridge.comparison import conversations
from bridge.comparison.answers import Answer, Hints
from migration.parity.conversations import COMPARISON as BY_FUNCTION
from migration.parity.definition import Comparison, Sides
from migration.parity.rest import auth_ids

PATH: Final = "/api/chat/conversations"


class _Listed(Struct, frozen=True):
    conversations: list[dict[str, object]]


async def _old(sides: Sides, subject: str) -> Answer:
    return conversations.answer_of((await sides.endpoints.by_cookie(PATH, _Listed)).conversations)


async def _more(sides: Sides, subject: str, old: Answer) -> Hints:
    """Find out, as for the function that the endpoint calls, and whether it may be called with the auth id."""
    known = await conversations.more_hints(sides.control, sides.person.identity, old)
    has_two_ids = sides.person.auth_id != sides.person.user_id
    is_by_auth_id = has_two_ids and known["by_auth_id"].issuperset(old.rows)
    return {**known, **auth_ids.hints(is_asked=is_by_auth_id)}


COMPARISON: Final = Comparison(
    name=BY_FUNCTION.name,
    control=f"`GET {PATH}` with the session cookie",
    old=_old,
    new=BY_FUNCTION.new,
    more_hints=_more,
    declared=(
        *conversations.DECLARED,
        auth_ids.declared(
            "The endpoint asks with the auth id, so whose two ids differ sees nothing of what the users.id is in."
        ),
    ),
)

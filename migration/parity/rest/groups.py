"""GET /api/chat/groups beside load_groups (contract legacy-rest section 3.5)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bridge.comparison import groups
from bridge.comparison.answers import Answer, Hints
from migration.parity.definition import Comparison, Sides
from migration.parity.groups import COMPARISON as BY_FUNCTION
from migration.parity.rest import auth_ids

PATH: Final = "/api/chat/groups"


class _Listed(Struct, frozen=True):
    groups: list[dict[str, object]]


async def _old(sides: Sides, subject: str) -> Answer:
    return groups.answer_of((await sides.endpoints.by_cookie(PATH, _Listed)).groups)


async def _more(sides: Sides, subject: str, old: Answer) -> Hints:
    """Find out, as for the function that the endpoint calls, and whether it may be called with the auth id."""
    known = await groups.more_hints(sides.control, sides.person.identity, old)
    is_by_auth_id = sides.person.auth_id != sides.person.user_id and not old.rows
    return {**known, **auth_ids.hints(is_asked=is_by_auth_id)}


COMPARISON: Final = Comparison(
    name=BY_FUNCTION.name,
    control=f"`GET {PATH}` with the session cookie",
    old=_old,
    new=BY_FUNCTION.new,
    more_hints=_more,
    declared=(
        auth_ids.declared("The endpoint asks with the auth id, so whose two ids differ is shown no group at all (F1)."),
        *groups.DECLARED,
    ),
)

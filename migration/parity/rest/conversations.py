"""GET /api/chat/conversations beside load_conversations (contract legacy-rest section 3.1)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bridge.comparison import conversations
from bridge.comparison.answers import ROW, Answer, Declared, Hints, Place
from migration.parity.definition import Comparison, Sides
from migration.parity.reading import replied

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
    return {**known, "asked_with_auth_id": frozenset({"yes"} if is_by_auth_id else ())}


async def _new(sides: Sides, subject: str) -> Answer:
    return await replied(
        sides.candidate, "load_conversations", {}, rows="conversations", key="id", moment=conversations.MOMENT
    )


def _is_hidden(place: Place) -> bool:
    """Tell whether the old list cannot have a row: nothing in it is there by the users.id."""
    return place.field == ROW and place.old is None and bool(place.hint("asked_with_auth_id"))


COMPARISON: Final = Comparison(
    name="load_conversations",
    control=f"`GET {PATH}` with the session cookie",
    old=_old,
    new=_new,
    more_hints=_more,
    declared=(
        *conversations.DECLARED,
        Declared(
            name="asked_with_auth_id",
            why="The endpoint asks with the auth id, so whose two ids differ sees nothing of what the users.id is in.",
            covers=_is_hidden,
        ),
    ),
)

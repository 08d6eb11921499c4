"""GET /api/users/search beside search_users (contract legacy-rest section 3.6).

Searched for is the longest username among the people of a conversation, so that few others have it in theirs.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bridge.comparison.answers import ROW, Answer, Declared, Hints, Place, Row
from bridge.comparison.old_way import Rows
from bridge.models import User, UserId
from bridge.search import MAX_FETCHED, MAX_FOUND, score
from migration.parity.definition import Comparison, Sides
from migration.parity.reading import replied

PATH: Final = "/api/users/search"


class _Found(Struct, frozen=True):
    users: list[dict[str, object]]


async def _within(sides: Sides, conversation_id: str) -> str | None:
    found = await sides.control.rows(
        "conversation_participants",
        select="user:users(username)",
        conversation_id=f"eq.{conversation_id}",
        left_at="is.null",
        order="user_id",
        limit=str(MAX_FETCHED),
    )
    return max((name for row in found if (name := _username(row.get("user")))), key=len, default=None)


def _username(user: object) -> str:
    return str(user.get("username") or "").strip().lower() if isinstance(user, dict) else ""


async def _old(sides: Sides, subject: str) -> Answer:
    found = (await sides.endpoints.by_cookie(PATH, _Found, q=subject)).users
    hints = {"self": frozenset({sides.person.user_id}), "least": _least(found, subject), "query": frozenset({subject})}
    return Answer(rows={str(row["id"]): row for row in found}, hints=hints)


def _least(found: Rows, query: str) -> frozenset[str]:
    """Return the points of the last one, if more people than are shown may have so many."""
    return frozenset({str(min(_points(row, query) for row in found))} if len(found) == MAX_FOUND else ())


async def _more(sides: Sides, subject: str, old: Answer) -> Hints:
    """Find out whether more people match than the endpoint looks at."""
    quoted = '"*' + subject.replace("\\", "\\\\").replace('"', '\\"') + '*"'
    columns = ("username", "display_name", "phone_number")
    anywhere = ",".join(f"{column}.ilike.{quoted}" for column in columns)
    limit = MAX_FETCHED + 1
    found = await sides.control.rows("users", select="id", limit=str(limit), **{"or": f"({anywhere})"})
    return {"many": frozenset({"yes"} if len(found) == limit else ())}


async def _new(sides: Sides, subject: str) -> Answer:
    return await replied(sides.candidate, "search_users", {"query": subject}, rows="users", key="id")


def _points(row: Row, query: str) -> int:
    """Return the points of somebody by the names alone; the number is not shown."""
    user = User(
        id=UserId(""),
        auth_user_id=None,
        username=str(row.get("username") or ""),
        display_name=str(row.get("display_name") or ""),
        phone_number="",
        avatar_url=None,
    )
    return score(user, query)


def _is_self(place: Place) -> bool:
    return place.field == ROW and place.new is None and place.key in place.hint("self")


def _is_tied(place: Place) -> bool:
    """Tell whether somebody is shown by one side only, who has no more points than the last one of a full list."""
    shown, least = place.new if place.old is None else place.old, next(iter(place.hint("least")), None)
    if place.field != ROW or shown is None or least is None:
        return False
    return _points(shown, next(iter(place.hint("query")))) <= int(least)


COMPARISON: Final = Comparison(
    name="search_users",
    control=f"`GET {PATH}?q=` with the session cookie, for a username of a conversation",
    old=_old,
    new=_new,
    more_hints=_more,
    is_about_a_conversation=True,
    within=_within,
    declared=(
        Declared(
            name="finds_oneself",
            why="The endpoint leaves out the row whose id is the auth id, so whose two ids differ finds itself (F1).",
            covers=_is_self,
        ),
        Declared(
            name="ties",
            why=f"Of people with equal points any are shown where there are more than {MAX_FOUND}.",
            covers=_is_tied,
        ),
        Declared(
            name="too_many",
            why=f"Where more than {MAX_FETCHED} people match, any {MAX_FETCHED} of them are looked at.",
            covers=lambda place: place.field == ROW and bool(place.hint("many")),
        ),
    ),
)

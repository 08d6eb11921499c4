"""Who is in a conversation: the participant rows beside load_presence."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from bridge.comparison.answers import ROW, Answer, Declared, Hints
from bridge.comparison.old_way import ROW_CAP
from migration.parity.definition import Comparison, Sides
from migration.parity.reading import replied


async def _old(sides: Sides, subject: str) -> Answer:
    found = await sides.control.rows(
        "conversation_participants",
        select="user_id,user:users(id)",
        conversation_id=f"eq.{subject}",
        left_at="is.null",
        order="user_id",
        limit=str(ROW_CAP),
    )
    unknown = [str(row["user_id"]) for row in found if row.get("user") is None]
    return Answer(rows={str(row["user_id"]): {} for row in found}, hints=hints_of(found, unknown))


async def _new(sides: Sides, subject: str) -> Answer:
    return await replied(sides.candidate, "load_presence", {"conversationId": subject}, rows="users", key="userId")


DECLARED: Final = (
    Declared(
        name="unknown_people",
        why="A participant row that names an auth id, or nobody, is shown by the bridge as the person it means.",
        covers=lambda place: (
            place.field == ROW
            and (place.key in place.hint("unknown") or bool(place.old is None and place.hint("unknown")))
        ),
    ),
    Declared(
        name="capped",
        why=f"PostgREST cuts answers off after {ROW_CAP} rows; the bridge reads on.",
        covers=lambda place: place.field == ROW and place.old is None and bool(place.hint("capped")),
    ),
)


def hints_of(listed: Collection[object], unknown: Iterable[str]) -> Hints:
    """Return what declared differences need to know: whose rows name nobody, and whether the list may be cut off."""
    return {"unknown": frozenset(unknown), "capped": frozenset({"yes"} if len(listed) == ROW_CAP else ())}


COMPARISON: Final = Comparison(
    name="load_presence",
    control="select the active participant rows; who is in it, not who is online, which no legacy client sees",
    old=_old,
    new=_new,
    is_about_a_conversation=True,
    declared=DECLARED,
)

"""The list of groups: the app's function beside load_groups."""

from __future__ import annotations

from typing import Final

from migration.parity.control import ROW_CAP
from migration.parity.definition import ROW, Answer, Comparison, Declared, Hints, Place, Sides
from migration.parity.reading import replied


async def _old(sides: Sides, subject: str) -> Answer:
    found = await sides.control.call("get_user_groups", user_uuid=sides.person.user_id)
    return Answer(rows={str(row["group_id"]): row for row in found}, moment="latest_activity")


async def _more(sides: Sides, subject: str, old: Answer) -> Hints:
    visible = await sides.control.rows("groups", select="id", limit=str(ROW_CAP))
    return {"visible": frozenset(str(row["id"]) for row in visible)}


async def _new(sides: Sides, subject: str) -> Answer:
    return await replied(sides.candidate, "load_groups", {}, rows="groups", key="group_id", moment="latest_activity")


def _is_hidden(place: Place) -> bool:
    is_known = "visible" in place.hints
    return place.field == ROW and place.old is None and is_known and place.key not in place.hint("visible")


COMPARISON: Final = Comparison(
    name="load_groups",
    control="`rpc/get_user_groups` with the users.id",
    old=_old,
    new=_new,
    more_hints=_more,
    declared=(
        Declared(
            name="hidden_groups",
            why="Row-level security hides private groups from all but those whose two ids are equal and who made them.",
            covers=_is_hidden,
        ),
    ),
)

"""The list of groups: the app's function beside load_groups."""

from __future__ import annotations

from typing import Final

from bridge.comparison.answers import ROW, Answer, Declared, Hints, Place
from bridge.comparison.old_way import ROW_CAP, OldWay, Rows
from bridge.models import Identity

MOMENT: Final = "latest_activity"
"""By what the list is ordered."""


async def listed(way: OldWay, identity: Identity) -> Answer:
    """Ask for the list as the app did.

    Raises:
        OldWayFailed: the function does not work.
        OldWayUnreachable: nobody answers.

    """
    return answer_of(await way.call("get_user_groups", user_uuid=identity.user_id))


def answer_of(found: Rows) -> Answer:
    """Return a list as the function gives it, wherever it comes from, for comparing."""
    return Answer(rows={str(row["group_id"]): row for row in found}, moment=MOMENT)


async def more_hints(way: OldWay, identity: Identity, old: Answer) -> Hints:  # as of conversations
    """Find out, by another request, what is needed to judge differences that are left.

    Raises:
        OldWayFailed: PostgREST refuses.
        OldWayUnreachable: nobody answers.

    """
    visible = await way.rows("groups", select="id", limit=str(ROW_CAP))
    return {"visible": frozenset(str(row["id"]) for row in visible)}


def _is_hidden(place: Place) -> bool:
    is_known = "visible" in place.hints
    return place.field == ROW and place.old is None and is_known and place.key not in place.hint("visible")


DECLARED: Final = (
    Declared(
        name="hidden_groups",
        why="Row-level security hides private groups from all but those whose two ids are equal and who made them.",
        covers=_is_hidden,
    ),
)

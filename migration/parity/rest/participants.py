"""GET /api/chat/conversations/{id}/participants beside load_participants (contract legacy-rest section 3.3)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bridge.comparison.answers import Answer
from bridge.comparison.differing import flat
from migration.parity import members
from migration.parity.definition import Comparison, Sides
from migration.parity.reading import replied

PATH: Final = "/api/chat/conversations/{}/participants"
MOMENT: Final = "joined_at"
"""By what the list is ordered."""


class _Listed(Struct, frozen=True):
    participants: list[dict[str, object]]


async def _old(sides: Sides, subject: str) -> Answer:
    found = (await sides.endpoints.by_cookie(PATH.format(subject), _Listed)).participants
    unknown = [str(row["user_id"]) for row in found if row.get("users") is None]
    rows = {str(row["user_id"]): flat(row) for row in found}
    return Answer(rows=rows, moment=MOMENT, hints=members.hints_of(found, unknown))


async def _new(sides: Sides, subject: str) -> Answer:
    return await replied(
        sides.candidate,
        "load_participants",
        {"conversationId": subject},
        rows="participants",
        key="user_id",
        moment=MOMENT,
    )


COMPARISON: Final = Comparison(
    name="load_participants",
    control=f"`GET {PATH.format('{id}')}` with the session cookie",
    old=_old,
    new=_new,
    is_about_a_conversation=True,
    declared=members.DECLARED,
)

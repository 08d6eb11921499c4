"""The list of groups: the app's function beside load_groups."""

from __future__ import annotations

from typing import Final

from bridge.comparison import groups
from bridge.comparison.answers import Answer, Hints
from migration.parity.definition import Comparison, Sides
from migration.parity.reading import replied


async def _old(sides: Sides, subject: str) -> Answer:
    return await groups.listed(sides.control, sides.person.identity)


async def _more(sides: Sides, subject: str, old: Answer) -> Hints:
    return await groups.more_hints(sides.control, sides.person.identity, old)


async def _new(sides: Sides, subject: str) -> Answer:
    return await replied(sides.candidate, "load_groups", {}, rows="groups", key="group_id", moment=groups.MOMENT)


COMPARISON: Final = Comparison(
    name="load_groups",
    control="`rpc/get_user_groups` with the users.id",
    old=_old,
    new=_new,
    more_hints=_more,
    declared=groups.DECLARED,
)

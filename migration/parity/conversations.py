"""The list of conversations: the app's list function, called with the users.id, beside load_conversations."""

from __future__ import annotations

from typing import Final

from bridge.comparison import conversations
from bridge.comparison.answers import Answer, Hints
from migration.parity.definition import Comparison, Sides
from migration.parity.reading import replied


async def _old(sides: Sides, subject: str) -> Answer:
    return await conversations.listed(sides.control, sides.person.identity)


async def _more(sides: Sides, subject: str, old: Answer) -> Hints:
    return await conversations.more_hints(sides.control, sides.person.identity, old)


async def _new(sides: Sides, subject: str) -> Answer:
    return await replied(
        sides.candidate, "load_conversations", {}, rows="conversations", key="id", moment=conversations.MOMENT
    )


COMPARISON: Final = Comparison(
    name="load_conversations",
    control="`rpc/get_user_conversations_enhanced`, or `rpc/get_user_conversations` from DB-2 on, with the users.id",
    old=_old,
    new=_new,
    more_hints=_more,
    declared=conversations.DECLARED,
)

"""A page of older messages: the legacy client's own request beside load_more_messages, which marks nothing as read."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from bridge.comparison.answers import Answer, Row
from bridge.comparison.messages import DECLARED, MOMENT, PAGE, page
from migration.parity.control import Control
from migration.parity.definition import Comparison, Sides
from migration.parity.reading import replied


async def _within(sides: Sides, conversation_id: str) -> str | None:
    """Return a conversation with its newest message and that message's time: before it is read."""
    newest = await _newest(sides.control, conversation_id)
    return None if newest is None else f"{conversation_id} {newest['id']} {newest['created_at']}"


async def _old(sides: Sides, subject: str) -> Answer:
    conversation_id, _, before = subject.split(" ", 2)
    old = await page(sides.control, conversation_id, bound=f"lt.{before}", limit=PAGE, now=sides.clock.now())
    return replace(old, hints={**old.hints, "newest": frozenset({before})})


async def _newest(control: Control, conversation_id: str) -> Row | None:
    found = await control.rows(
        "messages",
        select="id,created_at",
        conversation_id=f"eq.{conversation_id}",
        deleted_at="is.null",
        order="created_at.desc,id.desc",
        limit="1",
    )
    return found[0] if found else None


async def _new(sides: Sides, subject: str) -> Answer:
    conversation_id, newest_id, _ = subject.split(" ", 2)
    asked = {"conversationId": conversation_id, "beforeMessageId": newest_id, "limit": PAGE}
    return await replied(sides.candidate, "load_more_messages", asked, rows="messages", key="id", moment=MOMENT)


COMPARISON: Final = Comparison(
    name="load_more_messages",
    control=f"select the {PAGE} messages before the newest one, then the originals of replies",
    old=_old,
    new=_new,
    is_about_a_conversation=True,
    within=_within,
    declared=DECLARED,
)

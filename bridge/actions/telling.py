"""Our own changes of who is in a conversation, told at once: the feed's echo of them is no news any more."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

import structlog

from bridge.actions.context import Context
from bridge.errors import StoreError
from bridge.lists import News
from bridge.models import ConversationId, UserId
from bridge.usage.notes import row_of

log = structlog.get_logger(__name__)


async def coming(conversation_id: ConversationId, roles: Mapping[UserId, str | None], context: Context) -> News:
    """Return what is to be told of these people's coming, once the caller has its answer.

    That it cannot be read is no failure of what was done; the feed's echo tells it later.
    """
    context.members.forget(conversation_id)
    for user_id in roles:
        context.usage.wrote(
            "conversation_participants", conversation_id, row_of(conversation_id, user_id), by_bridge=True
        )
    if not roles:
        return News(conversation_id=conversation_id)
    return await _unless_unreadable(conversation_id, context.lists.entered(conversation_id, roles))


async def looks(conversation_id: ConversationId, context: Context) -> News:
    """Return what is to be told of a conversation that we have just changed, once the caller has its answer."""
    return await _unless_unreadable(conversation_id, context.lists.rewritten(conversation_id))


async def _unless_unreadable(conversation_id: ConversationId, asking: Awaitable[News]) -> News:
    try:
        return await asking
    except StoreError as error:
        log.warning("telling.postponed", cause=type(error).__name__, detail=str(error))
        return News(conversation_id=conversation_id)

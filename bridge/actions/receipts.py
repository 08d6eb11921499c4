"""Read receipts: written with the service role, for nobody else may (contract F43), and told to who asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import structlog
from msgspec import Meta, Struct

from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Faults, action
from bridge.errors import (
    ACCESS_DENIED,
    MISSING_CONVERSATION_ID,
    UNAUTHORIZED,
    ActionError,
    ErrorCode,
    Fault,
    StoreError,
)
from bridge.ids import canonical_uuid
from bridge.models import ConversationId, Message, MessageId, UserId
from bridge.rows import Id
from bridge.usage.notes import row_of

MAX_AT_ONCE = 500

_NOTHING_NAMED = Fault(ErrorCode.MISSING_REQUIRED_FIELDS, "Conversation ID and messageIds are required")
_TOO_MANY = Fault(ErrorCode.INVALID_DATA, f"At most {MAX_AT_ONCE} messages at once")
_FAILED = Fault(ErrorCode.DATABASE_ERROR, "Failed to mark messages as read")
_MARK = Faults(
    unauthenticated=UNAUTHORIZED,
    malformed=_NOTHING_NAMED,
    database=_FAILED,
    unexpected=Fault(ErrorCode.SERVER_ERROR, "Failed to mark messages as read"),
)

log = structlog.get_logger(__name__)


class MarkAsRead(Struct, frozen=True, rename="camel"):
    """Request of mark_as_read."""

    conversation_id: Id
    message_ids: Annotated[list[Id], Meta(extra_json_schema={"maxItems": MAX_AT_ONCE})]


class MarkedAsRead(Struct, frozen=True, rename="camel"):
    """Result of mark_as_read: what is read now that was not before."""

    conversation_id: Id
    message_ids: list[Id]


@action(
    "mark_as_read",
    MarkAsRead,
    reply="marked_as_read",
    result=MarkedAsRead,
    faults=_MARK,
    refusals=[MISSING_CONVERSATION_ID, _TOO_MANY, ACCESS_DENIED],
)
async def mark_as_read(request: MarkAsRead, caller: Caller, context: Context) -> Outcome:
    """Mark messages of others as read; own ones, those of other conversations and unknown ones are passed over."""
    if not request.conversation_id:
        raise ActionError(MISSING_CONVERSATION_ID)
    if len(request.message_ids) > MAX_AT_ONCE:
        raise ActionError(_TOO_MANY)
    conversation_id, members = await require_member(request.conversation_id, caller, context)
    asked = [MessageId(one) for text in request.message_ids if (one := canonical_uuid(text)) is not None]
    marked = await _mark(conversation_id, asked, caller, context, members)
    return Outcome(result=MarkedAsRead(conversation_id, list(marked)))


async def mark_shown(
    conversation_id: ConversationId,
    page: Sequence[Message],
    caller: Caller,
    context: Context,
    members: frozenset[UserId],
) -> None:
    """Mark what a load has shown, as the original meant to; a load does not fail because of it."""
    others = [message.id for message in page if message.sender_id not in caller.identity.ids]
    try:
        await _mark(conversation_id, others, caller, context, members)
    except StoreError as error:
        log.warning("receipts.not_written", cause=type(error).__name__, detail=str(error))


async def _mark(
    conversation_id: ConversationId,
    ids: Sequence[MessageId],
    caller: Caller,
    context: Context,
    members: frozenset[UserId],
) -> Sequence[MessageId]:
    if not ids:
        return []
    unread = await context.store.receipts.unread_among(conversation_id, caller.identity, ids)
    if unread:
        now = context.clock.now()
        with context.health.writing("message_status"):
            await context.store.receipts.mark_read(caller.identity.user_id, unread, now)
        for message_id in unread:
            row = row_of(message_id, caller.identity.user_id)
            context.usage.wrote("message_status", conversation_id, row, by_bridge=True)
        context.receipts.tell(conversation_id, caller.identity.user_id, unread, now, members)
    return unread

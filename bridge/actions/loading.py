"""Reading messages: the newest page, and the pages before it (contract F25, F26)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.receipts import mark_shown
from bridge.actions.registry import Faults, action
from bridge.errors import ACCESS_DENIED, MISSING_CONVERSATION_ID, UNAUTHORIZED, ActionError, ErrorCode, Fault
from bridge.ids import canonical_uuid
from bridge.models import ConversationId, Identity, Message, MessageId, Position
from bridge.rows import Id, MessageRow, message_row

DEFAULT_PAGE = 50
MAX_PAGE = 200

PageSize = Annotated[
    int | None, Meta(description=f"{DEFAULT_PAGE} unless given; less than 1 means 1, more than {MAX_PAGE} that.")
]

_BEFORE_REQUIRED = Fault(ErrorCode.MISSING_REQUIRED_FIELDS, "Conversation ID and beforeMessageId are required")
_BEFORE_NOT_FOUND = Fault(ErrorCode.MESSAGE_NOT_FOUND, "Before message not found")

_LOAD = Faults(
    unauthenticated=UNAUTHORIZED,
    malformed=MISSING_CONVERSATION_ID,
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to load messages"),
    unexpected=Fault(ErrorCode.SERVER_ERROR, "Failed to load messages"),
)
_LOAD_MORE = Faults(
    unauthenticated=UNAUTHORIZED,
    malformed=_BEFORE_REQUIRED,
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to load more messages"),
    unexpected=Fault(ErrorCode.SERVER_ERROR, "Failed to load more messages"),
)


class LoadMessages(Struct, frozen=True, rename="camel"):
    """Request of load_messages."""

    conversation_id: Id
    limit: PageSize = None


class LoadMoreMessages(Struct, frozen=True, rename="camel"):
    """Request of load_more_messages."""

    conversation_id: Id
    before_message_id: Annotated[Id, Meta(description="The oldest message that the client has.")]
    limit: PageSize = None


class MessagesLoaded(Struct, frozen=True, rename="camel"):
    """Result of load_messages and load_more_messages: oldest first, by (created_at, id)."""

    messages: list[MessageRow]
    conversation_id: Id
    has_more: Annotated[bool, Meta(description="Whether there are older ones.")] | UnsetType = UNSET


@action(
    "load_messages",
    LoadMessages,
    reply="messages_loaded",
    result=MessagesLoaded,
    faults=_LOAD,
    refusals=[ACCESS_DENIED],
)
async def load_messages(request: LoadMessages, caller: Caller, context: Context) -> Outcome:
    """Read the newest messages of a conversation and mark those of others as read.

    The original gave the oldest (contract F26).
    """
    if not request.conversation_id:
        raise ActionError(MISSING_CONVERSATION_ID)
    conversation_id, members = await require_member(request.conversation_id, caller, context)
    page, has_more = await _page(conversation_id, caller.identity, None, request.limit, context)
    await mark_shown(conversation_id, page, caller, context, members)
    return _loaded(conversation_id, page, has_more=has_more)


@action(
    "load_more_messages",
    LoadMoreMessages,
    reply="messages_loaded",
    result=MessagesLoaded,
    faults=_LOAD_MORE,
    refusals=[ACCESS_DENIED, _BEFORE_NOT_FOUND],
)
async def load_more_messages(request: LoadMoreMessages, caller: Caller, context: Context) -> Outcome:
    """Read the messages before one that the client has; nothing is marked as read."""
    if not request.conversation_id or not request.before_message_id:
        raise ActionError(_BEFORE_REQUIRED)
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    before_id = canonical_uuid(request.before_message_id)
    if before_id is None:
        raise ActionError(_BEFORE_NOT_FOUND)
    before = await context.store.messages.position(conversation_id, MessageId(before_id))
    if before is None:
        raise ActionError(_BEFORE_NOT_FOUND)
    page, has_more = await _page(conversation_id, caller.identity, before, request.limit, context)
    return _loaded(conversation_id, page, has_more=has_more)


async def _page(
    conversation_id: ConversationId, viewer: Identity, before: Position | None, limit: int | None, context: Context
) -> tuple[Sequence[Message], bool]:
    """Return a page and whether there is more."""
    size = max(1, min(limit if limit is not None else DEFAULT_PAGE, MAX_PAGE))
    # One more than asked for tells whether there is more (contract F26: only if more exist).
    found = await context.store.messages.page(
        conversation_id, viewer, before=before, limit=size + 1, now=context.clock.now()
    )
    page = found[-size:]
    for message in page:
        context.quotes.remember(message)
        context.message_states.place(message.id, message.conversation_id)
    return page, len(found) > size


def _loaded(conversation_id: ConversationId, page: Sequence[Message], *, has_more: bool) -> Outcome:
    return Outcome(result=MessagesLoaded([message_row(message) for message in page], conversation_id, has_more))

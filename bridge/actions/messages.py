"""Messages: sending and reading."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.receipts import mark_shown
from bridge.actions.registry import Faults, action
from bridge.errors import MISSING_CONVERSATION_ID, UNAUTHORIZED, ActionError, ErrorCode, Fault
from bridge.events import MessageSent, message_key
from bridge.hub import Reservation
from bridge.ids import canonical_uuid, derived_message_id, new_message_id
from bridge.models import ConversationId, Message, MessageId, NewMessage, Position, Quote, UserId
from bridge.rows import MessageRow, message_row

MAX_METADATA_BYTES = 16_384
MAX_METADATA_DEPTH = 50
MAX_CLIENT_MESSAGE_ID_CHARACTERS = 200
DEFAULT_PAGE = 50
MAX_PAGE = 200

_SEND_FAILED = Fault(ErrorCode.DATABASE_ERROR, "Failed to send message")
_METADATA = Fault(
    ErrorCode.INVALID_DATA,
    f"Metadata must be an object of at most {MAX_METADATA_BYTES} bytes and {MAX_METADATA_DEPTH} levels",
)
_CONTENT_REQUIRED = Fault(ErrorCode.MISSING_REQUIRED_FIELDS, "Conversation ID and content are required")
_BEFORE_REQUIRED = Fault(ErrorCode.MISSING_REQUIRED_FIELDS, "Conversation ID and beforeMessageId are required")
_BEFORE_NOT_FOUND = Fault(ErrorCode.MESSAGE_NOT_FOUND, "Before message not found")

_SEND = Faults(
    unauthenticated=UNAUTHORIZED,
    malformed=_CONTENT_REQUIRED,
    database=_SEND_FAILED,
    unexpected=Fault(ErrorCode.SERVER_ERROR, "Failed to send message"),
)
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


class SendMessage(Struct, frozen=True, rename="camel"):
    """Request of send_message; `client_message_id` makes a repeated send the same message."""

    conversation_id: str
    content: str
    message_type: str | None = None
    reply_to_id: str | None = None
    metadata: Raw = Raw(b"null")
    client_message_id: str | None = None


class MessageWritten(Struct, frozen=True):
    """Result of send_message."""

    message: MessageRow


class LoadMessages(Struct, frozen=True, rename="camel"):
    """Request of load_messages."""

    conversation_id: str
    limit: int | None = None


class LoadMoreMessages(Struct, frozen=True, rename="camel"):
    """Request of load_more_messages."""

    conversation_id: str
    before_message_id: str
    limit: int | None = None


class MessagesLoaded(Struct, frozen=True, rename="camel"):
    """Result of load_messages and load_more_messages: ascending by (created_at, id)."""

    messages: list[MessageRow]
    conversation_id: str
    has_more: bool | UnsetType = UNSET


@action("send_message", SendMessage, reply="message_sent", result=MessageWritten, faults=_SEND)
async def send_message(request: SendMessage, caller: Caller, context: Context) -> Outcome:
    """Write a message and, once the sender has its answer, deliver it to every member."""
    if not request.conversation_id or not request.content:
        raise ActionError(_CONTENT_REQUIRED)
    conversation_id, members = await require_member(request.conversation_id, caller, context)
    metadata = _metadata(request.metadata)
    quote = await _quote(request.reply_to_id, conversation_id, context)
    created_at = context.times.next(conversation_id)
    message_id = _message_id(request.client_message_id, caller) or new_message_id(created_at)
    # Reserved before the write: its echo may come back through the feed before the write itself returns (F29).
    reservation = context.hub.reserve(conversation_id, message_key(message_id))
    try:
        written = await context.store.messages.insert(
            NewMessage(
                id=message_id,
                conversation_id=conversation_id,
                sender_id=caller.identity.user_id,
                reply_to_id=quote.id if quote else None,
                message_type=request.message_type or "text",
                content=request.content,
                metadata=metadata,
                created_at=created_at,
            )
        )
        _require_same(written, conversation_id, request.content, quote)
    except BaseException:
        reservation.abandon()
        raise
    message = replace(written, sender=caller.profile, reply_to=quote)
    context.quotes.remember(message)
    caller.rooms.typing.discard(conversation_id)
    context.typing.end(conversation_id, caller.identity.user_id)
    deliver = partial(_deliver, reservation, message, members, context)
    return Outcome(result=MessageWritten(message_row(message)), then=deliver)


@action("load_messages", LoadMessages, reply="messages_loaded", result=MessagesLoaded, faults=_LOAD)
async def load_messages(request: LoadMessages, caller: Caller, context: Context) -> Outcome:
    """Read the newest messages of a conversation (the original gave the oldest, contract F26)."""
    if not request.conversation_id:
        raise ActionError(MISSING_CONVERSATION_ID)
    conversation_id, members = await require_member(request.conversation_id, caller, context)
    page, has_more = await _page(conversation_id, None, request.limit, context)
    await mark_shown(conversation_id, page, caller, context, members)
    return _loaded(conversation_id, page, has_more=has_more)


@action("load_more_messages", LoadMoreMessages, reply="messages_loaded", result=MessagesLoaded, faults=_LOAD_MORE)
async def load_more_messages(request: LoadMoreMessages, caller: Caller, context: Context) -> Outcome:
    """Read the messages before one that the client has."""
    if not request.conversation_id or not request.before_message_id:
        raise ActionError(_BEFORE_REQUIRED)
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    before_id = canonical_uuid(request.before_message_id)
    if before_id is None:
        raise ActionError(_BEFORE_NOT_FOUND)
    before = await context.store.messages.position(conversation_id, MessageId(before_id))
    if before is None:
        raise ActionError(_BEFORE_NOT_FOUND)
    page, has_more = await _page(conversation_id, before, request.limit, context)
    return _loaded(conversation_id, page, has_more=has_more)


def _deliver(reservation: Reservation, message: Message, members: frozenset[UserId], context: Context) -> None:
    if message.deleted_at is not None:
        reservation.abandon()  # a repeated send of what was deleted meanwhile
        return
    # Looked up again: somebody may have been removed while the write was on its way.
    current = context.members.known(message.conversation_id)
    reservation.settle(MessageSent(message=message), members if current is None else current)


def _metadata(raw: Raw) -> dict[str, object]:
    text = bytes(raw)
    if text == b"null":
        return {}
    if len(text) > MAX_METADATA_BYTES:
        raise ActionError(_METADATA)
    try:
        metadata = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ActionError(_METADATA) from error
    if _is_deeper(metadata, MAX_METADATA_DEPTH):
        raise ActionError(_METADATA)
    return metadata


def _is_deeper(value: object, levels: int) -> bool:
    """Tell whether a value is nested so deep that a reader could fail on it, and with it on the whole page."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


def _message_id(client_message_id: str | None, caller: Caller) -> MessageId | None:
    if not client_message_id:
        return None
    if len(client_message_id) > MAX_CLIENT_MESSAGE_ID_CHARACTERS:
        raise ActionError(_CONTENT_REQUIRED)
    return derived_message_id(caller.identity.user_id, client_message_id)


async def _quote(reply_to_id: str | None, conversation_id: ConversationId, context: Context) -> Quote | None:
    """Return the original; a reply to a message that is not in this conversation is refused (contract F10)."""
    if not reply_to_id:
        return None
    canonical = canonical_uuid(reply_to_id)
    quote = await context.quotes.within(conversation_id, MessageId(canonical)) if canonical else None
    if quote is None:
        raise ActionError(_SEND_FAILED)
    return quote


def _require_same(written: Message, conversation_id: ConversationId, content: str, quote: Quote | None) -> None:
    """Refuse a client message id used again for something else: it would answer with the earlier message."""
    is_same = written.conversation_id == conversation_id and written.reply_to_id == (quote.id if quote else None)
    if not is_same or (written.content != content and written.edited_at is None):
        raise ActionError(_SEND_FAILED)


async def _page(
    conversation_id: ConversationId, before: Position | None, limit: int | None, context: Context
) -> tuple[Sequence[Message], bool]:
    """Return a page and whether there is more."""
    size = max(1, min(limit if limit is not None else DEFAULT_PAGE, MAX_PAGE))
    # One more than asked for tells whether there is more (contract F26: only if more exist).
    found = await context.store.messages.page(conversation_id, before=before, limit=size + 1, now=context.clock.now())
    page = found[-size:]
    for message in page:
        context.quotes.remember(message)
    return page, len(found) > size


def _loaded(conversation_id: ConversationId, page: Sequence[Message], *, has_more: bool) -> Outcome:
    return Outcome(result=MessagesLoaded([message_row(message) for message in page], conversation_id, has_more))

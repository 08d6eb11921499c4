"""Sending: plain text, or one sealed copy for each recipient."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import partial
from typing import Annotated

import structlog
from msgspec import Meta, Raw, Struct, field
from msgspec.structs import replace

from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.metadata import METADATA_MALFORMED, read_metadata
from bridge.actions.recipients import SEALED_MALFORMED, read_sealed, recipients_of
from bridge.actions.registry import REQUIRED, Faults, action
from bridge.actions.undoing import undone_on_failure
from bridge.content import NOTHING
from bridge.errors import ACCESS_DENIED, UNAUTHORIZED, ActionError, ErrorCode, Fault, StoreError
from bridge.events import MessageSent, message_key
from bridge.ids import canonical_uuid, derived_message_id, new_message_id
from bridge.models import ContentState, ConversationId, Message, MessageId, NewMessage, Quote, UserId
from bridge.reservations import Reservation
from bridge.rows import Id, MessageRow, message_row
from bridge.sealed import Copies

MAX_CLIENT_MESSAGE_ID_CHARACTERS = 200
ANNOUNCEMENT = "system"
"""The type of messages that nobody typed."""

_SEND_FAILED = Fault(ErrorCode.DATABASE_ERROR, "Failed to send message")
_COPIES_FAILED = Fault(ErrorCode.DATABASE_ERROR, "Failed to create encrypted message copies")
_CONTENT_REQUIRED = Fault(ErrorCode.MISSING_REQUIRED_FIELDS, "Conversation ID and content are required")
_KEY_INVALID = Fault(
    ErrorCode.INVALID_DATA, f"clientMessageId must be a text of at most {MAX_CLIENT_MESSAGE_ID_CHARACTERS} characters"
)
_NOT_FOR_CLIENTS = Fault(ErrorCode.INVALID_DATA, "Messages of type system are written by the bridge only")
_SEALED_REQUIRED = Fault(ErrorCode.MISSING_REQUIRED_FIELDS, "Conversation ID and encrypted contents are required")

_SEND = Faults(
    unauthenticated=UNAUTHORIZED,
    malformed=_CONTENT_REQUIRED,
    database=_SEND_FAILED,
    unexpected=Fault(ErrorCode.SERVER_ERROR, "Failed to send message"),
    fields={"clientMessageId": _KEY_INVALID, "messageType": _SEND_FAILED, "replyToId": _SEND_FAILED},
)
log = structlog.get_logger(__name__)


def _null() -> Raw:
    return Raw(b"null")


class SendMessage(Struct, frozen=True, rename="camel"):
    """Request of send_message: `content`, or `encryptedContents` with a sealed copy for each recipient."""

    conversation_id: Annotated[Id, REQUIRED] = ""
    content: Annotated[str | None, Meta(description="The text; not empty.")] = None
    encrypted_contents: Annotated[
        Raw,
        Meta(
            description="Sealed copies by the recipients' user ids; the text, if any, is not looked at then.",
            extra_json_schema={"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        ),
    ] = field(default_factory=_null)
    message_type: Annotated[
        str | None, Meta(description="`text` unless given; what the table allows, but not `system`.")
    ] = None
    reply_to_id: Annotated[Id | None, Meta(description="A message of the same conversation.")] = None
    metadata: Annotated[
        Raw,
        Meta(description="Kept and shown with the message.", extra_json_schema={"type": ["object", "null"]}),
    ] = field(default_factory=_null)
    client_message_id: Annotated[
        str | None,
        Meta(
            description="Chosen by the client, new for each message: a send repeated with it is the same message.",
            extra_json_schema={"maxLength": MAX_CLIENT_MESSAGE_ID_CHARACTERS},
        ),
    ] = None

    @property
    def is_sealed(self) -> bool:
        """Tell whether this is the form of the clients that seal; then no plain content counts."""
        return bytes(self.encrypted_contents) != b"null"


class MessageWritten(Struct, frozen=True):
    """Result of send_message."""

    message: MessageRow


@action(
    "send_message",
    SendMessage,
    reply="message_sent",
    result=MessageWritten,
    faults=_SEND,
    refusals=[
        _SEALED_REQUIRED,
        SEALED_MALFORMED,
        _NOT_FOR_CLIENTS,
        ACCESS_DENIED,
        METADATA_MALFORMED,
        _SEND_FAILED,
        _COPIES_FAILED,
    ],
)
async def send_message(request: SendMessage, caller: Caller, context: Context) -> Outcome:
    """Write a message and, once the sender has its answer, deliver it to every member."""
    sealed = _require_content(request)
    if request.message_type == ANNOUNCEMENT:
        raise ActionError(_NOT_FOR_CLIENTS)  # nobody could tell it from what the bridge says (announcing)
    conversation_id, members = await require_member(request.conversation_id, caller, context)
    metadata = read_metadata(request.metadata)
    quote = await _quote(request.reply_to_id, conversation_id, context)
    copies = await _copies(sealed, members, quote, context)
    created_at = context.times.next(conversation_id)
    new = NewMessage(
        id=_message_id(request.client_message_id, caller) or new_message_id(created_at),
        conversation_id=conversation_id,
        sender_id=caller.identity.user_id,
        reply_to_id=quote.id if quote else None,
        message_type=request.message_type or "text",
        content=NOTHING.text if sealed is not None else request.content or "",
        metadata=metadata,
        created_at=created_at,
    )
    # Reserved before the write: its echo may come back through the feed before the write itself returns (F29).
    reservation = context.hub.reserve(conversation_id, message_key(new.id), created_at)
    try:
        written, own = await _write(new, copies.own, reservation, context)
        members = await members_by_now(conversation_id, members, context)
        message = replace(written, sender=caller.profile, reply_to=quote)
        context.quotes.remember(message)
        context.message_states.place(message.id, conversation_id)
        caller.rooms.typing.discard(conversation_id)
        context.typing.end(conversation_id, caller.identity.user_id)
        event = MessageSent(message=message, copies=_by_message(new.id, own, copies.of_quote))
        result = MessageWritten(message_row(event.seen_by(caller.identity).message))
    except BaseException:
        # Whatever it is: a place that is never given up holds up its conversation for ever.
        reservation.abandon()
        raise
    deliver = partial(deliver_written, reservation, event, members, context)
    return Outcome(result=result, then=deliver)


async def members_by_now(
    conversation_id: ConversationId, members: frozenset[UserId], context: Context
) -> frozenset[UserId]:
    """Return who is a member, now that the message is written; who came in before that has not loaded it.

    Nothing is asked unless what was known has become unknown meanwhile.
    """
    try:
        return await context.members.of(conversation_id)
    except StoreError as error:
        # The message is written, so there is nobody to report a failure to.
        log.warning("send_message.members_unread", cause=type(error).__name__, detail=str(error))
        return members


class _Sealed(Struct, frozen=True):
    """The copies of a message to be sent (None: it is plain), and those of the original that it replies to."""

    own: Mapping[UserId, str] | None
    of_quote: Copies


def _by_message(message_id: MessageId, own: Mapping[UserId, str] | None, of_quote: Copies) -> Copies:
    return of_quote if own is None else {**of_quote, message_id: own}


def _require_content(request: SendMessage) -> Mapping[str, str] | None:
    """Return the sealed copies as they came, or None where the content is plain."""
    if request.is_sealed:
        if not request.conversation_id:
            raise ActionError(_SEALED_REQUIRED)
        return read_sealed(request.encrypted_contents)
    if not request.conversation_id or not request.content:
        raise ActionError(_CONTENT_REQUIRED)
    return None


async def _copies(
    sealed: Mapping[str, str] | None, members: Set[UserId], quote: Quote | None, context: Context
) -> _Sealed:
    own: Mapping[UserId, str] | None = None
    if sealed is not None:
        if not context.store.copies.available:
            raise ActionError(_COPIES_FAILED)
        own = await recipients_of(sealed, members, context)
        if not own:
            raise ActionError(SEALED_MALFORMED)
    of_quote: Copies = {}
    if quote is not None and quote.state is not ContentState.PLAIN:
        of_quote = await context.store.copies.of([quote.id], context.clock.now())
    return _Sealed(own, of_quote)


async def _write(
    new: NewMessage, copies: Mapping[UserId, str] | None, reservation: Reservation, context: Context
) -> tuple[Message, Mapping[UserId, str] | None]:
    """Write the row and, where it is sealed, its copies: both or neither (contract F49); return what is stored."""
    if copies is None:
        written = await context.store.messages.insert(new)
        _require_same(written, new)
        return written, None
    async with undone_on_failure("send_message", partial(_withdraw, new, reservation, context)):
        written = await context.store.messages.insert(new)
        _require_same(written, new)
        try:
            await context.store.copies.seal(new.id, copies)
            if written.created_at != new.created_at:  # a repeat: it may have been sealed anew, the first copies stay
                stored = await context.store.copies.of([new.id], context.clock.now())
                copies = stored.get(new.id, {})
        except StoreError as error:
            log.warning("send_message.not_sealed", cause=type(error).__name__, detail=str(error))
            raise ActionError(_COPIES_FAILED) from error
    return written, copies


async def _withdraw(new: NewMessage, reservation: Reservation, context: Context) -> None:
    """Take a row back, and its echo: the feed may have told of it before."""
    if await context.store.messages.withdraw(new):
        reservation.forget_echo()


def deliver_written(reservation: Reservation, event: MessageSent, members: frozenset[UserId], context: Context) -> None:
    """Deliver what was written, to those who are members now."""
    context.usage.wrote("messages", event.topic, event.message.id, by_bridge=True)
    if event.message.deleted_at is not None:
        reservation.abandon()  # a repeated send of what was deleted meanwhile
        return
    # Looked up again: somebody may have been removed while the write was on its way.
    current = context.members.known(event.topic)
    if reservation.is_new(event):
        context.message_states.regain(event.message.id)  # a repeated send of what is gone altogether
    reservation.settle(event, members if current is None else current)


def _message_id(client_message_id: str | None, caller: Caller) -> MessageId | None:
    if not client_message_id:
        return None
    if len(client_message_id) > MAX_CLIENT_MESSAGE_ID_CHARACTERS:
        raise ActionError(_KEY_INVALID)
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


def _require_same(written: Message, new: NewMessage) -> None:
    """Refuse a client message id used again for something else: it would answer with the earlier message."""
    is_same = (written.conversation_id, written.reply_to_id) == (new.conversation_id, new.reply_to_id)
    if not is_same or (written.content != new.content and written.edited_at is None):
        raise ActionError(_SEND_FAILED)

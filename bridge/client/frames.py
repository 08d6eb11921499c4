"""The wire as a client sees it: requests to text, text to frames and pushes. No I/O (contract ws-protocol 2 and 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from bridge.client.errors import RequestRefused, UnexpectedReply
from bridge.clock import wire_time
from bridge.rows import ConversationRow, GroupRow, MadeConversationRow, MessageRow, UserRow

T = TypeVar("T")


class BrokenFrame(Exception):
    """What arrived is no frame of the protocol; the text says why, without quoting it."""


class Frame(Struct, frozen=True):
    """An envelope from the server; its payload is decoded by whoever knows its type."""

    type: str
    payload: Raw
    requestId: str | None = None  # noqa: N815  # the wire's own name


class Credentials(Struct, frozen=True, omit_defaults=True):
    """Payload of auth."""

    token: str
    capabilities: Sequence[str] = ()
    cursor: str | None = None


class Nothing(Struct, frozen=True):
    """Payload of requests without fields."""


class InConversation(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Payload of requests about a conversation; what is None is absent on the wire."""

    conversation_id: str
    content: str | None = None
    message_type: str | None = None
    reply_to_id: str | None = None
    metadata: Mapping[str, object] | None = None
    client_message_id: str | None = None
    before_message_id: str | None = None
    limit: int | None = None


class NewConversation(Struct, frozen=True, omit_defaults=True):
    """Payload of create_conversation, in the shape that names the type; what is None is absent on the wire."""

    type: str
    participant_ids: Sequence[str]
    name: str | None = None
    group_id: str | None = None


class NewGroup(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Payload of create_group; what is None is absent on the wire."""

    name: str
    description: str | None = None
    is_public: bool = False


class InviteCode(Struct, frozen=True, rename="camel"):
    """Payload of join_group."""

    invite_code: str


class Authenticated(Struct, frozen=True):
    """Payload of auth_success; a bridge that knows no cursors gives none."""

    user: UserRow
    cursor: str | None = None
    resumed: bool = False


class ConversationsLoaded(Struct, frozen=True):
    """Payload of conversations_loaded."""

    conversations: tuple[ConversationRow, ...]


class ConversationNamed(Struct, frozen=True, rename="camel"):
    """Payload of conversation_joined and conversation_left."""

    conversation_id: str


class ConversationCreated(Struct, frozen=True):
    """Payload of conversation_created."""

    conversation: MadeConversationRow


class GroupCreated(Struct, frozen=True):
    """Payload of group_created."""

    group_id: str
    room_id: str
    invite_code: str


class GroupJoined(Struct, frozen=True):
    """Payload of group_joined; the rooms are those that one came into just now."""

    success: bool
    group_id: str
    message: str
    room_ids: tuple[str, ...]


class GroupsLoaded(Struct, frozen=True):
    """Payload of groups_loaded."""

    groups: tuple[GroupRow, ...]


class MessageSent(Struct, frozen=True):
    """Payload of message_sent."""

    message: MessageRow


class MessagesLoaded(Struct, frozen=True, rename="camel"):
    """Payload of messages_loaded, oldest first; `has_more` is None where the server does not say."""

    messages: tuple[MessageRow, ...]
    conversation_id: str
    has_more: bool | None = None


class MessageReceived(Struct, frozen=True):
    """Push: a message now exists; sent by anybody, oneself included."""

    message: MessageRow


class OtherPush(Struct, frozen=True):
    """Push of a type that this client has no use for; kept, so that tools can look at it."""

    type: str
    payload: Raw


Push = MessageReceived | OtherPush


class _Refusal(Struct, frozen=True):
    error: str
    code: str


class _Request(Struct, frozen=True):
    type: str
    payload: object
    requestId: str  # noqa: N815  # the wire's own name
    timestamp: str


_encoder: Final = msgspec.json.Encoder()
_frames: Final = msgspec.json.Decoder(Frame)
_refusals: Final = msgspec.json.Decoder(_Refusal)
_messages_received: Final = msgspec.json.Decoder(MessageReceived)


class Answer(Generic[T]):
    """What a request's reply must look like; made once per action, for making decoders is dear."""

    def __init__(self, reply_type: str, shape: type[T]) -> None:
        self._type = reply_type
        self._decoder = msgspec.json.Decoder(shape)

    def read(self, action: str, frame: Frame) -> T:
        """Return the payload of an accepted reply.

        Raises:
            UnexpectedReply: another type or shape.

        """
        if frame.type != self._type:
            raise UnexpectedReply(action, f"{frame.type} instead of {self._type}")
        try:
            return self._decoder.decode(frame.payload)
        except (msgspec.DecodeError, RecursionError) as error:
            raise UnexpectedReply(action, f"{self._type} of an unknown shape") from error


AUTHENTICATED: Final = Answer("auth_success", Authenticated)
CONVERSATIONS: Final = Answer("conversations_loaded", ConversationsLoaded)
JOINED: Final = Answer("conversation_joined", ConversationNamed)
CREATED: Final = Answer("conversation_created", ConversationCreated)
GROUP_CREATED: Final = Answer("group_created", GroupCreated)
GROUP_JOINED: Final = Answer("group_joined", GroupJoined)
GROUPS: Final = Answer("groups_loaded", GroupsLoaded)
LEFT: Final = Answer("conversation_left", ConversationNamed)
SENT: Final = Answer("message_sent", MessageSent)
MESSAGES: Final = Answer("messages_loaded", MessagesLoaded)
PONG: Final = Answer("pong", Nothing)


def accepted(action: str, frame: Frame) -> Frame:
    """Return a reply unless it is a refusal, whatever its type (contract ws-protocol section 2).

    Raises:
        RequestRefused: the reply is an error.
        UnexpectedReply: it is an error that cannot be read.

    """
    if frame.type != "error":
        return frame
    try:
        refusal = _refusals.decode(frame.payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnexpectedReply(action, "an error of an unknown shape") from error
    raise RequestRefused(refusal.code, refusal.error)


def encode_request(action: str, payload: object, request_id: str, now: datetime) -> str:
    """Encode one command."""
    return _encoder.encode(_Request(action, payload, request_id, wire_time(now))).decode()


def decode_frame(text: str | bytes) -> Frame:
    """Read one frame from the server.

    Raises:
        BrokenFrame: binary, not JSON, or no envelope.

    """
    if not isinstance(text, str):
        raise BrokenFrame("the server sent a binary frame")
    try:
        return _frames.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise BrokenFrame("the server sent a frame that is no envelope") from error


def decode_push(frame: Frame) -> Push:
    """Read what nobody asked for; types of later protocol versions pass as OtherPush.

    Raises:
        BrokenFrame: a known type with a payload of another shape.

    """
    if frame.type != "message_received":
        return OtherPush(frame.type, frame.payload)
    try:
        return _messages_received.decode(frame.payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BrokenFrame("the server sent a message_received of an unknown shape") from error

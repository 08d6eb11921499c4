"""The wire: text to Command, Reply and Push to text. No I/O and no await (contract ws-protocol sections 2 and 3)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct

from bridge.clock import wire_time
from bridge.errors import ErrorCode, Fault

_OF_EVERY_CLIENT: Final = """
    auth auth_success auth_error load_conversations conversations_loaded join_conversation leave_conversation
    conversation_joined conversation_left create_conversation conversation_created send_message message_sent
    message_received load_messages messages_loaded load_more_messages typing_start typing_stop typing_update
    create_group group_created join_group group_joined load_groups groups_loaded user_online user_offline error
    ping pong
"""
_OF_LATER_STEPS: Final = """
    key_share key_request key_response key_init call_offer call_answer call_decline call_end call_ice_candidate
    call_sdp_offer call_sdp_answer call_status ml_kem_call_offer ml_kem_call_answer ml_kem_key_rotation
    ml_kem_key_rotation_response ml_kem_key_rotation_complete
"""
_OF_THE_BRIDGE: Final = """
    mark_as_read marked_as_read messages_read
    load_presence presence_loaded set_presence presence_set presence_changed connection_status
    message_updated message_deleted
    conversation_added conversation_changed conversation_removed member_added member_removed
    load_participants participants_loaded add_participants participants_added search_users users_found
    load_conversation_timer conversation_timer_loaded set_conversation_timer conversation_timer_set
    set_own_timer own_timer_set load_retention retention_loaded set_retention retention_set
    update_profile profile_updated
    rollout_changed
"""
LISTED_TYPES: Final = frozenset(" ".join((_OF_EVERY_CLIENT, _OF_LATER_STEPS, _OF_THE_BRIDGE)).split())
"""Types that make a valid envelope; whether one is an action is the registry's business."""

_EMPTY_OBJECT: Final = Raw(b"{}")


class Command(Struct, frozen=True, kw_only=True):
    """An envelope from a client; `request_id` is None where the client sent null or an empty text."""

    type: str
    payload: Raw
    request_id: str | None


class BadFrame(Exception):
    """The frame is no valid envelope; `request_id` is the frame's own where one can be read (contract F23)."""

    def __init__(self, request_id: str | None = None) -> None:
        super().__init__("bad frame")
        self.request_id = request_id


class _Envelope(Struct, frozen=True):
    type: str
    payload: Raw
    requestId: str | None  # noqa: N815  # the wire's own name
    timestamp: str


class _Outgoing(Struct, frozen=True):
    type: str
    payload: object
    requestId: str  # noqa: N815  # the wire's own name
    timestamp: str


class ErrorPayload(Struct, frozen=True):
    """The payload of an `error` frame; requestId is null only where the frame had no readable one."""

    error: str
    code: ErrorCode
    requestId: str | None  # noqa: N815  # the wire's own name


_decoder: Final = msgspec.json.Decoder(_Envelope)
_encoder: Final = msgspec.json.Encoder()


def decode(text: str) -> Command:
    """Read one text frame.

    Raises:
        BadFrame: not JSON, not an object, a field missing or of the wrong type, or a type that is not listed.

    """
    try:
        envelope = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise BadFrame(_readable_request_id(text)) from None
    if envelope.type not in LISTED_TYPES or not envelope.timestamp:
        raise BadFrame(envelope.requestId or None)
    return Command(
        type=envelope.type,
        payload=_object(envelope.payload, envelope.requestId),
        request_id=envelope.requestId or None,
    )


def _object(payload: Raw, request_id: str | None) -> Raw:
    """Let objects and arrays pass, as the clients' validators do; an array holds no field, so it reads as empty."""
    first = bytes(payload)[:1]
    if first == b"{":
        return payload
    if first == b"[":
        return _EMPTY_OBJECT
    raise BadFrame(request_id or None)


def _readable_request_id(text: str) -> str | None:
    # The lenient parser: it also reads half an emoji (a lone surrogate), which browsers do send as an escape. As float,
    # because an int of thousands of digits is an error. An id that is itself half an emoji could not be sent back.
    try:
        frame = json.loads(text, parse_int=float)
        request_id = frame.get("requestId") if isinstance(frame, dict) else None
        return request_id if isinstance(request_id, str) and request_id.encode() else None
    except (ValueError, RecursionError):
        return None


def reply(reply_type: str, payload: object, request_id: str, now: datetime) -> str:
    """Answer one command with its request id."""
    return _encode(reply_type, payload, request_id, now)


def error(fault: Fault, request_id: str | None, fresh_id: str, now: datetime) -> str:
    """Refuse one command; without a readable request id the envelope carries a fresh one."""
    refusal = ErrorPayload(error=fault.text, code=fault.code, requestId=request_id)
    return _encode("error", refusal, request_id or fresh_id, now)


def push(push_type: str, payload: object, fresh_id: str, now: datetime) -> str:
    """Tell what nobody asked for; W1 drops a frame without request id, so it carries a fresh one (contract F15)."""
    return _encode(push_type, payload, fresh_id, now)


def _encode(frame_type: str, payload: object, request_id: str, now: datetime) -> str:
    return _encoder.encode(_Outgoing(frame_type, payload, request_id, wire_time(now))).decode()

"""The frame that tells clients of an event."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.events import MessageSent
from bridge.pushes import encode_push
from tests.emulated_w1 import read_frame
from tests.people import BIRTH, ROOM, B, message

FRESH = "ffffffff-0000-4000-8000-000000000000"


def test_a_new_message_is_told_with_all_that_a_client_shows() -> None:
    """The whole message under a fresh request id, which W1 needs (contract F15)."""
    frame = read_frame(encode_push(MessageSent(message=replace(message(1), sender=B.profile)), FRESH, BIRTH))
    assert (frame.type, frame.request_id, frame.timestamp) == ("message_received", FRESH, "2026-01-01T00:00:00.000Z")
    assert frame.payload.keys() == {"message"}
    shown = frame.payload["message"]
    assert (shown["encrypted_content"], shown["conversation_id"]) == ("legacy 1", ROOM)
    assert shown["sender"]["username"] == "b"

"""Which frame tells clients of an event."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from bridge import protocol
from bridge.events import Event
from bridge.rows import MessageRow, message_row


class MessageReceived(Struct, frozen=True):
    """Payload of `message_received`."""

    message: MessageRow


def encode_push(event: Event, fresh_id: str, now: datetime) -> str:
    """Encode the push of this event, once for all its receivers."""
    return protocol.push("message_received", MessageReceived(message_row(event.message)), fresh_id, now)

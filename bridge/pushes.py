"""Which frame tells clients of an event."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from bridge import protocol
from bridge.clock import row_time
from bridge.events import Event, MessageSent, MessagesRead, TypingChanged
from bridge.rows import MessageRow, message_row


class MessageReceived(Struct, frozen=True):
    """Payload of `message_received`."""

    message: MessageRow


class TypingUpdate(Struct, frozen=True, rename="camel"):
    """Payload of `typing_update`."""

    conversation_id: str
    user_id: str
    username: str
    is_typing: bool


class MessagesReadUpdate(Struct, frozen=True, rename="camel"):
    """Payload of `messages_read`."""

    conversation_id: str
    user_id: str
    message_ids: tuple[str, ...]
    read_at: str | None


def encode_push(event: Event, fresh_id: str, now: datetime) -> str:
    """Encode the push of this event, once for all its receivers."""
    match event:
        case MessageSent(message=message):
            return protocol.push("message_received", MessageReceived(message_row(message)), fresh_id, now)
        case TypingChanged(topic=topic, typist=typist, is_typing=is_typing):
            # The original's fall-back (contract ws-protocol section 4) but for the email, which is nobody's business.
            name = typist.username or typist.display_name
            return protocol.push("typing_update", TypingUpdate(topic, typist.id, name, is_typing), fresh_id, now)
        case MessagesRead(topic=topic, reader_id=reader_id, message_ids=message_ids, read_at=read_at):
            update = MessagesReadUpdate(topic, reader_id, message_ids, row_time(read_at))
            return protocol.push("messages_read", update, fresh_id, now)

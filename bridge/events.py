"""What happened: past-tense facts with a topic and a key, whichever way they became known.

Our own write and its echo from the feed carry the same key; only the hub drops repeats. An event without a key is a
state that replaces itself, like typing: repeating it does no harm, and its owner only tells changes.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from bridge.models import ConversationId, Identity, Message, MessageId, Profile, UserId
from bridge.sealed import Copies, lacking, opened


class MessageSent(Struct, frozen=True, kw_only=True):
    """A message now exists; what is sealed in it is seen by each recipient as its own copy."""

    message: Message
    copies: Copies = {}

    @property
    def topic(self) -> ConversationId:
        """Return what the event is about."""
        return self.message.conversation_id

    @property
    def key(self) -> str | None:
        """Return what makes a repeat recognisable."""
        return message_key(self.message.id)

    def seen_by(self, viewer: Identity) -> MessageSent:
        """Return the event as one recipient sees it."""
        return MessageSent(message=opened(self.message, self.copies, viewer))


class TypingChanged(Struct, frozen=True, kw_only=True):
    """Somebody began or ceased to type."""

    topic: ConversationId
    typist: Profile
    is_typing: bool

    @property
    def key(self) -> str | None:
        """Return None: only changes are told, and the last one counts."""
        return None


class MessagesRead(Struct, frozen=True, kw_only=True):
    """Somebody has read messages of others."""

    topic: ConversationId
    reader_id: UserId
    message_ids: tuple[MessageId, ...]
    read_at: datetime

    @property
    def key(self) -> str | None:
        """Return None: `bridge.receipts` knows what is news, row by row."""
        return None


Event = MessageSent | TypingChanged | MessagesRead


def is_personal(event: Event) -> bool:
    """Tell whether each recipient sees something of its own in this event."""
    return isinstance(event, MessageSent) and bool(lacking(event.message))


def message_key(message_id: MessageId) -> str:
    """Return the key of the sending of this message."""
    return f"sent:{message_id}"

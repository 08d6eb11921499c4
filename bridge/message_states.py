"""Where messages are, and as what each was told last: a deleted row is known by its key only, an edited one as a whole.

Bounded. A state that was forgotten is told again, which does no harm, for it replaces itself; a place that was
forgotten means that a hard deletion is not told.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
from msgspec.structs import replace

from bridge.models import ConversationId, Message, MessageId
from bridge.recent import Recent

CAPACITY = 100_000

_DELETED: Final = b"deleted"
_encoder: Final = msgspec.json.Encoder(order="deterministic")


class MessageStates:
    """What is known of messages that were delivered, loaded or changed lately."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._places: Recent[MessageId, ConversationId] = Recent(capacity)
        self._told: Recent[MessageId, bytes] = Recent(capacity)
        self._deleted: Recent[MessageId, bool] = Recent(capacity)

    def place(self, message_id: MessageId, conversation_id: ConversationId) -> None:
        """Remember in which conversation a message is.

        Not as what it was shown: one socket may have loaded what another has yet to be told of.
        """
        self._places.put(message_id, conversation_id)

    def place_of(self, message_id: MessageId) -> ConversationId | None:
        """Return the conversation of a message that was seen lately."""
        return self._places.get(message_id)

    def lose(self, message_id: MessageId) -> None:
        """Remember that a message is deleted, whether or not anybody is told."""
        self._deleted.put(message_id, True)  # only the key matters

    def regain(self, message_id: MessageId) -> None:
        """Take in that a message is there that was deleted: restored, or written anew."""
        self._deleted.discard(message_id)

    def is_lost(self, message_id: MessageId) -> bool:
        """Tell whether a message was deleted lately: whoever has missed it is not to see it now."""
        return message_id in self._deleted

    def is_news(self, message: Message) -> bool:
        """Tell whether the row differs from what was told last, and take it as told."""
        return self._differs(message.id, _digest(message))

    def is_deletion_news(self, message_id: MessageId) -> bool:
        """Tell whether nobody was told yet that a message is deleted, and take it as told."""
        return self._differs(message_id, _DELETED)

    def _differs(self, message_id: MessageId, state: bytes) -> bool:
        if self._told.get(message_id) == state:
            return False
        self._told.put(message_id, state)
        return True


def _digest(message: Message) -> bytes:
    """Return a short mark of the row, without what is shown beside it."""
    row = replace(message, sender=None, reply_to=None)
    return hashlib.blake2b(_encoder.encode(row), digest_size=16).digest()

"""Which receipts have been told already: one per message and reader, whichever way it became known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bridge.events import MessagesRead
from bridge.hub import Hub
from bridge.models import ConversationId, MessageId, UserId
from bridge.recent import Recent

CAPACITY = 100_000


class Receipts:
    """Publishes what has been read, each message once for each reader."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._told: Recent[tuple[MessageId, UserId], bool] = Recent(CAPACITY)

    def is_told(self, message_id: MessageId, reader_id: UserId) -> bool:
        """Tell whether this receipt would be a repeat."""
        return (message_id, reader_id) in self._told

    def tell(
        self,
        conversation_id: ConversationId,
        reader_id: UserId,
        message_ids: Sequence[MessageId],
        read_at: datetime,
        members: frozenset[UserId],
    ) -> None:
        """Tell the members, the reader's other devices included; what was told before is left out."""
        news = tuple(one for one in message_ids if not self.is_told(one, reader_id))
        for message_id in news:
            self._told.put((message_id, reader_id), True)  # only the key matters
        if news:
            event = MessagesRead(topic=conversation_id, reader_id=reader_id, message_ids=news, read_at=read_at)
            self._hub.publish(event, members)

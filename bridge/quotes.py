"""Originals of replies, kept for a while: whoever replies has usually just been shown the original by us."""

from __future__ import annotations

from bridge.clock import Clock
from bridge.content import NOTHING
from bridge.models import ContentState, ConversationId, Message, MessageId, Quote
from bridge.recent import Recent
from bridge.store.messages import MessageStore

CAPACITY = 20_000
MAX_CONTENT_CHARACTERS = 4_096
MAX_AGE_SECONDS = 300.0
CHANGE_REMEMBERED_SECONDS = 60.0
"""Longer than a page is on its way that was read before the change."""


class Quotes:
    """What a reply to a message shows."""

    def __init__(self, store: MessageStore, clock: Clock) -> None:
        self._store = store
        self._quotes: Recent[MessageId, Quote] = Recent(CAPACITY, clock=clock, max_age_seconds=MAX_AGE_SECONDS)
        self._changed: Recent[MessageId, bool] = Recent(
            CAPACITY, clock=clock, max_age_seconds=CHANGE_REMEMBERED_SECONDS
        )

    def remember(self, message: Message) -> None:
        """Keep a message that was read or written anyway, unless it is deleted or too long to be kept by thousands.

        Of a sealed one nothing is kept but that it is sealed: what we have is one reader's copy. Nor is one kept that
        has changed a moment ago: what was read may be older than that.
        """
        is_plain = message.state is ContentState.PLAIN
        content = message.content if is_plain else NOTHING.text
        is_current = message.deleted_at is None and message.id not in self._changed
        if is_current and len(content) <= MAX_CONTENT_CHARACTERS:
            self._quotes.put(
                message.id,
                Quote(
                    id=message.id,
                    conversation_id=message.conversation_id,
                    sender_id=message.sender_id,
                    content=content,
                    state=message.state if is_plain else NOTHING.state,
                ),
            )

    def forget(self, message_id: MessageId) -> None:
        """Read the original anew when next it is quoted: it was edited or deleted."""
        self._quotes.discard(message_id)
        self._changed.put(message_id, True)  # only the key matters

    def forget_all(self) -> None:
        """Read all of them anew: after a gap nobody knows which were edited or deleted."""
        self._quotes.clear()

    async def within(self, conversation_id: ConversationId, message_id: MessageId) -> Quote | None:
        """Return the original if it is in this conversation; a reply must not leak another one (contract F10).

        Raises:
            StoreError: it is not known and cannot be read.

        """
        quote = self._quotes.get(message_id) or await self._store.quote(message_id)
        return quote if quote is not None and quote.conversation_id == conversation_id else None

"""Messages that others edited or deleted: told to the members whose clients asked for that, each change once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from bridge.actions.context import Context
from bridge.capabilities import Capability
from bridge.errors import StoreUnreadable
from bridge.events import MessageDeleted, MessageUpdated, message_key
from bridge.feed.changes import MessageRowDeleted, MessageWritten
from bridge.models import ConversationId, Message, MessageId
from bridge.relay.messages import MessageRelay
from bridge.sealed import lacking

MAY_STILL_ARRIVE = timedelta(hours=1)
"""Longer than any message is on its way."""

log = structlog.get_logger(__name__)


class MessageChangeRelay:
    """Tells that messages are not as they were."""

    def __init__(self, context: Context, messages: MessageRelay) -> None:
        self._context = context
        self._messages = messages

    async def take(self, change: MessageWritten | MessageRowDeleted) -> None:
        """Take in a change of a row; an edited one is read, for a change may come without its large columns.

        Raises:
            StoreError: the row, or who is a member, cannot be read.

        """
        self._context.quotes.forget(change.id)
        if isinstance(change, MessageRowDeleted):
            await self._lost_row(change.id)
        elif change.deleted_at is not None:
            await self._deleted(change.id, change.conversation_id, change.created_at, change.deleted_at)
        else:
            await self._take_as_there(change.id)
            if await self.is_wanted(change.conversation_id):
                await self.read_and_relay([change.id])

    async def _take_as_there(self, message_id: MessageId) -> None:
        """Take back what a deletion has left behind: whoever restored the message wants it to be seen."""
        self._context.message_states.regain(message_id)
        if self._context.hub.restore(message_key(message_id)):
            await self._messages.read_and_relay([message_id])

    async def read_and_relay(self, ids: Sequence[MessageId]) -> None:
        """Read rows and tell what is news; one that cannot be read does not keep the others from it.

        Raises:
            StoreError: the rows, or who is a member, cannot be read.

        """
        try:
            messages = await self._context.store.messages.by_ids(ids)
        except StoreUnreadable as error:
            await self._halve(ids, error)
            return
        for message in messages:
            self._context.quotes.forget(message.id)
            if message.deleted_at is None:
                await self._edited(message)
            else:
                await self._deleted(message.id, message.conversation_id, message.created_at, message.deleted_at)

    async def row_gone(self, message_id: MessageId, conversation_id: ConversationId) -> None:
        """Tell that a row is gone, unless its whole conversation is.

        Raises:
            StoreError: who is a member cannot be read.

        """
        self._context.quotes.forget(message_id)
        if not self._context.lists.is_gone(conversation_id):
            self._context.hub.pass_over(message_key(message_id))
            await self._tell_deletion(message_id, conversation_id, None)

    async def _halve(self, ids: Sequence[MessageId], error: StoreUnreadable) -> None:
        if len(ids) == 1:
            log.warning("relay.change_unreadable", message_id=ids[0], detail=str(error))
            return
        middle = len(ids) // 2
        await self.read_and_relay(ids[:middle])
        await self.read_and_relay(ids[middle:])

    async def _edited(self, message: Message) -> None:
        """Tell of an edit; the sender is or was a member, else the message was not shown either (contract F7)."""
        members = await self._context.members.of(message.conversation_id)
        senders = members | await self._context.members.former(message.conversation_id)
        self._context.message_states.place(message.id, message.conversation_id)
        if message.sender_id not in senders:
            log.info("relay.change_declined", message_id=message.id)
        elif self._context.message_states.is_news(message):
            whole = await self._messages.whole(message)
            lacked = lacking(whole)
            copies = await self._context.store.copies.of(lacked, self._context.clock.now()) if lacked else {}
            event = MessageUpdated(message=whole, copies=copies)
            self._context.hub.publish(event, members, after=message_key(message.id))

    async def _deleted(
        self, message_id: MessageId, conversation_id: ConversationId, created_at: datetime, deleted_at: datetime
    ) -> None:
        """Tell of a deletion; if the message is on its way still, it arrives nowhere.

        For old ones nothing is remembered: a purge would push out what was delivered a moment ago.
        """
        self._context.message_states.place(message_id, conversation_id)
        if created_at > self._context.clock.now() - MAY_STILL_ARRIVE:
            self._context.hub.pass_over(message_key(message_id))
        await self._tell_deletion(message_id, conversation_id, deleted_at)

    async def _lost_row(self, message_id: MessageId) -> None:
        conversation_id = self._context.message_states.place_of(message_id)
        if conversation_id is None:
            log.debug("relay.unknown_message_deleted", message_id=message_id)
        else:
            await self.row_gone(message_id, conversation_id)

    async def _tell_deletion(
        self, message_id: MessageId, conversation_id: ConversationId, deleted_at: datetime | None
    ) -> None:
        """Tell the members, whoever its sender was: that gives nothing away."""
        self._context.message_states.lose(message_id)
        if not await self.is_wanted(conversation_id):
            return
        members = await self._context.members.of(conversation_id)
        if self._context.message_states.is_deletion_news(message_id):
            event = MessageDeleted(topic=conversation_id, message_id=message_id, deleted_at=deleted_at)
            self._context.hub.publish(event, members, after=message_key(message_id))

    async def is_wanted(self, conversation_id: ConversationId) -> bool:
        """Tell whether a member is here whose client wants to know; without any such client nothing is asked.

        Raises:
            StoreError: who is a member cannot be read.

        """
        if not self._context.hub.is_understood(Capability.MESSAGE_CHANGES):
            return False
        members = await self._context.members.of(conversation_id)
        return bool(self._context.hub.listeners(members, Capability.MESSAGE_CHANGES))

"""Messages that others wrote, on their way to the members: authorised, enriched, once."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from msgspec.structs import replace

from bridge.actions.context import Context
from bridge.content import JUNK
from bridge.errors import StoreError, StoreUnreadable
from bridge.events import MessageSent, message_key
from bridge.ids import written_by_bridge
from bridge.models import ContentState, Message, MessageId, Quote
from bridge.recent import Recent
from bridge.sealed import Copies, lacking

DECLINED_CAPACITY = 10_000
COPIES_AWAITED_SECONDS = 10.0

log = structlog.get_logger(__name__)


class MessageRelay:
    """Delivers rows of messages, from the feed or from the tables."""

    def __init__(self, context: Context, overlap_seconds: float) -> None:
        self._context = context
        self._overlap_seconds = overlap_seconds
        self._declined: Recent[MessageId, float] = Recent(DECLINED_CAPACITY)
        self._awaited: Recent[MessageId, float] = Recent(DECLINED_CAPACITY)

    async def relay(self, message: Message, *, rescuing: bool = False) -> bool:
        """Deliver a message unless it is known, deleted, or from somebody who is no member.

        Returns whether that settles it; False: it is sealed and its copies are not there yet, so look again soon.
        `rescuing`: the feed ought to have brought it, and did not.

        Raises:
            StoreError: who is a member cannot be read; nothing was delivered.

        """
        if self._context.hub.has_seen(message_key(message.id)):
            return True
        by_bridge = written_by_bridge(message.id)
        self._context.usage.wrote("messages", message.conversation_id, message.id, by_bridge=by_bridge)
        if message.deleted_at is not None:
            return True
        if message.content == JUNK and self._context.store.copies.available:
            # Pushed as text, it may be what the app writes beside copies, or what somebody typed: the tables tell.
            message = next(iter(await self._context.store.messages.by_ids([message.id])), message)
        members = await self._context.members.of(message.conversation_id)
        if message.sender_id not in members:
            members = await self._context.members.refreshed(message.conversation_id)
        if message.sender_id not in members:
            # Anybody may insert anywhere under the app's policies; members must not see it (contract F7).
            self._decline(message.id, "not_a_member", "its sender is no member")
            return True
        whole = await self.whole(message)
        copies = await self._copies(whole)
        if copies is None:
            return False
        self._context.quotes.remember(whole)
        self._context.message_states.place(whole.id, whole.conversation_id)
        self._context.hub.publish(MessageSent(message=whole, copies=copies), members)
        if rescuing and self._context.hub.has_seen(message_key(message.id)):
            self._context.measures.rescued.add()
        return True

    async def read_and_relay(self, ids: Sequence[MessageId], *, rescuing: bool = False) -> bool:
        """Read rows and deliver them; one that cannot be read does not keep the others from it.

        Returns whether that settles all of them.

        Raises:
            StoreError: the rows, or who is a member, cannot be read.

        """
        unknown = [one for one in ids if not self._context.hub.has_seen(message_key(one))]
        try:
            messages = await self._context.store.messages.by_ids(unknown) if unknown else []
        except StoreUnreadable as error:
            return await self._halve(unknown, error, rescuing=rescuing)
        return all([await self.relay(message, rescuing=rescuing) for message in messages])

    async def _halve(self, ids: Sequence[MessageId], error: StoreUnreadable, *, rescuing: bool) -> bool:
        """Read the halves by themselves: one row that nobody can read must not hold up all others for ever."""
        if len(ids) == 1:
            self._decline(ids[0], "unreadable", f"it cannot be read: {error}")
            return True
        middle = len(ids) // 2
        halves = (ids[:middle], ids[middle:])
        return all([await self.read_and_relay(half, rescuing=rescuing) for half in halves])

    def _decline(self, message_id: MessageId, kind: str, reason: str) -> None:
        """Do not deliver a message now, nor look at it in every catch-up to come, should its time lie far ahead.

        Within the overlap it is looked at again: the membership of its sender may be committed and not yet seen.
        """
        now = self._context.clock.monotonic()
        first_at = self._declined.get(message_id)
        if first_at is None:
            log.warning("relay.declined", message_id=message_id, reason=reason)
            self._context.measures.declined.add(kind)
            self._declined.put(message_id, now)
        elif now - first_at > self._overlap_seconds:
            self._context.hub.pass_over(message_key(message_id))

    async def _copies(self, message: Message) -> Copies | None:
        """Return the copies that a sealed message, or the original it replies to, needs; None: they are not there yet.

        A writer inserts the row first and its copies a moment later; a row that stays without them is told as it is.
        """
        ids = lacking(message)
        if not ids or not self._context.store.copies.available:
            return {}
        copies = await self._context.store.copies.of(ids, self._context.clock.now())
        if message.state is ContentState.PLAIN or message.id in copies or self._has_waited(message.id):
            return copies
        return None

    def _has_waited(self, message_id: MessageId) -> bool:
        now = self._context.clock.monotonic()
        since = self._awaited.get(message_id)
        if since is None:
            self._awaited.put(message_id, now)
        return since is not None and now - since > COPIES_AWAITED_SECONDS

    async def whole(self, message: Message) -> Message:
        """Return the message with what its row lacks, as far as that can be read (contract F32)."""
        quote = await self._quote(message)
        return replace(message, sender=await self._context.profiles.of(message.sender_id), reply_to=quote)

    async def _quote(self, message: Message) -> Quote | None:
        if message.reply_to_id is None:
            return None
        try:
            return await self._context.quotes.within(message.conversation_id, message.reply_to_id)
        except StoreError as error:
            log.warning("relay.quote_unreadable", cause=type(error).__name__)
            return None

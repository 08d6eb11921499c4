"""Feed to hub: what others wrote reaches members' sockets, and what the feed lost is found in the tables."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from bridge.actions.context import Context
from bridge.errors import StoreError, StoreUnreadable
from bridge.events import MessageSent, message_key
from bridge.feed import Feed, Signal
from bridge.feed.changes import (
    Change,
    MessageInserted,
    MessageUnread,
    ParticipantChanged,
    ParticipantDeleted,
    ReceiptWritten,
    TypingRowChanged,
    Unreadable,
)
from bridge.feed.signals import Live, Lost
from bridge.models import Message, MessageId, Position, Quote
from bridge.recent import Recent
from bridge.tables import moment

PAGE = 1000
ROWS_AT_ONCE = 100
DECLINED_CAPACITY = 10_000
RECONCILE_SECONDS = 30.0
RECONCILE_WHEN_IN_DOUBT_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Relay:
    """Takes signals one by one. Realtime is a hint, the tables are the truth (design decision 7)."""

    def __init__(self, context: Context, feed: Feed, overlap: timedelta) -> None:
        self._context = context
        self._feed = feed
        self._overlap = overlap
        self._complete_until = context.clock.now()
        self._started_at = self._complete_until
        self._declined: Recent[MessageId, float] = Recent(DECLINED_CAPACITY)
        self._in_doubt = True
        self._live = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._turn = asyncio.Lock()
        self._doubt_arose = asyncio.Event()

    @property
    def is_live(self) -> bool:
        """Tell whether changes arrive and nothing is known to be missing."""
        return self._live.is_set() and not self._in_doubt

    async def wait_until_live(self) -> None:
        """Wait until changes arrive and the first catch-up has told old from new."""
        await self._live.wait()
        await self._caught_up.wait()

    async def run(self) -> None:
        """Relay until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._reconcile())

    async def handle(self, signal: Signal) -> None:
        """Take in one signal; what cannot be delivered now is caught up with later."""
        async with self._turn:
            try:
                await self._take(signal)
            except StoreError as error:
                log.warning("relay.postponed", cause=type(error).__name__, detail=str(error))
                self._doubt()

    async def catch_up(self) -> None:
        """Deliver what the tables hold and the hub has not seen, from the last complete moment on."""
        async with self._turn:
            await self._catch_up()

    async def _listen(self) -> None:
        async with aclosing(self._feed.signals()) as signals:
            async for signal in signals:
                try:
                    await self.handle(signal)
                except Exception:
                    # A row that we cannot handle must not make the bridge deaf for all others (supabase.md R4).
                    log.exception("relay.failed", signal=type(signal).__name__)
                    self._doubt()

    async def _reconcile(self) -> None:
        while True:
            await self._until_due()
            try:
                await self.catch_up()
            except StoreError as error:
                log.warning("relay.catch_up_postponed", cause=type(error).__name__, detail=str(error))
                self._doubt()
            except Exception:
                log.exception("relay.catch_up_failed")
                self._doubt()

    async def _until_due(self) -> None:
        """Wait for the slow timer or, in doubt, a moment; further doubts do not put it off, for they may never end."""
        self._doubt_arose.clear()
        if self.is_live:
            try:
                async with asyncio.timeout(RECONCILE_SECONDS):
                    await self._doubt_arose.wait()
            except TimeoutError:
                return
        await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS)

    async def _take(self, signal: Signal) -> None:
        match signal:
            case Live():
                self._context.members.hear(hearing=True)
                self._live.set()
                await self._catch_up()
            case Lost(reason):
                log.warning("feed.lost", reason=reason)
                self._context.members.hear(hearing=False)
                self._live.clear()
                self._doubt()
            case _:
                await self._take_change(signal)

    async def _take_change(self, change: Change) -> None:
        match change:
            case MessageInserted(message):
                await self._relay(message)
            case MessageUnread(message_id):
                await self._read_and_relay([message_id])
            case ParticipantChanged(participant):
                self._context.members.changed(participant)
            case ParticipantDeleted(row_id):
                self._context.members.deleted(row_id)
            case TypingRowChanged():
                await self._relay_typing(change)
            case ReceiptWritten():
                await self._relay_receipt(change)
            case Unreadable(table):
                self._miss(table)

    def _miss(self, table: str) -> None:
        log.warning("relay.unreadable_change", table=table)
        if table != "messages":
            self._context.members.hear(hearing=self._live.is_set())  # somebody may have left: forget who is a member
        self._doubt()

    async def _relay(self, message: Message) -> None:
        if self._context.hub.has_seen(message_key(message.id)) or message.deleted_at is not None:
            return
        members = await self._context.members.of(message.conversation_id)
        if message.sender_id not in members:
            members = await self._context.members.refreshed(message.conversation_id)
        if message.sender_id not in members:
            # Anybody may insert anywhere under the app's policies; members must not see it (contract F7).
            self._decline(message.id, "its sender is no member")
            return
        quote = await self._quote(message)
        whole = replace(message, sender=await self._context.profiles.of(message.sender_id), reply_to=quote)
        self._context.quotes.remember(whole)
        self._context.hub.publish(MessageSent(message=whole), members)

    async def _relay_typing(self, change: TypingRowChanged) -> None:
        """Tell of a legacy typist; what we wrote ourselves for one of our clients has been told already."""
        typing = self._context.typing
        if typing.is_own_echo(change.conversation_id, change.user_id):
            return
        if not change.is_typing:
            typing.end(change.conversation_id, change.user_id, is_ours=False)
            return
        members = await self._context.members.of(change.conversation_id)
        profile = await self._context.profiles.of(change.user_id)
        if change.user_id in members and profile is not None:
            typing.begin(change.conversation_id, profile, members, is_ours=False)

    async def _relay_receipt(self, change: ReceiptWritten) -> None:
        """Tell that a legacy client's user has read a message; our own receipts have been told already."""
        if change.status != "read" or self._context.receipts.is_told(change.message_id, change.user_id):
            return
        for message in await self._context.store.messages.by_ids([change.message_id]):
            members = await self._context.members.of(message.conversation_id)
            if change.user_id in members:
                read_at = moment(change.timestamp) or self._context.clock.now()
                self._context.receipts.tell(message.conversation_id, change.user_id, [message.id], read_at, members)

    async def _quote(self, message: Message) -> Quote | None:
        if message.reply_to_id is None:
            return None
        try:
            return await self._context.quotes.within(message.conversation_id, message.reply_to_id)
        except StoreError as error:
            log.warning("relay.quote_unreadable", cause=type(error).__name__)
            return None

    async def _read_and_relay(self, ids: Sequence[MessageId]) -> None:
        try:
            messages = await self._context.store.messages.by_ids(ids)
        except StoreUnreadable as error:
            await self._halve(ids, error)
            return
        for message in messages:
            await self._relay(message)

    async def _halve(self, ids: Sequence[MessageId], error: StoreUnreadable) -> None:
        """Read the halves by themselves: one row that nobody can read must not hold up all others for ever."""
        if len(ids) == 1:
            self._decline(ids[0], f"it cannot be read: {error}")
            return
        middle = len(ids) // 2
        await self._read_and_relay(ids[:middle])
        await self._read_and_relay(ids[middle:])

    def _decline(self, message_id: MessageId, reason: str) -> None:
        """Do not deliver a message now, nor look at it in every catch-up to come, should its time lie far ahead.

        Within the overlap it is looked at again: the membership of its sender may be committed and not yet seen.
        """
        now = self._context.clock.monotonic()
        first_at = self._declined.get(message_id)
        if first_at is None:
            log.warning("relay.declined", message_id=message_id, reason=reason)
            self._declined.put(message_id, now)
        elif now - first_at > self._overlap.total_seconds():
            self._context.hub.pass_over(message_key(message_id))

    async def _catch_up(self) -> None:
        """Read positions first and rows only for what is new: most of the overlap was delivered long ago."""
        started_at = self._context.clock.now()
        since = self._complete_until - self._overlap
        after: Position | None = None
        found = 0
        while page := await self._context.store.messages.positions_since(since, after=after, limit=PAGE):
            if not self._caught_up.is_set():
                self._pass_over_old(page)
            unseen = [one.id for one in page if not self._context.hub.has_seen(message_key(one.id))]
            for start in range(0, len(unseen), ROWS_AT_ONCE):
                await self._read_and_relay(unseen[start : start + ROWS_AT_ONCE])
            found += len(unseen)
            if page[-1] == after:
                break  # "infinity" and years that Python cannot hold are after everything: no end would come
            after = page[-1]
        self._complete(started_at, found)

    def _pass_over_old(self, page: Sequence[Position]) -> None:
        """Deliver nothing older than this process: its clients have connected since, and loaded what was there.

        The first time only: an old time that appears later is a late commit or a slow clock, and new to everybody.
        """
        for one in page:
            if one.created_at < self._started_at:
                self._context.hub.pass_over(message_key(one.id))

    def _complete(self, until: datetime, found: int) -> None:
        self._complete_until = until
        self._caught_up.set()
        self._in_doubt = False
        log.debug("relay.caught_up", found=found)

    def _doubt(self) -> None:
        self._in_doubt = True
        self._doubt_arose.set()

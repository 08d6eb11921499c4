"""Feed to hub: what others wrote reaches members' sockets, and what the feed lost is found in the tables."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from functools import partial

import structlog

from bridge.actions.context import Context
from bridge.errors import StoreError, StoreUnreadable
from bridge.events import Trouble
from bridge.feed import Feed, Signal
from bridge.feed.changes import (
    Change,
    ConversationRowDeleted,
    ConversationWritten,
    MessageInserted,
    MessageUnread,
    ParticipantChanged,
    ParticipantDeleted,
    PresenceWritten,
    ReceiptWritten,
    TypingRowChanged,
    Unreadable,
)
from bridge.feed.signals import Live, Lost, TableLive, TableLost
from bridge.relay.catch_up import CatchUp, MissedChanges
from bridge.relay.change_log import ChangeLogRelay
from bridge.relay.lists import relay_list_change
from bridge.relay.message_changes import MessageChangeRelay
from bridge.relay.messages import MessageRelay
from bridge.relay.receipts import relay_receipt
from bridge.relay.record import FeedRecord
from bridge.relay.typing import relay_typing

RECONCILE_SECONDS = 30.0
RECONCILE_WHEN_IN_DOUBT_SECONDS = 2.0
BEGIN_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Relay:
    """Takes signals one by one. Realtime is a hint, the tables are the truth (design decision 7)."""

    def __init__(self, context: Context, feed: Feed, overlap: timedelta) -> None:
        self._context = context
        self._feed = feed
        self._messages = MessageRelay(context, overlap.total_seconds())
        self._catch_up = CatchUp(context, self._messages, overlap)
        self._message_changes = MessageChangeRelay(context, self._messages)
        self._missed_changes = MissedChanges(context, self._message_changes, overlap)
        self._change_log = ChangeLogRelay(
            context,
            self._messages,
            self._message_changes,
            overlap_seconds=overlap.total_seconds(),
            doubt_members=self._doubt_all_members,
        )
        self._may_have_missed_changes = True
        self._in_doubt = True
        self._tables_answer = True
        self._live = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._turn = asyncio.Lock()
        self._look_again = asyncio.Event()
        self.record = FeedRecord(context)

    @property
    def is_live(self) -> bool:
        """Tell whether changes arrive and nothing is known to be missing."""
        return self._live.is_set() and not self._in_doubt

    async def wait_until_live(self) -> None:
        """Wait until changes arrive and the first catch-up has told old from new."""
        await self._live.wait()
        await self._caught_up.wait()

    async def begin(self) -> None:
        """Tell what was written just before this process started; to be done before anybody can write something new.

        Else what the process before it had written would come after that. Not for ever, nor at all costs: if the tables
        do not answer, or much was written, the relay goes on with it while it runs.
        """
        try:
            async with asyncio.timeout(BEGIN_SECONDS), self._turn:
                await self._catch_up.run(rescuing=False)
        except (StoreError, TimeoutError) as error:
            log.warning("relay.not_caught_up", cause=type(error).__name__, detail=str(error))

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
                self._doubt(error)

    async def catch_up(self) -> None:
        """Deliver what the tables hold and the hub has not seen, from the last complete moment on."""
        async with self._turn:
            await self._compare_with_tables()

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
                self._doubt(error)
            except Exception:
                log.exception("relay.catch_up_failed")
                self._doubt()

    async def _until_due(self) -> None:
        """Wait for the slow timer or, in doubt, a moment; further doubts do not put it off, for they may never end."""
        while True:
            if self.is_live:
                try:
                    async with asyncio.timeout(RECONCILE_SECONDS):
                        await self._look_again.wait()
                except TimeoutError:  # quiet: the usual interval is over
                    return
            await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS)
            # A confirmation that came meanwhile has caught up already: then the slow timer begins anew.
            if not self.is_live or self._look_again.is_set():
                return

    async def _take(self, signal: Signal) -> None:
        self.record.take(signal)
        match signal:
            case Live():
                self._doubt_members(hearing=True)
                self._live.set()
                self._may_have_missed_changes = True  # each confirmation may end a gap (supabase.md 2.3)
                self._report()
                await self._compare_with_tables()
            case Lost(reason):
                log.warning("feed.lost", reason=reason)
                self._doubt_members(hearing=False)
                self._context.presence.listen(hearing=False)
                self._live.clear()
                self._doubt()
            case TableLive(table) | TableLost(table):
                if table == "user_presence":
                    self._context.presence.listen(hearing=isinstance(signal, TableLive))
            case _:
                await self._take_change(signal)

    async def _take_change(self, change: Change) -> None:
        match change:
            case MessageInserted(message):
                self._settle(settled=await self._messages.relay(message))
            case MessageUnread(message_id):
                self._settle(settled=await self._messages.read_and_relay([message_id]))
            case ParticipantChanged() | ParticipantDeleted() | ConversationWritten() | ConversationRowDeleted():
                await relay_list_change(change, self._context)
            case TypingRowChanged() | ReceiptWritten() | PresenceWritten():
                await self._take_optional(change)
            case Unreadable(table):
                self._miss(table)
            case _:
                await self._message_changes.take(change)

    async def _take_optional(self, change: TypingRowChanged | ReceiptWritten | PresenceWritten) -> None:
        match change:
            case TypingRowChanged():
                await relay_typing(change, self._context)
            case ReceiptWritten():
                await relay_receipt(change, self._context)
            case PresenceWritten(row):
                if row.last_seen is not None and not self._context.presence.is_ours(row):
                    seconds = (self._context.clock.now() - row.last_seen).total_seconds()
                    self._context.left_rooms.hear(row.user_id, seconds_ago=seconds)
                self._context.presence.hear(row)

    def _miss(self, table: str) -> None:
        log.warning("relay.unreadable_change", table=table)
        if table == "conversation_participants":
            self._doubt_all_members()  # somebody may have left
        self._doubt()

    def _doubt_members(self, *, hearing: bool) -> None:
        """Forget who is a member, who was removed and what was told: any of it may have changed unheard."""
        self._context.members.hear(hearing=hearing)
        self._context.hub.readmit_all()
        self._context.lists.doubt()
        self._context.quotes.forget_all()

    def _doubt_all_members(self) -> None:
        self._doubt_members(hearing=self._live.is_set())

    async def _compare_with_tables(self) -> None:
        self._look_again.clear()  # at the start: what arises from here on is a reason to look again
        self._context.measures.catch_ups.add("begun")
        # The change log first: what is written after its end was noted is found by the next run, not lost between.
        is_exact = await self._change_log.run()
        self._settle(settled=self._change_log.settled)
        # Without regard to it: it has nothing yet of what a long transaction, anybody's, holds up.
        # What the first run finds is from before this process listened: nobody failed to bring it.
        self._settle(settled=await self._catch_up.run(rescuing=self._caught_up.is_set()))
        if not is_exact and (self._may_have_missed_changes or self._context.store.change_log.available):
            await self._missed_changes.run()
            # What became of lists is not found so. Clients that are here load them anew when they hear that all is
            # well again; those that are not are to do it when they come back.
            self._context.history.note_gap()
        self._may_have_missed_changes = False
        self._note_what_is_told()
        self._context.measures.catch_ups.add("finished")
        self._caught_up.set()
        self._in_doubt = False
        self._tables_answer = True
        self._report()

    def _note_what_is_told(self) -> None:
        """Let cursors say from now on that everything up to the end of the change log has been told.

        A write of our own may be in the log already and not told yet: it stands in line behind a slower one.
        """
        if self._change_log.settled:
            self._context.hub.when_told(partial(self._context.history.have_told, self._change_log.told))

    def _settle(self, *, settled: bool) -> None:
        """Look again in a moment if something could not be told yet; nothing is in doubt because of it."""
        if not settled:
            self._look_again.set()

    def _doubt(self, error: StoreError | None = None) -> None:
        self._in_doubt = True
        if error is not None and not isinstance(error, StoreUnreadable):
            self._tables_answer = False
        self._may_have_missed_changes = True
        self._look_again.set()
        self._report()

    def _report(self) -> None:
        """Tell how feed and tables are; whether the tables answer is known from our own questions to them."""
        signs = {
            Trouble.TABLES_UNREACHABLE: not self._tables_answer,
            Trouble.REALTIME_LOST: not self._live.is_set(),
            Trouble.CATCHING_UP: self._in_doubt,
        }
        self._context.health.set_troubles({trouble for trouble, is_there in signs.items() if is_there})

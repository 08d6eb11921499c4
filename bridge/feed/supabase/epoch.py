"""An epoch: one client of the `realtime` library with one connection, used until the first doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from functools import partial

import structlog
from realtime import AsyncRealtimeChannel, AsyncRealtimeClient, RealtimeSubscribeStates
from realtime.types import PostgresChangesPayload, RealtimePostgresChangesListenEvent

from bridge.clock import Clock
from bridge.feed import Signal
from bridge.feed.canary import SCHEMA as CANARY_SCHEMA
from bridge.feed.canary import TABLE as CANARY_TABLE
from bridge.feed.canary import Canary
from bridge.feed.changes import OPTIONAL_TABLES, TABLES, RowChange, read_change
from bridge.feed.signals import Live, TableLive, TableLost
from bridge.feed.supabase.arrivals import Arrivals, Ended, Replaced, Told
from bridge.feed.supabase.heartbeats import HEARTBEAT_SECONDS, Heartbeats
from bridge.feed.supabase.pauses import EpochEnded, http_status
from bridge.feed.supabase.reading import moment_if_any, reason_of, row_change
from bridge.ids import fresh_id
from bridge.measures import Measures
from bridge.remedies import unpublished_table

CONNECT_SECONDS = 10.0
READY_SECONDS = 15.0
OPTIONAL_AGAIN_SECONDS = 15.0
"""How long after a refusal an optional table is asked for again: somebody may have published it."""
OPTIONAL_JOIN_SECONDS = 3.0
CLOSE_SECONDS = 3.0
HEALTHY_AFTER_SECONDS = 60.0
MAX_AGE_SECONDS = 12 * 3600.0

log = structlog.get_logger(__name__)

_ANY_EVENT = RealtimePostgresChangesListenEvent.All


class Epoch:
    """One client, one connection, one channel for the tables that are needed and one for each that is optional."""

    def __init__(self, url: str, key: str, clock: Clock, measures: Measures, canary: Canary) -> None:
        self._clock = clock
        self._measures = measures
        self._canary = canary
        self._has_joined_canary = False
        self._is_open = False
        self._began_at = clock.monotonic()
        self._arrivals = Arrivals()
        self._client = AsyncRealtimeClient(f"{url}/realtime/v1", key, auto_reconnect=False, max_retries=1)
        self._heartbeats = Heartbeats(self._client, clock)
        self._confirmed: set[str] = set()
        self._unpublished: set[str] = set()
        self._refused_at: dict[str, float] = {}

    @property
    def age(self) -> float:
        """Return the seconds since the epoch began."""
        return self._clock.monotonic() - self._began_at

    async def open(self) -> None:
        """Connect, join, and wait until changes flow; what arrives from then on is kept.

        Raises:
            EpochEnded: it did not come to that.

        """
        await self._join()
        await self._confirmation()
        self._is_open = True

    def replace(self) -> None:
        """End after what has arrived up to now: another epoch is open, and hears everything that comes."""
        self._arrivals.put(Replaced())

    async def signals(self) -> AsyncGenerator[Signal, None]:
        """Yield Live at every confirmation of the server, and the changes.

        Raises:
            EpochReplaced: another one goes on.
            EpochEnded: else, in the end.

        """
        if not self._is_open:
            await self.open()
        for told in self._told_first():
            yield told
        while True:
            await self._join_refused()
            if self._canary.is_there() and not self._has_joined_canary:
                await self._join_canary()
            arrival = await self._arrivals.next(HEARTBEAT_SECONDS)
            self._end_in_doubt()
            if arrival is None:
                await self._heartbeats.beat()
            elif isinstance(arrival, Told):
                yield arrival
            elif (change := read_change(self._measured(row_change(arrival)))) is not None:
                yield change

    def _told_first(self) -> Iterable[Told]:
        """Return what is said at the beginning; of optional tables that were confirmed or refused first, that too."""
        yield Live()
        for table in sorted(self._confirmed):
            yield TableLive(table)
        for table in sorted(self._unpublished):
            yield TableLost(table, is_unpublished=True)

    def _end_in_doubt(self) -> None:
        """End the epoch if changes do not arrive, whatever the connection says, or if it is old."""
        if self._canary.is_overdue:
            raise EpochEnded("the canary was not heard")
        if self.age > MAX_AGE_SECONDS:
            raise EpochEnded("old age")

    async def close(self) -> None:
        """Drop the client; whatever goes wrong with it now does not matter to the next epoch."""
        self._heartbeats.unwatch()
        self._canary.listen(listening=False)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.close()
        except Exception:
            log.warning("feed.close_failed", exc_info=True)

    async def _join(self) -> None:
        """Connect and join; the library raises all sorts of things, each of which ends the epoch."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._client.connect()
                self._watch_listener()
                self._heartbeats.watch()
                # A topic is never used twice: a late close of the old channel would kill the new one (R9).
                channel = self._channel(TABLES)
                channel.on_system(lambda _: self._arrivals.put(Live()))
                await channel.subscribe(self._status_changed)
                await asyncio.gather(*(self._join_optional(table) for table in OPTIONAL_TABLES))
        except TimeoutError:
            raise EpochEnded("no connection in time") from None
        except Exception as error:
            raise EpochEnded(f"no connection: {http_status(error) or type(error).__name__}") from error

    async def _join_canary(self) -> None:
        """Join for our own row, once; changes wait for it, for the time of a round trip.

        Without it changes are taken to arrive as long as the server says so.
        """
        self._has_joined_canary = True
        channel = self._client.channel(f"bridge-{fresh_id()}")
        row = f"bridge=eq.{self._canary.row_id}"
        channel.on_postgres_changes(
            _ANY_EVENT, self._canary_heard, table=CANARY_TABLE, schema=CANARY_SCHEMA, filter=row
        )
        channel.on_system(lambda _: self._canary.listen(listening=True))
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await channel.subscribe(self._canary_status_changed)
        except TimeoutError:
            log.warning("feed.canary_not_heard", status="not joined in time")
        except Exception as error:
            raise EpochEnded(f"canary not joined: {type(error).__name__}") from error

    async def _join_optional(self, table: str) -> None:
        """Join for one table by itself: one that is not published spoils every subscription of its channel."""
        channel = self._channel([table])
        channel.on_system(lambda _: self._optional_confirmed(table))
        await channel.subscribe(partial(self._optional_status_changed, table))

    async def _join_refused(self) -> None:
        """Ask again for optional tables that were refused; changes wait for it, for the time of a round trip."""
        now = self._clock.monotonic()
        due = [table for table, since in self._refused_at.items() if now - since >= OPTIONAL_AGAIN_SECONDS]
        if not due:
            return
        self._refused_at.update(dict.fromkeys(due, now))
        try:
            async with asyncio.timeout(OPTIONAL_JOIN_SECONDS):
                await asyncio.gather(*map(self._join_optional, due))
        except TimeoutError:
            log.warning("feed.optional_tables_not_joined", tables=due)
        except Exception as error:
            raise EpochEnded(f"optional tables not joined: {type(error).__name__}") from error

    def _channel(self, tables: Iterable[str]) -> AsyncRealtimeChannel:
        channel = self._client.channel(f"bridge-{fresh_id()}")
        for table in tables:
            channel.on_postgres_changes(_ANY_EVENT, self._arrived, table=table, schema="public")
        return channel

    def _watch_listener(self) -> None:
        """End the epoch when the library's reading task ends, for it tells nobody (R1, R4)."""
        listener = self._client._listen_task  # noqa: SLF001  # the library has no public sign of it
        if listener is None:
            raise EpochEnded("the client does not listen")
        listener.add_done_callback(lambda _: self._arrivals.put(Ended("the connection was closed")))

    async def _confirmation(self) -> None:
        """Wait until the server says that changes flow: seconds after the join was answered (supabase.md 2.3)."""
        while True:
            arrival = await self._arrivals.next(READY_SECONDS)
            if arrival is None:
                raise EpochEnded("the server did not confirm the subscription in time")
            if isinstance(arrival, Live):
                return
            # A change before the confirmation: the catch-up that follows the confirmation finds it again.

    # Called by the library's reading task: they only queue, for an exception here would end that task unseen (R4).

    def _arrived(self, change: PostgresChangesPayload) -> None:
        self._arrivals.put(change)

    def _status_changed(self, status: RealtimeSubscribeStates, error: Exception | None) -> None:
        if status is not RealtimeSubscribeStates.SUBSCRIBED:
            self._arrivals.put(Ended(f"{status.value}: {reason_of(error)}"))

    def _optional_confirmed(self, table: str) -> None:
        self._confirmed.add(table)
        self._unpublished.discard(table)
        self._refused_at.pop(table, None)
        self._arrivals.put(TableLive(table))

    def _optional_status_changed(self, table: str, status: RealtimeSubscribeStates, error: Exception | None) -> None:
        if status is RealtimeSubscribeStates.SUBSCRIBED:
            return
        reason = reason_of(error)
        is_unpublished = unpublished_table(reason) == table
        if is_unpublished:
            self._unpublished.add(table)
        if table not in self._refused_at:
            log.warning("feed.optional_table_not_heard", table=table, status=status.value, reason=reason)
        self._refused_at[table] = self._clock.monotonic()
        if table in self._confirmed and self.age > HEALTHY_AFTER_SECONDS:
            self._arrivals.put(Ended(f"{table}: {status.value}"))  # it worked: the next epoch brings it back
        else:
            # Ending the epoch would end every one, if nobody publishes the table.
            self._arrivals.put(TableLost(table, is_unpublished=is_unpublished))

    def _measured(self, row: RowChange) -> RowChange:
        self._measures.changes.add(row.table, row.type)
        if (committed_at := moment_if_any(row.commit_timestamp)) is not None:
            self._measures.lag.observe((self._clock.now() - committed_at).total_seconds())
        return row

    def _canary_heard(self, change: PostgresChangesPayload) -> None:
        record = change.get("data", {}).get("record")
        self._canary.heard(record.get("beat") if isinstance(record, dict) else None)

    def _canary_status_changed(self, status: RealtimeSubscribeStates, error: Exception | None) -> None:
        if status is not RealtimeSubscribeStates.SUBSCRIBED:
            log.warning("feed.canary_not_heard", status=status.value, reason=reason_of(error))
            self._canary.listen(listening=False)

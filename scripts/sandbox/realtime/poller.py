"""Keeps a stream of changes open, queues what it brings and hands it on; knows what is lost and when."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import psycopg

from scripts.sandbox.realtime.changes import Change
from scripts.sandbox.realtime.faults import Faults, Settings
from scripts.sandbox.realtime.pgoutput import Malformed
from scripts.sandbox.realtime.timing import Timing
from scripts.sandbox.realtime.wal import Stream, StreamEnded

_log = logging.getLogger(__name__)


class Poller:
    """The real server's replication poller: two loops, `read` and `hand_on`, to be run by the owner."""

    def __init__(
        self,
        *,
        open_stream: Callable[[], AbstractAsyncContextManager[Stream]],
        timing: Timing,
        faults: Faults,
        deliver: Callable[[Sequence[Change]], Awaitable[None]],
        restarted: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.started = asyncio.Event()
        self._open_stream = open_stream
        self._timing, self._faults, self._clock = timing, faults, clock
        self._deliver, self._restarted = deliver, restarted
        self._queue: deque[Change] = deque()
        self._arrived = asyncio.Event()
        self._wanted = asyncio.Event()
        self._stream: Stream | None = None
        self._empty_polls = 0
        if not faults.settings.poller_down:
            self._wanted.set()

    def settings_changed(self, after: Settings) -> None:
        """Stop reading at once when the poller is to be down, losing what is queued; else let it begin."""
        if after.poller_down:
            self._wanted.clear()
            self._lose_queue()
            if self._stream is not None:
                self._stream.stop()
        else:
            self._wanted.set()
        self._arrived.set()  # a delay may have become shorter

    async def read(self) -> None:
        """Read streams for ever, one after the other."""
        while True:
            await self._wanted.wait()
            try:
                await self._read_once()
            except (psycopg.OperationalError, StreamEnded, Malformed) as error:
                _log.warning("the stream of changes broke: %s", error)
                await asyncio.sleep(self._timing.reconnect_delay)
            finally:
                self._faults.counts.poller_up = False
                self._stream = None
                self._lose_queue()

    async def hand_on(self) -> None:
        """Deliver batches for ever, as they come or at the poll interval."""
        while True:
            await self._pause_between_polls()
            batch = await self._next_batch()
            self._empty_polls = 0 if batch else self._empty_polls + 1
            if not batch:
                continue
            try:
                await self._deliver(batch)
            except psycopg.Error as error:
                self._faults.counts.changes_lost += len(batch)
                _log.warning("%d changes are lost: %s", len(batch), error)

    async def _read_once(self) -> None:
        async with self._open_stream() as stream:
            if not self._wanted.is_set():
                return
            self._stream = stream
            counts = self._faults.counts
            counts.poller_up, counts.polls_started = True, counts.polls_started + 1
            if counts.polls_started > 1:
                self._restarted()
            self.started.set()
            async for changes in stream.changes():
                counts.changes_read += len(changes)
                self._queue.extend(changes)
                self._arrived.set()

    def _lose_queue(self) -> None:
        self._faults.counts.changes_lost += len(self._queue)
        self._queue.clear()

    async def _pause_between_polls(self) -> None:
        """Look again at once after rows, then at the poll interval, then at the idle one (supabase.md 3)."""
        timing = self._timing
        if timing.poll_interval and self._empty_polls:
            idle = self._empty_polls > 1 and timing.idle_interval
            await asyncio.sleep(idle or timing.poll_interval)

    async def _next_batch(self) -> list[Change]:
        """Take what is due; without a poll interval wait until something is."""
        while True:
            self._arrived.clear()
            now, delay = self._clock(), self._faults.settings.delay_ms / 1000
            batch: list[Change] = []
            while self._queue and len(batch) < self._timing.poll_batch and self._queue[0].received_at + delay <= now:
                batch.append(self._queue.popleft())
            if batch or self._timing.poll_interval:
                return batch
            await self._wait_for_more(self._queue[0].received_at + delay - now if self._queue else None)

    async def _wait_for_more(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            _log.debug("a delayed change is due")

"""The pushes that wait to be read: bounded, and loud when the bound is passed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import structlog

from bridge.client.errors import ClientError, PushesOverflowed
from bridge.client.frames import Push

log = structlog.get_logger(__name__)


class PushBuffer(AsyncIterator[Push]):
    """An iterator over pushes, for one reader; it ends by raising when pushes were lost or the connection was.

    It may be left and taken up again: nothing is lost in between, up to the bound.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[tuple[Push, str | None]] = deque()
        self.cursor: str | None = None
        """That of the last push that was read."""
        self._changed = asyncio.Event()
        self._end: ClientError | StopAsyncIteration | None = None

    @property
    def waiting(self) -> list[Push]:
        """Return what has come and was not read yet."""
        return [push for push, _ in self._waiting]

    def put(self, push: Push, cursor: str | None = None) -> None:
        """Take a push with its cursor; never waits."""
        if self._end is not None:
            return
        if len(self._waiting) >= self._limit:
            # What was kept is dropped too: the reader has to read everything again anyway.
            self._waiting.clear()
            log.warning("client.pushes_overflowed", limit=self._limit)
            self.end(PushesOverflowed(self._limit))
            return
        self._waiting.append((push, cursor))
        self._changed.set()

    def end(self, cause: ClientError | None) -> None:
        """Let the iterator raise this after what is waiting, or just stop; the first end counts."""
        if self._end is None:
            self._end = cause or StopAsyncIteration()
            self._changed.set()

    async def __anext__(self) -> Push:
        """Return the next push.

        Raises:
            PushesOverflowed: some are lost.
            ConnectionLost: there will be no more.

        """
        while not self._waiting:
            if self._end is not None:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
        push, cursor = self._waiting.popleft()
        self.cursor = cursor or self.cursor
        return push

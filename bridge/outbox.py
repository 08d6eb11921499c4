"""What waits to be sent to one socket: bounded, filled without waiting, emptied by one writer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bridge.errors import CloseCode, Disconnect
from bridge.fast_path import WriteNow


class Room(NamedTuple):
    """How much fits into an outbox."""

    frames: int
    characters: int


class Outbox:
    """Frames for one socket. Sending never waits and never raises (style section 5.8)."""

    def __init__(self, *, max_frames: int, max_bytes: int) -> None:
        self._frames: deque[str] = deque()
        self._size = 0
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._disconnect: Disconnect | None = None
        self._fast_path: WriteNow | None = None
        self._is_idle = False
        """Nothing is queued, and the writer has sent all that was."""

    @property
    def room(self) -> Room:
        """Return how much can be put into it now."""
        return Room(frames=self._max_frames - len(self._frames), characters=self._max_bytes - self._size)

    @property
    def is_closing(self) -> bool:
        """Tell whether the connection is to end; nothing more can be told to its client."""
        return self._disconnect is not None

    def put(self, frame: str) -> None:
        """Queue a frame; a client too slow to take what is queued is disconnected, never silently robbed of one."""
        if self._disconnect is not None or (self._is_idle and self._fast_path is not None and self._fast_path(frame)):
            return
        self._is_idle = False  # the frames after this one wait behind it
        # The frame itself does not count: a page of long messages may exceed the limit, and its reader is not slow.
        if len(self._frames) >= self._max_frames or self._size >= self._max_bytes:
            self._frames.clear()
            self.disconnect(Disconnect(CloseCode.TOO_SLOW, "too slow"))
            return
        self._frames.append(frame)
        self._size += len(frame)
        self._wake.set()

    def disconnect(self, why: Disconnect) -> None:
        """End the connection after what is queued; only the first reason counts."""
        if self._disconnect is None:
            self._disconnect = why
            self._closing.set()
            self._wake.set()

    async def closing(self) -> Disconnect:
        """Wait for the end and return its reason."""
        await self._closing.wait()
        if self._disconnect is None:
            raise AssertionError("closing without a reason")
        return self._disconnect

    async def write(self, send: Callable[[str], Awaitable[None]], fast_path: WriteNow | None = None) -> None:
        """Send frame by frame until the connection ends and nothing is left; the only writer of the socket.

        `fast_path`: by it a frame is written where it is put, as long as nothing else is to be sent first.
        """
        self._fast_path = fast_path
        while True:
            while self._frames:
                frame = self._frames.popleft()
                self._size -= len(frame)
                await send(frame)
            if self._disconnect is not None:
                return
            self._wake.clear()
            self._is_idle = True
            await self._wake.wait()

"""What every channel of a server shares, and the socket as a channel sees it: the seams that tests replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime.faults import Faults, Trace
from scripts.sandbox.realtime.presence import Board
from scripts.sandbox.realtime.subscriptions import Registry
from scripts.sandbox.realtime.timing import Timing
from scripts.sandbox.realtime.topics import Encoded, Topics

if TYPE_CHECKING:
    from scripts.sandbox.realtime.channels import Channel


class Timer(Protocol):
    """A call that was put off."""

    def cancel(self) -> None:
        """Let it never happen."""
        ...


class Later(Protocol):
    """Puts a call off: asyncio's `loop.call_later`, or a test's clock."""

    def __call__(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call back after that many seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """What all channels of a server share."""

    keys: Keys
    timing: Timing
    faults: Faults
    clock: Callable[[], float]
    later: Later
    subscribe: Callable[[Channel], None]
    board: Board
    topics: Topics
    registry: Registry


class Outlet(Protocol):
    """The socket, as its channels see it."""

    def send(self, encoded: Encoded, trace: Trace | None = None) -> None:
        """Queue a frame; never waits, never raises."""
        ...

    def forget(self, channel: Channel) -> None:
        """Route no more frames to a channel that ended."""
        ...

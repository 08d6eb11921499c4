"""The port to Realtime: a stream of signals about rows that somebody changed.

Realtime is a hint, the tables are the truth (design decision 7): a feed may lose changes, repeat them and bring
them late. What it must say is when it began to listen (Live) and when it stopped (Lost); after every Live the relay
catches up from the tables. Of an optional table it says so too (TableLive, TableLost), and a Lost counts for all.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from bridge.feed.changes import Change
from bridge.feed.signals import Live, Lost, TableLive, TableLost

Signal = Change | Live | Lost | TableLive | TableLost


class Feed(Protocol):
    """Where changes come from."""

    def signals(self) -> AsyncGenerator[Signal, None]:
        """Yield signals until cancelled; called once. Reconnects by itself, each time with Lost and then Live."""
        ...

    async def renew(self) -> None:
        """Replace what grows old before it ends, while `signals` goes on; may end at once, else when cancelled."""
        ...

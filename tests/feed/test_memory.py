"""The memory feed says what it is told to say, in order."""

from __future__ import annotations

import asyncio

from bridge.feed import Feed
from bridge.feed.memory import MemoryFeed
from bridge.feed.signals import Live, Lost


async def test_signals_come_in_the_order_they_were_put_in() -> None:
    """Those from before the listening too."""
    feed = MemoryFeed()
    listened: Feed = feed
    feed.put(Live())
    feed.put(Lost("why"))
    signals = aiter(listened.signals())
    assert [await anext(signals), await anext(signals)] == [Live(), Lost("why")]


async def test_drained_waits_until_everything_was_handled() -> None:
    """Taken is not handled: the listener comes back for the next when it is done."""
    feed = MemoryFeed()
    handled: list[object] = []
    feed.put(Live())

    async def listen() -> None:
        async for signal in feed.signals():
            await asyncio.sleep(0)
            handled.append(signal)

    listening = asyncio.create_task(listen())
    await feed.drained()
    assert handled == [Live()]
    listening.cancel()
    await asyncio.wait([listening])

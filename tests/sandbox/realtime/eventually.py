"""Waiting for what another task or process brings about, with a generous deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

DEADLINE_SECONDS = 20.0


async def eventually(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds.

    Raises:
        TimeoutError: it did not come true before the deadline.

    """
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the conditions are counters and logs, which have no event
            await asyncio.sleep(0.001)

"""A relay that catches up, and its listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.feed.signals import Live
from tests.parts import Parts
from tests.people import A, C
from tests.receivers import Receiver

QUESTION = "messages.positions_since"


class Setting(Parts):
    """A relay with listeners of A and C."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.c = Receiver(A), Receiver(C)
        self.context.hub.attach(self.a)
        self.context.hub.attach(self.c)

    async def live(self) -> Setting:
        """Begin to hear changes."""
        await self.relay.handle(Live())
        return self


@asynccontextmanager
async def running(s: Setting) -> AsyncIterator[None]:
    """Let the relay run."""
    async with asyncio.TaskGroup() as tasks:
        run = tasks.create_task(s.relay.run())
        yield
        run.cancel()

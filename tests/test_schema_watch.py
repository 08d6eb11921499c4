"""A database upgraded under a running bridge."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from bridge.errors import SchemaUnusable, StoreDown
from bridge.schema_watch import LOOK_EVERY_SECONDS, SchemaWatch
from bridge.store.memory import MemoryStore
from tests.virtual_time import in_virtual_time


class Upgraded(MemoryStore):
    """Tables that are looked at, and fail as a test says."""

    def __init__(self, *failures: Exception | None) -> None:
        super().__init__()
        self.failures = [*failures]
        self.looks = 0

    async def check(self) -> None:
        """Count, and fail with the next failure."""
        self.looks += 1
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure


async def test_failures_are_said_and_survived() -> None:
    """Most actions may still work; missing columns are named."""
    store = Upgraded(StoreDown("502"), SchemaUnusable(["messages.metadata"]), None)
    watch = SchemaWatch(store)
    with capture_logs() as logs:
        for _ in range(3):
            await watch.look()
    assert [(line["event"], line.get("detail") or line.get("missing")) for line in logs] == [
        ("schema.not_seen", "502"),
        ("schema.unusable", ("messages.metadata",)),
    ]


@in_virtual_time
async def test_it_looks_once_a_minute() -> None:
    """For as long as the process runs."""
    store = Upgraded()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(SchemaWatch(store).run())
        await asyncio.sleep(LOOK_EVERY_SECONDS * 3 + 1)
        watching.cancel()
    assert store.looks == 3

"""The change log is pruned while a bridge runs."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from bridge.change_log_upkeep import PRUNE_EVERY_SECONDS, ChangeLogUpkeep
from bridge.errors import StoreDown
from tests.gated import GatedStore
from tests.virtual_time import in_virtual_time


def a_store(*, has_log: bool = True) -> GatedStore:
    """Return tables, with a log or without."""
    store = GatedStore()
    store.tables.recorded = [] if has_log else None
    return store


async def test_a_log_is_pruned_until_that_was_all() -> None:
    """Each call deletes a part only."""
    store = a_store()
    store.tables.prunes_left = 2
    await ChangeLogUpkeep(store).prune()
    assert store.asked("change_log.prune") == 3


async def test_without_a_log_nothing_is_asked() -> None:
    """It is optional."""
    store = a_store(has_log=False)
    await ChangeLogUpkeep(store).prune()
    assert store.asked("change_log.prune") == 0


@in_virtual_time
async def test_a_failure_is_said_and_the_next_time_is_another_attempt() -> None:
    """Every ten minutes."""
    store = a_store()
    store.door.fail_next("change_log.prune", StoreDown("no answer"))
    with capture_logs() as lines:
        upkeep = asyncio.create_task(ChangeLogUpkeep(store).run())
        await asyncio.sleep(2 * PRUNE_EVERY_SECONDS + 1)
        upkeep.cancel()
    assert [line["event"] for line in lines] == ["change_log.not_pruned"]
    assert store.asked("change_log.prune") == 1

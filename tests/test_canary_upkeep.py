"""The canary is written while somebody listens, and health learns how long it took."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from bridge.canary_upkeep import EVERY_SECONDS, CanaryUpkeep
from bridge.errors import StoreDown
from bridge.feed.canary import HEARD_WITHIN_SECONDS, Canary
from tests.parts import Parts
from tests.virtual_time import in_virtual_time


class Scene(Parts):
    """A canary and who writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.canary = Canary("row", self.clock)
        self.upkeep = CanaryUpkeep(self.canary, self.store, self.context.health)


async def test_nothing_is_written_while_nobody_listens() -> None:
    """Without the log's tables, or between two epochs."""
    s = Scene()
    await s.upkeep.write()
    assert s.tables.canaries == {}


async def test_each_time_another_number_is_written() -> None:
    """Into the bridge's own row, and then it is waited for."""
    s = Scene()
    s.canary.listen(listening=True)
    for number in (1, 2):
        await s.upkeep.write()
        assert s.tables.canaries == {"row": number}
    s.clock.advance(HEARD_WITHIN_SECONDS + 1)
    assert s.canary.is_overdue


async def test_health_learns_how_long_the_last_one_took() -> None:
    """And that it is not known any more."""
    s = Scene()
    s.canary.listen(listening=True)
    await s.upkeep.write()
    s.clock.advance(0.25)
    s.canary.heard(1)
    await s.upkeep.write()
    assert s.context.health.lag_seconds == 0.25
    s.canary.listen(listening=False)
    await s.upkeep.write()
    assert s.context.health.lag_seconds is None


@in_virtual_time
async def test_a_failure_to_write_is_said_and_nothing_is_waited_for() -> None:
    """The next one is written in its time."""
    s = Scene()
    s.canary.listen(listening=True)
    s.door.fail_next("change_log.touch_canary", StoreDown("no answer"))
    with capture_logs() as lines:
        running = asyncio.create_task(s.upkeep.run())
        await asyncio.sleep(1.5 * EVERY_SECONDS)
        s.clock.advance(HEARD_WITHIN_SECONDS + 1)
        assert not s.canary.is_overdue
        await asyncio.sleep(EVERY_SECONDS)
        running.cancel()
    assert [line["event"] for line in lines] == ["canary.not_written"]
    assert s.tables.canaries == {"row": 2}

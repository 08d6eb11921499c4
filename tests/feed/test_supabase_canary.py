"""The canary through the sandbox's Realtime: heard where changes arrive, missed where they are withheld silently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from bridge.canary_upkeep import CanaryUpkeep
from bridge.clock import FakeClock
from bridge.feed import Signal
from bridge.feed.canary import HEARD_WITHIN_SECONDS, TABLE, Canary
from bridge.feed.signals import Live, Lost
from bridge.feed.supabase import SupabaseFeed
from bridge.health import Health
from bridge.history import History
from bridge.hub import Hub
from bridge.ids import fresh_id
from bridge.measures import Measures
from scripts.sandbox.address import SandboxAddress
from tests.e2e.conftest import eventually
from tests.e2e.database import Database
from tests.logged import with_log
from tests.store.sql_seed import reaching

PATIENCE_SECONDS = 60.0


class Scene:
    """A feed with a canary, and what it said; its clock stands still, so nothing is overdue unless a test says so."""

    def __init__(self, sandbox: SandboxAddress) -> None:
        self.clock = FakeClock()
        self.canary = Canary(fresh_id(), self.clock, is_there=lambda: True)
        self.signals: list[Signal] = []
        self.feed = SupabaseFeed(
            url=sandbox.url, key=sandbox.secret_key, clock=self.clock, measures=Measures(), canary=self.canary
        )
        self.upkeep: CanaryUpkeep

    async def listen(self) -> None:
        """Keep what the feed says."""
        async for signal in self.feed.signals():
            self.signals.append(signal)

    async def is_listening(self) -> bool:
        """Tell whether Realtime has promised to tell of the row."""
        return self.canary.is_listening

    async def was_heard(self) -> bool:
        """Tell whether the row came back."""
        return self.canary.lag_seconds is not None


@pytest.fixture
async def scene(sandbox: SandboxAddress) -> AsyncIterator[Scene]:
    """Listen to the sandbox, whose database has the canary's table."""
    made = Scene(sandbox)
    hub = Hub(made.clock, History(made.clock), Measures())
    with with_log(sandbox.database_url):
        async with reaching(sandbox) as seed, asyncio.TaskGroup() as tasks, asyncio.timeout(PATIENCE_SECONDS):
            made.upkeep = CanaryUpkeep(made.canary, seed.store, Health(hub, made.clock, Measures()))
            listening = tasks.create_task(made.listen())
            await eventually(made.is_listening)
            yield made
            listening.cancel()


@pytest.fixture
async def database(sandbox: SandboxAddress) -> AsyncIterator[Database]:
    """Reach the sandbox's faults."""
    async with await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection:
        yield Database(sandbox, connection)


async def test_the_row_comes_back(scene: Scene) -> None:
    """Through PostgREST, the write-ahead log and Realtime; only this bridge's own row is listened to."""
    await scene.upkeep.write()
    await eventually(scene.was_heard)
    assert not scene.canary.is_overdue
    assert [type(signal) for signal in scene.signals if isinstance(signal, Live | Lost)].count(Lost) == 0


async def test_silence_is_noticed_and_the_next_epoch_hears_again(scene: Scene, database: Database) -> None:
    """The connection is fine, heartbeats are answered, and nothing arrives."""

    async def is_lost() -> bool:
        return Lost("the canary was not heard") in scene.signals

    async with database.faults(withhold=[TABLE]):
        await scene.upkeep.write()
        scene.clock.advance(HEARD_WITHIN_SECONDS + 1)
        await eventually(is_lost)
    await eventually(scene.is_listening)
    await scene.upkeep.write()
    await eventually(scene.was_heard)

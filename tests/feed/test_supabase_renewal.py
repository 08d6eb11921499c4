"""A connection that grows old is replaced while it still works: on the sandbox's Realtime."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from structlog.testing import capture_logs

from bridge.clock import FakeClock
from bridge.feed import Signal
from bridge.feed.canary import Canary
from bridge.feed.changes import MessageInserted
from bridge.feed.signals import Live, Lost
from bridge.feed.supabase import SupabaseFeed
from bridge.feed.supabase.epoch import MAX_AGE_SECONDS
from bridge.measures import Measures
from scripts.sandbox.address import SandboxAddress
from tests.e2e.conftest import eventually
from tests.e2e.database import Database

PATIENCE_SECONDS = 60.0


class Scene:
    """A feed whose clock a test moves, and what it said."""

    def __init__(self, sandbox: SandboxAddress) -> None:
        self.clock = FakeClock()
        self.signals: list[Signal] = []
        self.measures = Measures()
        canary = Canary("row", self.clock)
        self.feed = SupabaseFeed(
            url=sandbox.url, key=sandbox.secret_key, clock=self.clock, measures=self.measures, canary=canary
        )

    async def listen(self) -> None:
        """Keep what the feed says."""
        async for signal in self.feed.signals():
            self.signals.append(signal)

    def count(self, kind: type) -> int:
        """Return how many signals of a kind came."""
        return sum(isinstance(signal, kind) for signal in self.signals)

    def has_heard(self, *messages: str) -> bool:
        """Tell whether all of these messages were heard."""
        return set(messages) <= {signal.message.id for signal in self.signals if isinstance(signal, MessageInserted)}


@pytest.fixture
async def scene(sandbox: SandboxAddress) -> AsyncIterator[Scene]:
    """Listen until the test ends."""
    made = Scene(sandbox)

    async def is_live() -> bool:
        return made.count(Live) > 0

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(PATIENCE_SECONDS):
        listening = tasks.create_task(made.listen())
        await eventually(is_live)
        yield made
        listening.cancel()


@pytest.fixture
async def database(sandbox: SandboxAddress) -> AsyncIterator[Database]:
    """Write as others do."""
    async with await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection:
        yield Database(sandbox, connection)


async def test_a_young_connection_is_kept(scene: Scene) -> None:
    """However often one looks."""
    await scene.feed.renew_if_old()
    assert list(scene.measures.epochs.values.values()) == [1]


async def test_an_old_connection_is_replaced_without_being_missed(scene: Scene, database: Database) -> None:
    """Nobody is told that changes were lost, for none were; each is heard by one of the two at least."""
    room = await database.conversation("bob", "carol")
    first = await database.message(room, "bob", "before")
    scene.clock.advance(MAX_AGE_SECONDS * 0.96)
    before = scene.count(Live)
    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(scene.feed.renew_if_old())
            during = [await database.message(room, "bob", f"during {number}") for number in range(20)]

        async def is_renewed() -> bool:
            return scene.count(Live) > before

        await eventually(is_renewed)
    last = await database.message(room, "bob", "after")

    async def has_heard_all() -> bool:
        return scene.has_heard(first, *during, last)

    await eventually(has_heard_all)
    assert scene.count(Lost) == 0
    assert [line["event"] for line in lines if line["event"] == "feed.renewed"] == ["feed.renewed"]
    await scene.feed.renew_if_old()
    assert list(scene.measures.epochs.values.values()) == [2]


async def test_the_old_connection_is_kept_while_no_new_one_can_be_had(scene: Scene, database: Database) -> None:
    """The next look tries again."""
    room = await database.conversation("bob", "carol")
    scene.clock.advance(MAX_AGE_SECONDS * 0.96)
    with capture_logs() as lines:
        async with database.faults(refuse_connect=503):
            await scene.feed.renew_if_old()
    assert "feed.not_renewed" in [line["event"] for line in lines]
    sent = await database.message(room, "bob", "still heard")

    async def has_heard() -> bool:
        return scene.has_heard(sent)

    await eventually(has_heard)
    assert scene.count(Lost) == 0


async def test_the_next_connection_is_not_needed_if_the_old_one_ends_meanwhile(scene: Scene) -> None:
    """Then it is as after any end; nothing is left open."""
    scene.clock.advance(MAX_AGE_SECONDS * 0.96)
    renewing = asyncio.create_task(scene.feed.renew_if_old())
    await asyncio.sleep(0)  # it has begun to open one
    scene.feed._current = None
    await renewing
    assert list(scene.measures.epochs.values.values()) == [2]
    assert scene.feed._successor is None

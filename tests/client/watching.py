"""Clients that stay connected to a scripted server, and what their users are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from bridge.client import LinkEvent, Reconnecting, Rhythm, Surroundings, WireClient
from bridge.clock import FakeClock
from tests.client.scripted import Peer, Script, ScriptedServer, scripted


class Watch:
    """A listener that keeps what it was told, and pauses that end at once but are written down."""

    def __init__(self) -> None:
        self.events: list[LinkEvent] = []
        self.pauses: list[float] = []
        self.clock = FakeClock()
        self.server = ScriptedServer("")

    async def pause(self, seconds: float) -> None:
        """Let no time pass."""
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def saw(self, count: int) -> Callable[[], bool]:
        """Return the condition that so many events came."""
        return lambda: len(self.events) >= count


@asynccontextmanager
async def linked(
    *scripts: Script, token: Callable[[], str] = lambda: "token", rhythm: Rhythm | None = None
) -> AsyncIterator[tuple[Reconnecting, Watch]]:
    """Run a reconnecting client against scripts."""
    watch = Watch()
    async with scripted(*scripts) as watch.server, asyncio.TaskGroup() as group:
        link = Reconnecting(
            partial(WireClient.connect, watch.server.url),
            token,
            watch.events.append,
            rhythm=rhythm,
            surroundings=Surroundings(clock=watch.clock, pause=watch.pause, chance=lambda: 1.0),
        )
        running = group.create_task(link.run())
        yield link, watch
        running.cancel()


async def stay(peer: Peer) -> None:
    """Let the client in and stay."""
    await peer.accept_login()
    await peer.until_closed()


async def drop_after_login(peer: Peer) -> None:
    """Let the client in and cut the connection."""
    await peer.accept_login()
    peer.drop()

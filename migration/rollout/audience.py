"""The clients of a drill: connected as people, each knowing when and with which code it was sent away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Final

from bridge.authentication import Authenticate, ClientName
from bridge.capabilities import Capability
from bridge.client import ClientError, ConnectionLost, WireClient
from bridge.clock import Clock
from bridge.errors import CloseCode
from bridge.models import UserId

CLIENT: Final = ClientName(name="drill", version="1.0.0")
CLOSED_SECONDS: Final = 30.0


class Seat:
    """One connection, and how it ended."""

    def __init__(self, user_id: UserId, client: WireClient, clock: Clock) -> None:
        self.user_id = user_id
        self.client = client
        self.close_code: int | None = None
        self.closed_at: float | None = None
        self._clock = clock
        self._closed = asyncio.Event()

    async def listen(self) -> None:
        """Take pushes until the end."""
        try:
            async for _ in self.client.pushes():
                pass
        except ConnectionLost as lost:
            self.close_code = lost.close_code
        finally:
            self.closed_at = self._clock.monotonic()
            self._closed.set()

    async def closed(self) -> bool:
        """Wait for the end; tell whether it came in time."""
        try:
            async with asyncio.timeout(CLOSED_SECONDS):
                await self._closed.wait()
        except TimeoutError:  # quiet: the drill's report names who stayed
            return False
        return True


class Audience:
    """Everybody's connections to one bridge. Half of them understand the rollout, half are old clients."""

    def __init__(
        self,
        url: str,
        tokens: Mapping[UserId, str],
        clock: Clock,
        tasks: asyncio.TaskGroup,
        connections: AsyncExitStack,
    ) -> None:
        self.tokens = tokens
        self._url = url
        self._clock = clock
        self._tasks = tasks
        self._connections = connections
        self._seats: list[Seat] = []

    def open_seats(self) -> list[Seat]:
        """Return the connections that have not ended."""
        return [seat for seat in self._seats if seat.closed_at is None]

    async def fill(self, people: Iterable[UserId], number: int) -> None:
        """Give each of these people so many connections."""
        for user_id in people:
            have = sum(seat.user_id == user_id for seat in self.open_seats())
            for place in range(have, number):
                await self._come(user_id, is_aware=place % 2 == 0)

    async def troubles(self, staying: Iterable[Seat], leaving: Iterable[Seat]) -> list[str]:
        """Return what is wrong with those that should stay, and with those that should have been sent away."""
        found = []
        for seat in leaving:
            if not await seat.closed():
                found.append(f"A connection of {seat.user_id} is still open.")
            elif seat.close_code != CloseCode.LEGACY_PATH:
                found.append(f"A connection of {seat.user_id} was closed with {seat.close_code}.")
        for seat in staying:
            try:
                await seat.client.ping()
            except ClientError as error:
                found.append(
                    f"A connection of {seat.user_id} that should stay does not answer ({type(error).__name__})."
                )
        return found

    async def _come(self, user_id: UserId, *, is_aware: bool) -> None:
        client = await self._connections.enter_async_context(WireClient.connect(self._url, clock=self._clock))
        asked: list[object] = [Capability.ROLLOUT] if is_aware else []
        await client.request("auth", Authenticate(token=self.tokens[user_id], client=CLIENT, capabilities=asked))
        seat = Seat(user_id, client, self._clock)
        self._seats.append(seat)
        self._tasks.create_task(seat.listen())

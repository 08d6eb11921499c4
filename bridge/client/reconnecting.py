"""Staying connected: comes back after every loss, authenticates again, renews the token before it expires.

What was missed meanwhile is for the listener to read again at `Online`: pushes are not repeated by the server.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import structlog
from msgspec import Struct

from bridge.client.errors import ClientError, ConnectionLost, NoToken, RequestRefused
from bridge.client.frames import Push
from bridge.client.wire import WireClient
from bridge.clock import Clock, SystemClock
from bridge.errors import ErrorCode
from bridge.rows import UserRow

T = TypeVar("T")

log = structlog.get_logger(__name__)

# The server could not judge the token; the same token may be accepted later.
_UNDECIDED = frozenset({ErrorCode.AUTH_ERROR, ErrorCode.CONFIG_ERROR, ErrorCode.DATABASE_ERROR, ErrorCode.SERVER_ERROR})


class Online(Struct, frozen=True):
    """Authenticated; unless everything missed follows now, what was shown so far may be out of date."""

    user: UserRow
    resumed: bool = False


class Offline(Struct, frozen=True):
    """Not connected; the next attempt follows in so many seconds."""

    reason: str
    seconds: float


class Refused(Struct, frozen=True):
    """Not let in, and trying again would not help; `try_now` does when there is another token."""

    reason: str


LinkEvent = Online | Offline | Refused | Push


class Rhythm(Struct, frozen=True, kw_only=True):
    """When to come back, and when to renew the token."""

    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 30.0
    steady_after_seconds: float = 10.0
    renewal_margin_seconds: float = 30.0

    def pause(self, attempt: int, chance: float) -> float:
        """Return the seconds before the given attempt (from 0): doubling, and never in step with other clients."""
        longest = min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** min(attempt, 30))
        return longest * (0.5 + chance / 2)

    def until_renewal(self, expires_at: datetime | None, now: datetime) -> float | None:
        """Return the seconds after which to authenticate again, None for a token without an end."""
        if expires_at is None:
            return None
        margin = self.renewal_margin_seconds
        return max(margin, (expires_at - now).total_seconds() - margin)


class Surroundings(Struct, frozen=True, kw_only=True):
    """What the machine gives: time, waiting and chance; tests bring their own."""

    clock: Clock = SystemClock()
    pause: Callable[[float], Coroutine[object, object, None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


class _Claims(Struct, frozen=True):
    exp: float


class Reconnecting:
    """A connection that outlives its connections. The listener is called synchronously and must not wait."""

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[WireClient]],
        token: Callable[[], str],
        listener: Callable[[LinkEvent], None],
        *,
        rhythm: Rhythm | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._connect = connect
        self._token = token
        self._tell = listener
        self._rhythm = rhythm or Rhythm()
        self._surroundings = surroundings or Surroundings()
        self._clock = self._surroundings.clock
        self._client: WireClient | None = None
        self._cursor: str | None = None
        self._online = asyncio.Event()
        self._online_since: float | None = None
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Stay connected until cancelled."""
        attempt = 0
        while True:
            failure = await self._one_connection()
            self._hurry.clear()
            if _is_lasting(failure):
                self._tell(Refused(failure.text if isinstance(failure, RequestRefused) else str(failure)))
                await self._hurry.wait()
                attempt = 0
                continue
            attempt = 0 if self._was_steady() else attempt
            seconds = self._pause(failure, attempt)
            attempt += 1
            self._tell(Offline(str(failure), seconds))
            await self._rest(seconds)

    def try_now(self) -> None:
        """After `Refused` or `Offline`: read the token again and connect without waiting."""
        self._hurry.set()

    async def call(self, operation: Callable[[WireClient], Awaitable[T]]) -> T:
        """Use the connection there is.

        Raises:
            ConnectionLost: there is none, or it broke.

        """
        if self._client is None:
            raise ConnectionLost("not connected")
        return await operation(self._client)

    async def insist(self, operation: Callable[[WireClient], Awaitable[T]]) -> T:
        """Wait for a connection, and begin again on the next one if it breaks: only for what may be repeated."""
        while True:
            await self._online.wait()
            client = self._client
            if client is not None:
                try:
                    return await operation(client)
                except ConnectionLost:  # quiet: `run` tells of it
                    self._leave(client)  # else this loop could spin before `run` has noticed

    def _pause(self, failure: ClientError, attempt: int) -> float:
        """Return how long to wait: as the server asked, who spreads its clients, or as one's own rhythm has it."""
        chance = self._surroundings.chance()
        asked = failure.come_back_in_seconds if isinstance(failure, ConnectionLost) else None
        return self._rhythm.pause(attempt, chance) if asked is None else asked + chance

    async def _rest(self, seconds: float) -> None:
        """Let the pause pass, or less if somebody is in a hurry."""
        async with asyncio.TaskGroup() as group:
            waits: set[asyncio.Task[object]] = {
                group.create_task(self._hurry.wait()),
                group.create_task(self._surroundings.pause(seconds)),
            }
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _one_connection(self) -> ClientError:
        """Serve one connection and return why it ended."""
        self._online_since = None
        try:
            async with self._connect() as client:
                try:
                    await self._serve(client)
                finally:
                    self._leave(client)
        except ClientError as failure:
            return failure
        return ConnectionLost("the connection ended")

    async def _serve(self, client: WireClient) -> None:
        while True:
            token = self._token()
            shown = self._cursor if self._client is None else None
            welcome = await client.authenticate(token, cursor=shown)
            if self._client is None:
                self._client = client
                self._online_since = self._clock.monotonic()
                self._online.set()
                self._tell(Online(welcome.user, welcome.resumed))
            renewal = self._rhythm.until_renewal(expiry(token), self._clock.now())
            try:
                async with asyncio.timeout(renewal):
                    async for push in client.pushes():
                        self._tell(push)
                    return
            except TimeoutError:
                log.info("client.renewing_token")

    def _leave(self, client: WireClient) -> None:
        if self._client is client:
            self._client = None
            # Pushes that were lost for want of room are missed like others: the cursor is that of the last one told.
            self._cursor = client.cursor
            self._online.clear()

    def _was_steady(self) -> bool:
        """Tell whether the last connection lasted; one that is dropped at once must not reset the pauses."""
        since = self._online_since
        return since is not None and self._clock.monotonic() - since >= self._rhythm.steady_after_seconds


def expiry(token: str) -> datetime | None:
    """Return when a token ends as far as it says so; nothing is verified, which is the server's business."""
    parts = token.split(".")
    try:
        claims = base64.urlsafe_b64decode(parts[1] + "==") if len(parts) == 3 else b""
        return datetime.fromtimestamp(msgspec.json.decode(claims, type=_Claims).exp, UTC)
    except (msgspec.DecodeError, ValueError, OverflowError, OSError):  # quiet: a token without a readable end
        return None


def _is_lasting(failure: ClientError) -> bool:
    """Tell whether trying again with the same token is of no use."""
    if isinstance(failure, RequestRefused):
        return failure.code not in _UNDECIDED
    return isinstance(failure, NoToken) or (isinstance(failure, ConnectionLost) and failure.is_final)

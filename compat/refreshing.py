"""Refresh tokens, each spent once and never in vain: whoever still holds a spent one is given its successor.

A browser sends several requests at once with the same cookies, some of them late, and may be gone before the answer.
So a refresh belongs to the process, not to a request, and its result is remembered. What one process does not know, the
Auth server forgives: a token used again within its reuse interval, or whose successor nobody has used yet, is answered
with the session that is current. So two bridge processes, or a bridge and a browser, may refresh at the same time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from msgspec import DecodeError, Raw, Struct, json

from bridge.clock import Clock
from bridge.recent import Recent
from compat.cookies import SessionFields, StoredSession, is_usable_refresh_token

Refresh = Callable[[str], Awaitable[bytes]]
"""Spend a refresh token at the Auth server and return the body of its answer.

Raises RefreshRefused if the server says no, RefreshUnavailable if it says nothing that can be relied on.
"""

REMEMBERED_SESSIONS = 4096
REMEMBERED_SECONDS = 600.0
REFUSED_SECONDS = 60.0
AT_ONCE = 8  # the Auth server counts requests by address, and all of ours come from one
ATTEMPTS = 2

log = structlog.get_logger(__name__)


class RefreshRefused(Exception):
    """The token is not, or no longer, good for a session."""


class RefreshUnavailable(Exception):
    """Nobody knows whether the token is spent; asking again with it is safe (see above)."""


class Successor(Struct, frozen=True, kw_only=True):
    """A session that took the place of another."""

    access_token: str
    fields: SessionFields
    good_until: float


class _Issued(Struct, frozen=True):
    access_token: str
    refresh_token: str
    expires_in: float
    expires_at: float | None = None


class Refreshes:
    """The refreshes in progress, the sessions that came out of them, and what was refused."""

    def __init__(self, refresh: Refresh, clock: Clock) -> None:
        self._refresh = refresh
        self._clock = clock
        self._running: dict[str, asyncio.Task[Successor | None]] = {}
        self._known: Recent[str, Successor] = Recent(
            REMEMBERED_SESSIONS, clock=clock, max_age_seconds=REMEMBERED_SECONDS
        )
        self._refused: Recent[bytes, bool] = Recent(REMEMBERED_SESSIONS, clock=clock, max_age_seconds=REFUSED_SECONDS)
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Own the refreshes until cancelled: they go on when the request they were begun for is gone."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    async def successor(self, expired: StoredSession) -> Successor | None:
        """Return the session that follows an expired one whose access token has been verified, or None.

        Which refresh token belongs to which access token is not known here, so the latter is no claim to what the
        former has earned: sessions are remembered by refresh token. Refusals are remembered by access token, for
        that cannot be made up: somebody who guesses refresh tokens has one guess a minute.
        """
        spent = expired.refresh_token
        if spent is None:
            return None
        known = self._known.get(spent)
        if known is not None and self._clock.monotonic() < known.good_until:
            return known
        running = self._running.get(spent)
        if running is None:
            if self._tasks is None:
                raise RuntimeError("nobody runs the refreshes")
            running = self._running[spent] = self._tasks.create_task(self._settle(spent, expired.access_token))
        return await asyncio.shield(running)

    async def _settle(self, spent: str, access_token: str) -> Successor | None:
        """Refresh and remember; never fails, for a failure would end everybody's refreshes."""
        witness = hashlib.sha256(access_token.encode()).digest()
        try:
            async with self._gate:
                if witness in self._refused:
                    return None
                found = await self._ask(spent)
            if found is not None:
                self._known.put(spent, found)
        except RefreshRefused as error:
            log.info("session.refresh_refused", cause=str(error))
            self._refused.put(witness, value=True)
            return None
        except Exception:
            log.exception("session.refresh_failed")
            return None
        else:
            return found
        finally:
            del self._running[spent]

    async def _ask(self, spent: str) -> Successor | None:
        """Ask the Auth server, again if its answer got lost, for then the token may be spent already."""
        for _ in range(ATTEMPTS):
            try:
                return self._read(await self._refresh(spent))
            except RefreshUnavailable as error:
                log.warning("session.refresh_unavailable", cause=str(error))
        return None

    def _read(self, body: bytes) -> Successor:
        """Take over what was issued as it is; a server too old to say when it expires is completed.

        Raises:
            RefreshUnavailable: this is no session, but perhaps a gateway's page.

        """
        try:
            issued = json.decode(body, type=_Issued)
            fields = json.decode(body, type=dict[str, Raw])
        except (DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RefreshUnavailable("unreadable answer") from error
        if not issued.access_token or not is_usable_refresh_token(issued.refresh_token):
            raise RefreshUnavailable("answer without tokens")
        if issued.expires_at is None:
            expires_at = self._clock.now() + timedelta(seconds=issued.expires_in)
            fields["expires_at"] = Raw(json.encode(int(expires_at.timestamp())))
        good_until = self._clock.monotonic() + issued.expires_in
        return Successor(access_token=issued.access_token, fields=fields, good_until=good_until)

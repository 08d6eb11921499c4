"""Who asks PostgREST through the bridge, found out afterwards: no request waits until it is counted.

The endpoints here know their callers before they answer. A request that is only passed through carries a token that
nobody has looked at; whose it is may take a question to the database, so that comes later and is remembered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

import structlog

from bridge.auth import TokenVerifier
from bridge.clock import Clock
from bridge.errors import ActionError, StoreError
from bridge.identity import find_user
from bridge.models import AuthId, UserId
from bridge.recent import Recent
from bridge.schema import NEEDED
from bridge.store.people import UserStore
from bridge.usage import NOBODY
from bridge.usage.notes import Usage
from bridge.usage.programs import Headers, Program, family_of, program_of

MAX_WAITING: Final = 1_000
"""Beyond that requests are counted as nobody's, rather than remembered with their tokens."""
KNOWN_PEOPLE: Final = 10_000
KNOWN_SECONDS: Final = 300.0

ENDPOINT: Final = "rest_v1"
FUNCTIONS: Final = "rpc"
OTHER: Final = "other"
_TABLES: Final = frozenset({*NEEDED, "message_recipients"})
_NOT_COUNTED: Final = "OPTIONS"
"""What a browser asks before a request is no request of anybody's."""
_SCHEME: Final = "bearer "

log = structlog.get_logger(__name__)


class _Asked(NamedTuple):
    endpoint: str
    token: str
    said: Program
    family: Program


class Counting:
    """Counts the requests that are passed through."""

    def __init__(
        self, usage: Usage, verifier: TokenVerifier, users: UserStore, clock: Clock, *, phone_identity: bool
    ) -> None:
        self._usage = usage
        self._verifier = verifier
        self._users = users
        self._phone_identity = phone_identity
        self._waiting: deque[_Asked] = deque()
        self._news = asyncio.Event()
        self._known: Recent[AuthId, UserId] = Recent(KNOWN_PEOPLE, clock=clock, max_age_seconds=KNOWN_SECONDS)

    def asked(self, method: str, target: str, headers: Headers) -> None:
        """Note a request that is passed through to this table or function."""
        if method == _NOT_COUNTED or not self._usage.is_kept:
            return
        endpoint, token = endpoint_of(method, target), _token(headers)
        family = family_of(headers.get("User-Agent", ""))
        if token is None or len(self._waiting) >= MAX_WAITING:
            self._usage.asked(endpoint, family, None)
            return
        self._waiting.append(_Asked(endpoint, token, program_of(headers), family))
        self._news.set()

    async def run(self) -> None:
        """Find out who asked until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                try:
                    await self._count(self._waiting[0])
                except Exception:
                    log.exception("request.not_counted")
                self._waiting.popleft()

    async def close(self) -> None:
        """Count what is left as nobody's: nothing is asked any more."""
        for one in self._waiting:
            self._usage.asked(one.endpoint, one.family, None)
        self._waiting.clear()

    async def _count(self, one: _Asked) -> None:
        user_id = await self._user_of(one.token)
        # The word of strangers about their program counts for nothing, or they could fill the ledger with names.
        self._usage.asked(one.endpoint, one.said if user_id != NOBODY else one.family, user_id)

    async def _user_of(self, token: str) -> UserId:
        try:
            claims = await self._verifier.verify(token)
            known = self._known.get(claims.auth_id)
            if known is None:
                user = await find_user(claims, self._users, phone_identity=self._phone_identity)
                known = user.id
                self._known.put(claims.auth_id, known)
        except ActionError:  # quiet: PostgREST has judged the token; here it is nobody's
            return NOBODY
        except StoreError as error:
            log.warning("request.user_unknown", cause=type(error).__name__, detail=str(error))
            return NOBODY
        return known


def endpoint_of(method: str, target: str) -> str:
    """Return what a request is counted as: only names that are known beforehand, for clients may send any."""
    if target.startswith(f"{FUNCTIONS}/"):
        return f"{ENDPOINT} {method} {FUNCTIONS}"
    return f"{ENDPOINT} {method} {target if target in _TABLES else OTHER}"


def _token(headers: Headers) -> str | None:
    """Return the token of somebody who is signed in; supabase-js sends the key in its place where nobody is."""
    header = headers.get("Authorization", "")
    token = header[len(_SCHEME) :] if header[: len(_SCHEME)].lower() == _SCHEME else ""
    return token if token and token != headers.get("apikey", "") else None

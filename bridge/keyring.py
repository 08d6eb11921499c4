"""The project's public signing keys (JWKS): fetched without blocking, kept, and renewed when a new key appears.

supabase.md 1.3: PyJWT's own client blocks the loop, refuses new keys for 30 s and fails every login while the
endpoint is down; hence this cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import jwt
import msgspec
import structlog
from msgspec import Struct

from bridge.clock import Clock

FetchKeys = Callable[[], Awaitable[bytes]]
"""Return the body of the JWKS endpoint; raises OSError or KeysUnavailable when it cannot be had."""

TIME_TO_LIVE = timedelta(minutes=5)
STALE_IF_ERROR = timedelta(hours=1)
COOLDOWN_SECONDS = 20.0
ASYMMETRIC = frozenset({"ES256", "RS256", "EdDSA"})

log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """The signing keys cannot be fetched and none usable are kept."""


class _KeySet(Struct, frozen=True):
    keys: list[dict[str, object]] = []


class Keyring:
    """Asymmetric keys by key id."""

    def __init__(self, fetch: FetchKeys, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._lock = asyncio.Lock()

    async def key(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the key with this id if it is one for this algorithm; without an id, the only key there is.

        Raises:
            KeysUnavailable: the endpoint does not answer and nothing fresh enough is kept.

        """
        if self._age() >= TIME_TO_LIVE.total_seconds() or self._lookup(key_id) is None:
            await self._renew(key_id)
        found = self._lookup(key_id)
        return found if found is not None and found.algorithm_name == algorithm else None

    async def count(self) -> int:
        """Return how many asymmetric keys the project has; 0 for one with a shared secret.

        Raises:
            KeysUnavailable: the endpoint does not answer.

        """
        await self._renew(None)
        return len(self._keys)

    def _lookup(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock.monotonic() - self._fetched_at

    async def _renew(self, key_id: str | None) -> None:
        """Fetch once for however many callers wait; a key id nobody knows costs one fetch per cool-down."""
        async with self._lock:
            fresh = self._age() < TIME_TO_LIVE.total_seconds()
            if fresh and self._lookup(key_id) is not None:
                return  # another caller fetched it while this one waited for the lock
            now = self._clock.monotonic()
            if self._tried_at is not None and now - self._tried_at < COOLDOWN_SECONDS:
                self._check_not_stale()
                return
            try:
                keys = _parse(await self._fetch())
            except (OSError, KeysUnavailable) as error:
                log.warning("jwks.unavailable", cause=type(error).__name__)
                self._tried_at = now
                self._check_not_stale()
                return
            # Only now: an attempt that was cancelled with its client is none, and whoever waits makes the next.
            self._keys, self._fetched_at, self._tried_at = keys, now, now

    def _check_not_stale(self) -> None:
        if self._age() > STALE_IF_ERROR.total_seconds():
            raise KeysUnavailable


def _parse(body: bytes) -> Mapping[str, jwt.PyJWK]:
    """Keep the keys we can use; shared secrets and unknown kinds are never taken from a public list.

    Raises:
        KeysUnavailable: this is no key set, but perhaps a gateway's error page.

    """
    try:
        listed = msgspec.json.decode(body, type=_KeySet).keys
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        log.warning("jwks.unreadable", size=len(body))
        raise KeysUnavailable from error
    keys: dict[str, jwt.PyJWK] = {}
    for entry in listed:
        key_id = entry.get("kid")
        if entry.get("kty") == "oct" or not isinstance(key_id, str):
            continue
        try:
            key = jwt.PyJWK.from_dict(entry)
        except (jwt.PyJWTError, NotImplementedError) as error:
            log.warning("jwks.key_skipped", cause=type(error).__name__)
            continue
        if key.algorithm_name in ASYMMETRIC:
            keys[key_id] = key
    return keys

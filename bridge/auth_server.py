"""The project over HTTP: the clients of the process, and what is asked of its Auth server."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from httpx_aiohttp import AiohttpTransport
from msgspec import DecodeError, Struct, json

from bridge.auth import TokenVerifier
from bridge.clock import Clock
from bridge.comparison.old_way import OldWay
from bridge.comparison.postgrest import PostgrestAsUser
from bridge.errors import LoginUndecided
from bridge.keyring import Keyring, KeysUnavailable
from bridge.login_upkeep import AskWhetherEnded
from bridge.measured_http import MeasuredTransport
from bridge.measures import Measures
from bridge.settings import Settings
from bridge.tracing import Tracing
from compat.refreshing import Refresh, RefreshRefused, RefreshUnavailable

REFUSALS = frozenset({400, 403, 422})
"""Statuses by which the Auth server refuses a refresh token; others are about our key, its address or its load."""


ENDS_OF_A_LOGIN = frozenset({"session_not_found", "user_not_found", "user_banned"})
"""By which codes the Auth server says that a login is over; another refusal is about the token, its expiry say."""


class _Refusal(Struct, frozen=True):
    error_code: str = ""
    code: object = None
    """The same where the server speaks the newer version of its API."""


def http_client(
    settings: Settings, measures: Measures, tracing: Tracing, clock: Clock, *, counted_as: str | None = None
) -> httpx.AsyncClient:
    """Make a client with connections of its own; its transport decides the ceiling (supabase.md section 5)."""
    limits = httpx.Limits(max_connections=settings.store_connections)
    timeout = httpx.Timeout(settings.store_timeout_seconds, connect=3, pool=settings.store_timeout_seconds)
    transport = MeasuredTransport(AiohttpTransport(limits=limits), measures, tracing, clock, counted_as=counted_as)
    return httpx.AsyncClient(transport=transport, timeout=timeout)


def ask_as_user(settings: Settings, http: httpx.AsyncClient) -> Callable[[str], OldWay]:
    """Make what asks PostgREST as legacy clients do: with the public key and a user's own token."""
    key = (settings.supabase_publishable_key or settings.supabase_secret_key).get_secret_value()

    def ask_as(token: str) -> OldWay:
        return PostgrestAsUser(http, url=settings.supabase_url, public_key=key, token=token)

    return ask_as


def token_verifier(settings: Settings, http: httpx.AsyncClient, clock: Clock) -> TokenVerifier:
    """Make what verifies access tokens, with the keys that the project signs with."""

    async def fetch_keys() -> bytes:
        try:
            answer = await http.get(f"{settings.supabase_url}/auth/v1/.well-known/jwks.json")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise KeysUnavailable from error
        return answer.content

    secret = settings.supabase_jwt_secret
    return TokenVerifier(
        secret=secret.get_secret_value() if secret else None,
        keyring=Keyring(fetch_keys, clock),
        clock=clock,
        audience=settings.token_audience,
        leeway_seconds=settings.token_leeway_seconds,
    )


def refresh_by_auth_server(settings: Settings, http: httpx.AsyncClient) -> Refresh:
    """Make what refreshes a session; nothing of the visitor's own request is passed on (supabase.md 1.2)."""
    key = settings.supabase_publishable_key or settings.supabase_secret_key

    async def refresh(token: str) -> bytes:
        try:
            answer = await http.post(
                f"{settings.supabase_url}/auth/v1/token?grant_type=refresh_token",
                json={"refresh_token": token},
                headers={"apikey": key.get_secret_value()},
            )
        except httpx.HTTPError as error:
            raise RefreshUnavailable(type(error).__name__) from error
        if answer.status_code in REFUSALS:
            raise RefreshRefused(f"status {answer.status_code}")
        if not answer.is_success:
            raise RefreshUnavailable(f"status {answer.status_code}")
        return answer.content

    return refresh


def ask_auth_server(settings: Settings, http: httpx.AsyncClient) -> AskWhetherEnded:
    """Make what tells whether the login of an access token has ended: only `/user` notices (supabase.md 1.1)."""
    key = settings.supabase_publishable_key or settings.supabase_secret_key

    async def has_ended(token: str) -> bool:
        headers = {"apikey": key.get_secret_value(), "Authorization": f"Bearer {token}"}
        try:
            answer = await http.get(f"{settings.supabase_url}/auth/v1/user", headers=headers)
        except httpx.HTTPError as error:
            raise LoginUndecided(type(error).__name__) from error
        if answer.status_code not in {401, 403}:
            if not answer.is_success:
                raise LoginUndecided(f"status {answer.status_code}")
            return False
        return _refusal_code(answer.content) in ENDS_OF_A_LOGIN

    return has_ended


def _refusal_code(body: bytes) -> object:
    try:
        refusal = json.decode(body, type=_Refusal)
    except DecodeError as error:
        raise LoginUndecided("a refusal that cannot be read") from error
    return refusal.error_code or refusal.code

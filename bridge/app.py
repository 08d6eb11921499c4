"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import httpx
from httpx_aiohttp import AiohttpTransport
from quart import Quart, ResponseReturnValue, websocket
from quart.wrappers import Websocket
from werkzeug.local import LocalProxy

from bridge.actions.context import Context
from bridge.auth import TokenVerifier
from bridge.clock import Clock, SystemClock
from bridge.feed import Feed
from bridge.feed.supabase import SupabaseFeed
from bridge.health import Health
from bridge.hub import Hub
from bridge.ids import fresh_id
from bridge.keyring import Keyring, KeysUnavailable
from bridge.left_rooms import LeftRooms
from bridge.lists import Lists
from bridge.members import Members
from bridge.message_states import MessageStates
from bridge.outbox import Outbox
from bridge.pages import protocol_documents, serve_documents
from bridge.presence import PresenceState
from bridge.presence_upkeep import PresenceUpkeep
from bridge.profiles import Profiles
from bridge.quotes import Quotes
from bridge.receipts import Receipts
from bridge.relay import Relay
from bridge.schema_watch import SchemaWatch
from bridge.send_times import SendTimes
from bridge.session import Connection, Limits
from bridge.settings import Settings
from bridge.store import Store
from bridge.store.supabase import SupabaseStore
from bridge.typing_state import TypingState
from bridge.typing_upkeep import TypingUpkeep
from bridge.websocket import Sockets
from compat import cookies
from compat.refreshing import Refresh, Refreshes, RefreshRefused, RefreshUnavailable
from compat.session import Rules, Sessions

REFUSALS = frozenset({400, 403, 422})
"""Statuses by which the Auth server refuses a refresh token; others are about our key, its address or its load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """The parts of a running bridge that its program and its tests talk to."""

    app: Quart
    context: Context
    relay: Relay
    sockets: Sockets
    sessions: Sessions
    http: httpx.AsyncClient


def create_bridge(
    settings: Settings, *, store: Store | None = None, feed: Feed | None = None, clock: Clock | None = None
) -> Bridge:
    """Put a bridge together; whatever is not given is the real thing."""
    clock = clock or SystemClock()
    http = _http_client(settings)
    key = settings.supabase_secret_key.get_secret_value()
    store = store or SupabaseStore(url=settings.supabase_url, key=key, http=http)
    feed = feed or SupabaseFeed(url=settings.supabase_url, key=key, clock=clock)
    hub = Hub(clock, fresh_id)
    members = Members(store.conversations, clock, settings.membership_max_age_seconds)
    context = Context(
        store=store,
        members=members,
        profiles=Profiles(store.users, clock),
        quotes=Quotes(store.messages, clock),
        hub=hub,
        times=SendTimes(clock),
        typing=TypingState(hub, clock),
        receipts=Receipts(hub),
        presence=PresenceState(
            clock,
            grace_seconds=settings.presence_grace_seconds,
            heartbeat_seconds=settings.presence_heartbeat_seconds,
        ),
        health=Health(hub, clock),
        message_states=MessageStates(),
        lists=Lists(store, hub, members, clock),
        left_rooms=LeftRooms(clock, settings.resume_rooms_seconds),
        clock=clock,
    )
    verifier = _verifier(settings, http, clock)
    limits = Limits(
        max_waiting_commands=settings.max_waiting_commands,
        auth_deadline_seconds=settings.auth_deadline_seconds,
        leeway=timedelta(seconds=settings.token_leeway_seconds),
        phone_identity=settings.phone_identity,
    )

    def open_connection(outbox: Outbox) -> Connection:
        return Connection(context, verifier, outbox, limits)

    sockets = Sockets(
        open_connection, context.health, max_frames=settings.outbox_max_frames, max_bytes=settings.outbox_max_bytes
    )
    relay = Relay(context, feed, timedelta(seconds=settings.catch_up_overlap_seconds))
    refreshes = Refreshes(_refresh(settings, http), clock)
    sessions = Sessions(verifier, store.users, refreshes if settings.refresh_sessions else None, _rules(settings))
    app = Quart(__name__)
    presence = PresenceUpkeep(context)
    _serve(app, settings, relay, sockets)
    _answer_probes(app, relay, context.health)
    serve_documents(app, protocol_documents())

    async def close() -> None:
        await presence.say_farewell()
        await context.store.close()
        await http.aclose()

    programs = [relay.run, TypingUpkeep(context).run, presence.run, SchemaWatch(store).run, refreshes.run]
    _own_lifetime(app, programs, close)
    return Bridge(app=app, context=context, relay=relay, sockets=sockets, sessions=sessions, http=http)


def _serve(app: Quart, settings: Settings, relay: Relay, sockets: Sockets) -> None:
    """Any path is the socket, for W1 asks none and W3 asks /ws (contract ws-protocol section 11, rule 10)."""

    async def socket_endpoint(**_: str) -> ResponseReturnValue | None:
        if sockets.draining:
            return "restarting", 503
        origin = websocket.headers.get("Origin")
        if origin is not None and settings.origins is not None and origin.rstrip("/") not in settings.origins:
            return "origin not allowed", 403
        current = cast("LocalProxy[Websocket]", websocket)._get_current_object()  # noqa: SLF001  # werkzeug's own way
        await current.accept()
        await sockets.serve(current)
        return None

    app.websocket("/")(socket_endpoint)
    app.websocket("/<path:path>")(socket_endpoint)


def _answer_probes(app: Quart, relay: Relay, health: Health) -> None:
    """Say whether the process lives, and whether clients should be sent here."""

    @app.get("/healthz")
    async def alive() -> ResponseReturnValue:
        return {"status": "ok"}

    @app.get("/readyz")
    async def ready() -> ResponseReturnValue:
        if not health.reasons:
            return {"status": "ready", "feed": relay.is_live}
        return {"status": "not ready", "feed": relay.is_live, "reasons": health.reasons}, 503


def _own_lifetime(
    app: Quart, programs: Sequence[Callable[[], Coroutine[None, None, None]]], close: Callable[[], Awaitable[None]]
) -> None:
    """Own every task that runs as long as the app does; `close` is the last thing done."""

    @app.while_serving
    async def lifetime() -> AsyncGenerator[None, None]:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(program()) for program in programs]
            yield
            for task in running:
                task.cancel()
        await close()


def _http_client(settings: Settings) -> httpx.AsyncClient:
    """Make the one client of the process; its transport decides the ceiling (supabase.md section 5)."""
    limits = httpx.Limits(max_connections=settings.store_connections)
    timeout = httpx.Timeout(settings.store_timeout_seconds, connect=3, pool=settings.store_timeout_seconds)
    return httpx.AsyncClient(transport=AiohttpTransport(limits=limits), timeout=timeout)


def _verifier(settings: Settings, http: httpx.AsyncClient, clock: Clock) -> TokenVerifier:
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


def _rules(settings: Settings) -> Rules:
    return Rules(
        cookie_name=settings.session_cookie or cookies.default_name(settings.supabase_url),
        secure=settings.session_cookie_secure,
        trusted_origins=settings.named_origins,
        phone_identity=settings.phone_identity,
    )


def _refresh(settings: Settings, http: httpx.AsyncClient) -> Refresh:
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

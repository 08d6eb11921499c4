"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import httpx
from quart import Quart

from bridge.actions.context import Context
from bridge.auth import TokenVerifier
from bridge.auth_server import http_client, refresh_by_auth_server, token_verifier
from bridge.clock import Clock, SystemClock
from bridge.crowd import Doors, Guests, UserLimits
from bridge.endpoints import answer_probes, name_requests, serve_socket
from bridge.errors import ConfigError
from bridge.feed import Feed
from bridge.feed.supabase import SupabaseFeed
from bridge.health import Health
from bridge.history import History
from bridge.hub import Hub
from bridge.left_rooms import LeftRooms
from bridge.lists import Lists
from bridge.measures import Measures
from bridge.members import Members
from bridge.message_states import MessageStates
from bridge.operations import show_operations
from bridge.operators import Operators
from bridge.outbox import Outbox
from bridge.pages import protocol_documents, serve_documents
from bridge.presence import PresenceState
from bridge.presence_upkeep import PresenceUpkeep
from bridge.profiles import Profiles
from bridge.quotes import Quotes
from bridge.rates import Rate
from bridge.receipts import Receipts
from bridge.refusals import Refusals
from bridge.relay import Relay
from bridge.schema_watch import SchemaWatch
from bridge.send_times import SendTimes
from bridge.session import Connection, Limits
from bridge.settings import Settings
from bridge.status import Status
from bridge.store import Store
from bridge.store.supabase import SupabaseStore
from bridge.tracing import NoTracing, Tracing
from bridge.typing_state import TypingState
from bridge.typing_upkeep import TypingUpkeep
from bridge.websocket import Sockets
from compat import cookies
from compat.answering import Answering, known_names
from compat.passthrough import Passthrough
from compat.refreshing import Refreshes
from compat.session import Rules, Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """The parts of a running bridge that its program and its tests talk to."""

    app: Quart
    context: Context
    relay: Relay
    sockets: Sockets
    sessions: Sessions
    refusals: Refusals
    http: httpx.AsyncClient


def create_bridge(
    settings: Settings, *, store: Store | None = None, feed: Feed | None = None, clock: Clock | None = None
) -> Bridge:
    """Put a bridge together; whatever is not given is the real thing.

    Raises:
        ConfigError: an old endpoint that is to be retired does not exist, or the packages for traces are not installed.

    """
    known_names(settings.compat_disabled)  # before there is anything to close
    clock = clock or SystemClock()
    measures, (tracing, end_tracing) = Measures(), _tracing(settings)
    http = http_client(settings, measures, tracing, clock)
    key = settings.supabase_secret_key.get_secret_value()
    store = store or SupabaseStore(url=settings.supabase_url, key=key, http=http)
    feed = feed or SupabaseFeed(url=settings.supabase_url, key=key, clock=clock, measures=measures)
    context = _context(settings, store, clock, measures, tracing)
    verifier = token_verifier(settings, http, clock)
    refusals = Refusals()
    sockets = _sockets(settings, context, verifier, refusals)
    doors = Doors(max_sockets=settings.max_connections, max_per_address=settings.max_connections_per_address)
    relay = Relay(context, feed, timedelta(seconds=settings.catch_up_overlap_seconds))
    refreshes = Refreshes(refresh_by_auth_server(settings, http), clock)
    sessions = Sessions(verifier, store.users, refreshes if settings.refresh_sessions else None, _rules(settings))
    app = name_requests(Quart(__name__))
    presence = PresenceUpkeep(context)
    serve_socket(app, settings, sockets, doors, refusals)
    answer_probes(app, relay, context.health)
    serve_documents(app, protocol_documents())
    _serve_old_clients(app, settings, context, sessions, http)
    show_operations(app, _operators(settings), Status(settings, context, relay, sockets, refusals), measures)

    async def close() -> None:
        await presence.say_farewell()
        await context.store.close()
        await http.aclose()
        await asyncio.to_thread(end_tracing)

    programs = [relay.run, TypingUpkeep(context).run, presence.run, SchemaWatch(store).run, refreshes.run]
    _own_lifetime(app, programs, close)
    return Bridge(
        app=app, context=context, relay=relay, sockets=sockets, sessions=sessions, refusals=refusals, http=http
    )


def _sockets(settings: Settings, context: Context, verifier: TokenVerifier, refusals: Refusals) -> Sockets:
    limits = _limits(settings)

    def open_connection(outbox: Outbox) -> Connection:
        return Connection(context, verifier, outbox, limits)

    outbox = partial(Outbox, max_frames=settings.outbox_max_frames, max_bytes=settings.outbox_max_bytes)
    return Sockets(open_connection, outbox, context.health, refusals)


def _serve_old_clients(
    app: Quart, settings: Settings, context: Context, sessions: Sessions, http: httpx.AsyncClient
) -> None:
    if settings.rest_passthrough:
        Passthrough(settings.supabase_url, http).mount(app)
    if not settings.compat:
        return
    retired, limit = known_names(settings.compat_disabled), settings.compat_max_body_bytes
    Answering(context=context, sessions=sessions, max_body_bytes=limit, retired=retired).mount(app)


def _context(settings: Settings, store: Store, clock: Clock, measures: Measures, tracing: Tracing) -> Context:
    """Make what actions work with."""
    history = History(clock)
    hub = Hub(clock, history, measures)
    members = Members(store.conversations, clock, settings.membership_max_age_seconds)
    return Context(
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
        health=Health(hub, clock, measures),
        message_states=MessageStates(),
        lists=Lists(store, hub, members, clock),
        left_rooms=LeftRooms(clock, settings.resume_rooms_seconds),
        guests=Guests(_user_limits(settings), clock),
        history=history,
        clock=clock,
        measures=measures,
        tracing=tracing,
    )


def _sockets(settings: Settings, context: Context, verifier: TokenVerifier, refusals: Refusals) -> Sockets:
    limits = _limits(settings)

    def open_connection(outbox: Outbox) -> Connection:
        return Connection(context, verifier, outbox, limits)

    outbox = partial(Outbox, max_frames=settings.outbox_max_frames, max_bytes=settings.outbox_max_bytes)
    return Sockets(open_connection, outbox, context.health, refusals)


def _operators(settings: Settings) -> Operators:
    token = settings.operator_token
    return Operators(token.get_secret_value() if token else None)


def _tracing(settings: Settings) -> tuple[Tracing, Callable[[], None]]:
    """Return where spans go, and what ends it.

    Raises:
        ConfigError: traces are wanted and their packages are not installed.

    """
    if not settings.traces:
        return NoTracing(), lambda: None
    try:
        # Only here: a bridge is installed without the extra that brings these packages.
        from bridge.otel import OpenTelemetry
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"BRIDGE_TRACES is set and {error.name} is not installed; pip install 'chat-bridge[otel]' brings it."
        ) from error
    tracing = OpenTelemetry()
    return tracing, tracing.close


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_waiting_commands=settings.max_waiting_commands,
        frames=Rate(per_second=settings.frames_per_second, burst=settings.frames_burst),
        auth_deadline_seconds=settings.auth_deadline_seconds,
        silence_limit_seconds=settings.silence_limit_seconds,
        leeway=timedelta(seconds=settings.token_leeway_seconds),
        phone_identity=settings.phone_identity,
    )


def _user_limits(settings: Settings) -> UserLimits:
    return UserLimits(
        max_connections=settings.max_connections_per_user,
        frames=Rate(per_second=settings.user_frames_per_second, burst=settings.user_frames_burst),
    )


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


def _rules(settings: Settings) -> Rules:
    return Rules(
        cookie_name=settings.session_cookie or cookies.default_name(settings.supabase_url),
        secure=settings.session_cookie_secure,
        trusted_origins=settings.named_origins,
        phone_identity=settings.phone_identity,
    )

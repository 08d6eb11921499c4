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
from bridge.auditing import Audit
from bridge.auth import TokenVerifier
from bridge.auth_server import ask_as_user, ask_auth_server, http_client, refresh_by_auth_server, token_verifier
from bridge.canary_upkeep import CanaryUpkeep
from bridge.change_log_upkeep import ChangeLogUpkeep
from bridge.clock import Clock, SystemClock
from bridge.dial import Dial
from bridge.endpoints import answer_probes, name_requests, serve_socket
from bridge.feed import Feed
from bridge.feed.canary import Canary
from bridge.feed.supabase import SupabaseFeed
from bridge.ids import fresh_id
from bridge.login_upkeep import LoginUpkeep
from bridge.measures import Measures
from bridge.operations import show_operations
from bridge.pages import protect_answers, protocol_documents, serve_documents
from bridge.presence_upkeep import PresenceUpkeep
from bridge.refusals import Refusals
from bridge.relay import Relay
from bridge.rollout.asking import Rollout, load_rollout
from bridge.schema_watch import SchemaWatch
from bridge.settings import Settings
from bridge.shadow import Shadow
from bridge.status import Status
from bridge.stepping_back import StepBack, rollout_status
from bridge.store import Store
from bridge.store.supabase import SupabaseStore
from bridge.tables_watch import TablesWatch
from bridge.typing_upkeep import TypingUpkeep
from bridge.usage_page import show_usage
from bridge.usage_upkeep import UsageUpkeep
from bridge.websocket import Sockets
from bridge.wiring import (
    Ends,
    context_of,
    counting_of,
    doors_of,
    ends_of,
    operators_of,
    session_rules,
    shadow_of,
    sockets_of,
    tracing_of,
    usage_file_of,
    usage_of,
    watch_of,
)
from compat.answering import Answering
from compat.passthrough import Passthrough
from compat.refreshing import Refreshes
from compat.rollout import answer_rollout
from compat.session import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """The parts of a running bridge that its program and its tests talk to."""

    app: Quart
    context: Context
    relay: Relay
    sockets: Sockets
    sessions: Sessions
    refusals: Refusals
    shadow: Shadow | None
    http: httpx.AsyncClient
    verifier: TokenVerifier
    usage_upkeep: UsageUpkeep
    dial: Dial
    watch: StepBack | None

    @property
    def rollout(self) -> Rollout:
        """Return what decides who is sent here."""
        return self.dial.rollout


def create_bridge(
    settings: Settings, *, store: Store | None = None, feed: Feed | None = None, clock: Clock | None = None
) -> Bridge:
    """Put a bridge together; whatever is not given is the real thing.

    Raises:
        ConfigError: an old endpoint that is named does not exist, a file or the rollout cannot be used, or the packages
            for traces are not installed.

    """
    ends, usage_file = ends_of(settings), usage_file_of(settings)  # before there is anything to close
    clock = clock or SystemClock()
    rollout = load_rollout(settings.rollout_file, settings.rollout_provider)
    measures, (tracing, end_tracing) = Measures(), tracing_of(settings)
    http = http_client(settings, measures, tracing, clock)
    key = settings.supabase_secret_key.get_secret_value()
    store = store or supabase_store(settings, http)
    kept = usage_of(settings, store, usage_file)
    canary = Canary(fresh_id(), clock, is_there=lambda: store.change_log.available)
    feed = feed or SupabaseFeed(url=settings.supabase_url, key=key, clock=clock, measures=measures, canary=canary)
    context = context_of(settings, store, clock, measures, tracing, kept)
    verifier, shadow = token_verifier(settings, http, clock), shadow_of(settings, context, ask_as_user(settings, http))
    dial, watch, refusals = Dial(rollout, context.history, clock), watch_of(rollout, context), Refusals()
    sockets = sockets_of(settings, context, verifier, dial, refusals, shadow)
    relay = Relay(context, feed, timedelta(seconds=settings.catch_up_overlap_seconds))
    refreshes = Refreshes(refresh_by_auth_server(settings, http), clock)
    sessions = Sessions(
        verifier, store.users, refreshes if settings.refresh_sessions else None, session_rules(settings)
    )
    app, presence = name_requests(Quart(__name__)), PresenceUpkeep(context, is_on=settings.presence)
    upkeep = (presence.run, LoginUpkeep(context.logins, ask_auth_server(settings, http)).run, dial.run)
    programs = (relay.run, feed.renew, refreshes.run, *upkeep, *_regularly(context, canary))
    close = partial(_close, rollout, presence, context, http, end_tracing)
    _own_lifetime(app, [*programs, *(one.run for one in (watch, shadow) if one)], close)
    bridge = Bridge(
        app=app,
        context=context,
        relay=relay,
        sockets=sockets,
        sessions=sessions,
        refusals=refusals,
        http=http,
        verifier=verifier,
        usage_upkeep=UsageUpkeep(context.usage, kept, clock, keep_days=settings.usage_keep_days),
        dial=dial,
        watch=watch,
        shadow=shadow,
    )
    _serve(bridge, settings, ends)
    return bridge


async def _close(
    rollout: Rollout,
    presence: PresenceUpkeep,
    context: Context,
    http: httpx.AsyncClient,
    end_tracing: Callable[[], None],
) -> None:
    """Say goodbye and give back what is held, in this order: the farewell is written into the tables."""
    rollout.stop()
    await presence.say_farewell()
    await context.store.close()
    await http.aclose()
    await asyncio.to_thread(end_tracing)


def supabase_store(settings: Settings, http: httpx.AsyncClient) -> Store:
    """Make what reads and writes the project's tables."""
    key = settings.supabase_secret_key.get_secret_value()
    return SupabaseStore(url=settings.supabase_url, key=key, http=http)


def _regularly(context: Context, canary: Canary) -> Sequence[Callable[[], Coroutine[None, None, None]]]:
    """Return what has to be done from time to time."""
    store = context.store
    upkeep = (ChangeLogUpkeep(store).run, CanaryUpkeep(canary, store, context.health).run)
    watch = TablesWatch(store, context.health, context.measures, context.clock)
    return (TypingUpkeep(context).run, SchemaWatch(store).run, watch.run, *upkeep)


def _serve(bridge: Bridge, settings: Settings, ends: Ends) -> None:
    """Answer at every address that there is."""
    app, context, refusals = bridge.app, bridge.context, bridge.refusals
    app.url_map.merge_slashes = False  # it redirects, to a scheme and a host that are guesses behind a proxy
    protect_answers(app)
    serve_socket(app, settings, bridge.sockets, doors_of(settings), refusals)
    answer_probes(app, bridge.relay, context.health)
    serve_documents(app, protocol_documents())
    answer_rollout(app, bridge.sessions, bridge.rollout, settings.origins)
    rollout = partial(rollout_status, bridge.dial, bridge.watch)
    status = Status(settings, context, bridge.relay, bridge.sockets, rollout, bridge.shadow)
    show_operations(app, operators_of(settings), status, context.measures, Audit(context.history, context.clock))
    upkeep = bridge.usage_upkeep
    _own_lifetime(app, [upkeep.run], upkeep.close)
    show_usage(app, operators_of(settings), upkeep.kept, context.clock)
    _serve_old_world(bridge, settings, ends)


def _serve_old_world(bridge: Bridge, settings: Settings, ends: Ends) -> None:
    """Answer at the addresses that legacy clients know."""
    if settings.rest_passthrough:
        _pass_through(bridge, settings)
    if settings.compat:
        Answering(
            context=bridge.context,
            sessions=bridge.sessions,
            max_body_bytes=settings.compat_max_body_bytes,
            retired=ends.retired,
            deprecations=ends.deprecations,
        ).mount(bridge.app)


def _pass_through(bridge: Bridge, settings: Settings) -> None:
    """Pass requests on over connections that are not the bridge's: strangers decide how long they are held."""
    context = bridge.context
    http = http_client(settings, context.measures, context.tracing, context.clock, counted_as="passthrough")
    _own_lifetime(bridge.app, [], http.aclose)
    counting = counting_of(settings, context, bridge.verifier)
    _own_lifetime(bridge.app, [counting.run], counting.close)  # its end comes before that of what it counts into
    Passthrough(settings.supabase_url, http, counting).mount(bridge.app)


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

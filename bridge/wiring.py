"""From settings to the parts of a bridge; `app` puts the parts together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from bridge.actions.context import Context
from bridge.auth import TokenVerifier
from bridge.clock import Clock
from bridge.comparison.old_way import OldWay
from bridge.crowd import Doors, Guests, UserLimits
from bridge.dial import Dial
from bridge.entrance import Limits
from bridge.errors import ConfigError
from bridge.health import Health
from bridge.history import History
from bridge.hub import Hub
from bridge.left_rooms import LeftRooms
from bridge.lists import Lists
from bridge.logins import Logins
from bridge.measures import Measures
from bridge.members import Members
from bridge.message_states import MessageStates
from bridge.operators import Operators
from bridge.outbox import Outbox
from bridge.presence import PresenceState
from bridge.profiles import Profiles
from bridge.quotes import Quotes
from bridge.rates import Rate
from bridge.receipts import Receipts
from bridge.refusals import Refusals
from bridge.rollout.asking import Rollout
from bridge.rollout.gates import Measure, Sources
from bridge.rollout.plan_file import PlanFile
from bridge.rollout.shares import RecentShare, rest_of, worst_of
from bridge.send_times import SendTimes
from bridge.session import Connection
from bridge.settings import Settings
from bridge.shadow import SHADOWED, Shadow
from bridge.stepping_back import StepBack
from bridge.store import Store
from bridge.tracing import NoTracing, Tracing
from bridge.typing_state import TypingState
from bridge.usage import UsageStore, UsageUnavailable
from bridge.usage.choice import ChosenUsage
from bridge.usage.notes import Usage
from bridge.usage.sqlite import SqliteUsage
from bridge.websocket import Sockets
from compat import cookies
from compat.answering import known_names
from compat.counting import Counting
from compat.deprecation import Deprecations
from compat.deprecation_file import read_deprecations
from compat.session import Rules


def doors_of(settings: Settings) -> Doors:
    """Make what lets sockets in."""
    return Doors(max_sockets=settings.max_connections, max_per_address=settings.max_connections_per_address)


class Ends(NamedTuple):
    """Which old endpoints are retired, and what is said of the others' end."""

    retired: Collection[str]
    deprecations: Deprecations


def ends_of(settings: Settings) -> Ends:
    """Read what is to end.

    Raises:
        ConfigError: an endpoint that is named does not exist, or the file is unusable.

    """
    path, with_brownouts = settings.compat_deprecation_file, settings.compat_brownouts
    return Ends(known_names(settings.compat_disabled), read_deprecations(path, with_brownouts=with_brownouts))


def usage_file_of(settings: Settings) -> UsageStore | None:
    """Open the file in which usage is counted, if one is named.

    Raises:
        ConfigError: the file cannot be used.

    """
    if not settings.usage_file or settings.usage == "off":
        return None
    try:
        return SqliteUsage.open(settings.usage_file)
    except UsageUnavailable as error:
        raise ConfigError(f"BRIDGE_USAGE_FILE cannot be used: {error}.") from error


def usage_of(settings: Settings, store: Store, file: UsageStore | None) -> ChosenUsage:
    """Return where usage is counted: the first of these places where it can be."""
    database = [("database", store.usage)] if settings.usage == "auto" else []
    return ChosenUsage([*database, *([("file", file)] if file else [])])


def context_of(
    settings: Settings, store: Store, clock: Clock, measures: Measures, tracing: Tracing, kept: ChosenUsage
) -> Context:
    """Make what actions work with."""
    history = History(clock)
    hub = Hub(clock, history, measures)
    members = Members(store.conversations, clock, settings.membership_max_age_seconds)
    presence = PresenceState(
        clock,
        grace_seconds=settings.presence_grace_seconds,
        heartbeat_seconds=settings.presence_heartbeat_seconds,
    )
    return Context(
        store=store,
        members=members,
        profiles=Profiles(store.users, clock),
        quotes=Quotes(store.messages, clock),
        hub=hub,
        times=SendTimes(clock),
        typing=TypingState(hub, clock, members.known),
        receipts=Receipts(hub),
        presence=presence,
        health=Health(hub, clock, measures),
        message_states=MessageStates(),
        lists=Lists(store, hub, members, presence, clock),
        left_rooms=LeftRooms(clock, settings.resume_rooms_seconds),
        guests=Guests(_user_limits(settings), clock),
        logins=Logins(clock, settings.login_check_seconds),
        history=history,
        usage=Usage(clock, is_kept=lambda: kept.available),
        clock=clock,
        measures=measures,
        tracing=tracing,
    )


def sockets_of(
    settings: Settings,
    context: Context,
    verifier: TokenVerifier,
    dial: Dial,
    refusals: Refusals,
    shadow: Shadow | None,
) -> Sockets:
    """Make what holds the open sockets."""
    limits = _limits(settings)

    def open_connection(outbox: Outbox) -> Connection:
        return Connection(context, verifier, outbox, limits, dial, shadow)

    outbox = partial(Outbox, max_frames=settings.outbox_max_frames, max_bytes=settings.outbox_max_bytes)
    return Sockets(open_connection, outbox, context.health, refusals)


def watch_of(rollout: Rollout, context: Context) -> StepBack | None:
    """Make what watches over the plan's file, if there is one; another source of readings is another line."""
    if not isinstance(rollout.source, PlanFile):
        return None
    sources: dict[Measure, Callable[[], float | None]] = {
        Measure.ERRORS: RecentShare(context.measures.failed_commands, context.clock),
        Measure.OLD_ERRORS: RecentShare(context.measures.failed_old_requests, context.clock),
        Measure.CONSISTENCY: rest_of(
            worst_of(
                RecentShare(partial(context.measures.mismatched_reads, action), context.clock)
                for action in sorted(SHADOWED)
            )
        ),
        Measure.LAG: lambda: max(context.health.seconds_in_doubt, context.health.lag_seconds or 0.0),
    }
    return StepBack(rollout.source, Sources(sources), context.clock)


def shadow_of(settings: Settings, context: Context, ask_as: Callable[[str], OldWay]) -> Shadow | None:
    """Make what compares reads with the old way, if any are to be compared."""
    return Shadow(context, settings.shadow_share, ask_as) if settings.shadow_share else None


def counting_of(settings: Settings, context: Context, verifier: TokenVerifier) -> Counting:
    """Make what finds out who asks PostgREST through the bridge."""
    users = context.store.users
    return Counting(context.usage, verifier, users, context.clock, phone_identity=settings.phone_identity)


def operators_of(settings: Settings) -> Operators:
    """Make what knows an operator."""
    token = settings.operator_token
    return Operators(token.get_secret_value() if token else None)


def tracing_of(settings: Settings) -> tuple[Tracing, Callable[[], None]]:
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


def session_rules(settings: Settings) -> Rules:
    """Return how the old endpoints know who asks."""
    return Rules(
        cookie_name=settings.session_cookie or cookies.default_name(settings.supabase_url),
        secure=settings.session_cookie_secure,
        trusted_origins=settings.named_origins,
        phone_identity=settings.phone_identity,
    )

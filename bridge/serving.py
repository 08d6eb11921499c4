"""Hypercorn around the app: listening sockets and drain. Facts and reasons: runtime.md sections 1 and 3."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from asyncio import base_events
from collections.abc import Callable

import structlog
from hypercorn.asyncio import serve
from hypercorn.config import Config, Sockets

from bridge import hypercorn_socket
from bridge.app import Bridge
from bridge.errors import CloseCode
from bridge.hypercorn_socket import SocketConfig
from bridge.rates import Rate
from bridge.refusals import Refusals
from bridge.settings import Settings

BACKLOG = 2048
HEADER_BYTES = 64 * 1024
IDLE_SECONDS = 5.0
"""For the head of a request, however slowly it comes, and between two requests."""
WIRE_FRAMES_OF_A_FRAME = 4
"""A client may send so many times as many pings, pongs and pieces of messages as messages."""
GRACE_SECONDS = 5.0
CLEAN_UP_SECONDS = 10.0
OTHER_FILES = 128
"""Listening sockets, Realtime, files being read, and the like."""
UNACKNOWLEDGED_MILLISECONDS = 15_000

log = structlog.get_logger(__name__)


def end_within_seconds(settings: Settings) -> float:
    """Return how long an orderly end takes at most: connections, requests, then presence and what is open."""
    return settings.drain_seconds + GRACE_SECONDS + CLEAN_UP_SECONDS


def allow_open_files(settings: Settings) -> None:
    """Let this process have as many open files as its limits allow connections; shells give 1024 as a rule."""
    pools = 2 if settings.rest_passthrough else 1
    wanted = settings.max_connections + pools * settings.store_connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < wanted:
            log.warning("limits.open_files", allowed=allowed, wanted=wanted, hint="BRIDGE_MAX_CONNECTIONS")


async def run(bridge: Bridge, settings: Settings, *, stop: asyncio.Event, on_listening: Callable[[int], None]) -> None:
    """Find out what the database is like, serve until `stop` is set, then drain; `on_listening` is told the port.

    Raises:
        ConfigError: the rollout's provider does not get ready.
        OSError: the port is taken.
        SchemaUnusable: the database is no chat that the bridge could serve.
        StoreError: the tables cannot be read.

    """
    await bridge.context.store.check()
    await bridge.rollout.start()
    await bridge.relay.begin()
    hypercorn_socket.install()
    _let_shutdown_end()
    config = _config(settings, bridge.refusals)
    sockets = _listening_sockets(config)
    on_listening(sockets.insecure_sockets[0].getsockname()[1])

    async def shutdown_trigger() -> None:
        await stop.wait()
        await bridge.sockets.drain(settings.drain_seconds, come_back_within_seconds=settings.come_back_within_seconds)

    await serve(bridge.app, config, shutdown_trigger=shutdown_trigger)


def _config(settings: Settings, refusals: Refusals) -> SocketConfig:
    def count() -> None:
        refusals.closings[CloseCode.TOO_FAST] += 1
        log.info("socket.cut_off", code=CloseCode.TOO_FAST.name)

    rate = Rate(
        per_second=settings.frames_per_second * WIRE_FRAMES_OF_A_FRAME,
        burst=settings.frames_burst * WIRE_FRAMES_OF_A_FRAME,
    )
    config = SocketConfig(rate, count)
    config.bind = [f"{settings.host}:{settings.port}"]
    config.backlog = BACKLOG
    config.websocket_ping_interval = settings.ping_interval_seconds
    config.websocket_max_message_size = settings.max_frame_characters
    config.read_timeout = settings.silence_limit_seconds  # type: ignore[assignment]  # typed int, handed to wait_for
    config.keep_alive_timeout = IDLE_SECONDS
    config.h11_max_incomplete_size = HEADER_BYTES
    config.graceful_timeout = GRACE_SECONDS
    config.alpn_protocols = ["http/1.1"]
    config.include_server_header = False  # nobody needs to know what to attack
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    return config


def _listening_sockets(config: Config) -> Sockets:
    """Bind now, so that a taken port is an error before anything starts, and let half-dead peers be noticed.

    Listen now, too: whoever comes before everything has started waits for that, and is not refused.
    """
    sockets = config.create_sockets()
    for one in sockets.insecure_sockets:
        one.listen(config.backlog)
        # Inherited by connections: a peer that acknowledges nothing is gone after this (runtime.md 2.1). Linux only.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MILLISECONDS)
    config.create_sockets = lambda: sockets  # type: ignore[method-assign]  # hypercorn has no other door for this
    return sockets


def _let_shutdown_end() -> None:
    """Make Server.wait_closed return at once: from Python 3.12 on it waits for frozen peers (hypercorn#308)."""

    async def wait_closed(_: base_events.Server) -> None:
        return None

    base_events.Server.wait_closed = wait_closed  # type: ignore[method-assign,assignment]  # see above

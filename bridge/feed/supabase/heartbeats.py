"""Heartbeats of our own, whose answers are watched: the library's would find a half-open connection late (R6)."""

from __future__ import annotations

import asyncio
from typing import cast

from realtime import AsyncRealtimeChannel, AsyncRealtimeClient
from realtime.message import Message as PhoenixMessage

from bridge.clock import Clock
from bridge.feed.supabase.pauses import EpochEnded

HEARTBEAT_SECONDS = 5.0
DEAD_AFTER_SECONDS = 12.0


class HeartbeatSink:
    """Sits where the client looks for the channel `phoenix`, whose replies it would drop (R6); notes the answers."""

    topic = "phoenix"
    is_joined = is_joining = is_errored = is_leaving = False

    def __init__(self) -> None:
        self.unanswered_since: float | None = None

    def _handle_message(self, _: object) -> None:
        self.unanswered_since = None

    def _release_subscribe_waiter(self) -> None:
        """Do nothing: nobody waits for this channel."""


class Heartbeats:
    """The heartbeats of one client."""

    def __init__(self, client: AsyncRealtimeClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._sink = HeartbeatSink()
        self._sent = 0

    def watch(self) -> None:
        """Have the client hand over the answers."""
        self._client.channels["phoenix"] = cast("AsyncRealtimeChannel", self._sink)

    def unwatch(self) -> None:
        """Leave nothing of ours among the client's channels."""
        self._client.channels.pop("phoenix", None)

    async def beat(self) -> None:
        """Send a heartbeat and see that earlier ones were answered; half-open connections end here (R6).

        Raises:
            EpochEnded: they were not, or nothing can be sent.

        """
        now = self._clock.monotonic()
        if self._sink.unanswered_since is None:
            self._sink.unanswered_since = now
        elif now - self._sink.unanswered_since > DEAD_AFTER_SECONDS:
            raise EpochEnded("heartbeats are not answered")
        self._sent += 1
        beat = PhoenixMessage(topic="phoenix", event="heartbeat", payload={}, ref=f"beat-{self._sent}")
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._client.send(beat)
        except Exception as error:
            raise EpochEnded(f"heartbeat not sent: {type(error).__name__}") from error

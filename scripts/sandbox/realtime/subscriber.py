"""Subscribes channels to the database, one after the other, and all of them again after a change there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

import psycopg

from scripts.sandbox.realtime.channels import Channel
from scripts.sandbox.realtime.resolver import Resolver, SubscriptionRefused
from scripts.sandbox.realtime.subscriptions import Registry
from scripts.sandbox.realtime.timing import Timing

_log = logging.getLogger(__name__)


class Subscriber:
    """The real server's subscription keeper: two loops, `work` and `watch_publication`, to be run by the owner."""

    def __init__(
        self,
        *,
        resolver: Resolver,
        registry: Registry,
        timing: Timing,
        channels: Callable[[], Iterable[Channel]],
    ) -> None:
        self._resolver = resolver
        self._registry = registry
        self._timing = timing
        self._channels = channels
        self._waiting: asyncio.Queue[Channel] = asyncio.Queue()

    def ask(self, channel: Channel) -> None:
        """Queue a channel."""
        self._waiting.put_nowait(channel)

    def start_over(self) -> None:
        """Forget every subscription and make them anew; each channel hears "Subscribed to PostgreSQL" again."""
        self._registry.clear()
        for channel in self._channels():
            channel.resubscribe()

    async def work(self) -> None:
        """Subscribe who waits, for ever."""
        while True:
            channel = await self._waiting.get()
            if not channel.closed:
                await self._subscribe(channel)

    async def watch_publication(self) -> None:
        """Start over whenever a table enters or leaves the publication."""
        known: str | None = None
        while True:
            try:
                now = await self._resolver.publication()
                if known is not None and now != known:
                    self.start_over()
                known = now
            except psycopg.OperationalError as error:
                _log.warning("the publication cannot be read: %s", error)
            await asyncio.sleep(self._timing.publication_check)

    async def _subscribe(self, channel: Channel) -> None:
        bearer = channel.bearer
        try:
            subscriptions = await self._resolver.resolve(channel.bindings, bearer, channel)
        except SubscriptionRefused as refused:
            channel.subscription_failed(str(refused), again=refused.again)
            return
        except psycopg.Error as error:
            _log.warning("a subscription failed: %s", error)
            channel.subscription_failed("Subscribing to PostgreSQL failed", again=True)
            return
        if not channel.closed and channel.bearer is bearer:  # else it left, or a newer request is on its way
            self._registry.replace(channel, subscriptions)
            channel.subscribed()

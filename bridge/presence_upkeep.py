"""What presence needs done regularly: changes told to those whom they concern, rows written, strangers' rows read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set

import structlog

from bridge.actions.context import Context
from bridge.errors import StoreError, StoreRefused
from bridge.events import PresenceChanged, UserCameOnline, UserWentOffline
from bridge.models import ConversationId, Identity, Presence, PresenceStatus, UserId

TICK_SECONDS = 0.5
ROWS_AT_ONCE = 500
PEOPLE_AT_ONCE = 50
"""Are asked about together: after a restart all come back at once, and most of them into the same rooms."""
ASK_AGAIN_SECONDS = 5.0
FAREWELL_SECONDS = 3.0
TABLE = "user_presence"

CONSTRAINT = "23"
"""The class of SQLSTATEs that a row brings about: one of many is to blame, like that of a deleted user."""

log = structlog.get_logger(__name__)


class PresenceUpkeep:
    """Ticks while the process runs. Telling and writing have a tick each: one that hangs does not hold up the other.

    Where it is off, who is here is counted, and neither told nor written.
    """

    def __init__(self, context: Context, *, is_on: bool = True) -> None:
        self._context = context
        self._is_on = is_on
        self._ask_from = 0.0

    async def run(self) -> None:
        """Tick until cancelled."""
        if not self._is_on:
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self.tell))
            tasks.create_task(self._repeat(self.write))

    async def tell(self) -> None:
        """Tell what has changed; who cannot be asked about now is told of later, as they are then."""
        presence, now = self._context.presence, self._context.clock.monotonic()
        presence.end_overdue()
        if now < self._ask_from:
            return
        try:
            if presence.needs_stock:
                presence.take_stock(await self._context.store.presence.alive_since(presence.alive_since()), now)
            untold = presence.untold()
            for start in range(0, len(untold), PEOPLE_AT_ONCE):
                await self._tell_of(untold[start : start + PEOPLE_AT_ONCE])
        except StoreError as error:
            self._ask_from = now + ASK_AGAIN_SECONDS
            log.warning("presence.not_told", cause=type(error).__name__, detail=str(error))

    async def write(self) -> None:
        """Write what is due; what fails is written with the next heartbeat."""
        rows = self._context.presence.take_unwritten()
        for start in range(0, len(rows), ROWS_AT_ONCE):
            self._context.presence.put_off(await self._refused(rows[start : start + ROWS_AT_ONCE]))

    async def say_farewell(self) -> None:
        """Write everybody offline who was here, within FAREWELL_SECONDS: the process ends."""
        if not self._is_on:
            return
        rows = self._context.presence.farewell()
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                for start in range(0, len(rows), ROWS_AT_ONCE):
                    await self._refused(rows[start : start + ROWS_AT_ONCE])
        except TimeoutError:
            # Their last_seen grows old, and they count as offline after two and a half heartbeats.
            log.warning("presence.farewell_incomplete", people=len(rows))

    async def _repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await work()
            except Exception:
                log.exception("presence.failed")

    async def _tell_of(self, people: Sequence[Identity]) -> None:
        """Ask who shares conversations with them, if there is anybody to be told, and tell those."""
        asked = frozenset[str]().union(*(one.ids for one in people if self._context.hub.has_others(one)))
        members = await self._context.store.conversations.companions(asked) if asked else {}
        topics = _topics_of(asked, members)
        for identity in people:
            change = self._context.presence.take_change(identity.user_id)
            if change is not None:
                shared = {topic for one in identity.ids for topic in topics.get(one, ())}
                self._publish(change, {topic: members[topic] - identity.ids for topic in shared})
                await asyncio.sleep(0)  # in a large room that takes a moment, and others want their turn

    def _publish(self, change: PresenceChanged, others: Mapping[ConversationId, frozenset[UserId]]) -> None:
        hub, now = self._context.hub, self._context.clock.now()
        hub.publish(change, frozenset().union(*others.values()))
        is_gone = change.status is PresenceStatus.OFFLINE
        if is_gone is (change.was is PresenceStatus.OFFLINE):
            return  # away or busy: the old clients know only here and gone
        kind = UserWentOffline if is_gone else UserCameOnline
        for topic, members in others.items():
            hub.publish(kind(topic=topic, user_id=change.user_id, at=now), members)

    async def _refused(self, rows: Sequence[Presence]) -> Sequence[Presence]:
        """Write rows and return those that could not be; one that the table refuses does not keep the others out."""
        health = self._context.health
        try:
            with health.writing(TABLE):
                await self._context.store.presence.write(rows)
        except StoreError as error:
            if len(rows) > 1 and isinstance(error, StoreRefused) and error.sqlstate.startswith(CONSTRAINT):
                middle = len(rows) // 2
                return [*await self._refused(rows[:middle]), *await self._refused(rows[middle:])]
            failures = health.failed_writes(TABLE)
            log.warning("presence.not_written", cause=type(error).__name__, detail=str(error), failures=failures)
            return rows
        return []


def _topics_of(
    people: Set[str], members: Mapping[ConversationId, frozenset[UserId]]
) -> Mapping[str, Sequence[ConversationId]]:
    """Return the conversations of each of these ids."""
    topics: dict[str, list[ConversationId]] = {}
    for topic, those in members.items():
        for one in those & people:
            topics.setdefault(one, []).append(topic)
    return topics

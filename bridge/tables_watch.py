"""Whether the tables answer, asked often enough that /readyz tells the truth within seconds.

The relay asks every 30 s while all is well, and a server that accepts and never answers is noticed by nobody before
a question's time is over. So questions are asked in short intervals, whether or not those before have been answered:
then a slow server answers as often as it is asked, only later, and a dead one not at all. What counts is how long
nothing has come, never how long one answer takes; that is why a slow one is not reported again and again.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.errors import StoreDown, StoreError, StoreUnreadable
from bridge.health import Health
from bridge.measures import Measures
from bridge.models import UserId
from bridge.store import Store

LOOK_EVERY_SECONDS: Final = 2.0
SILENT_AFTER_SECONDS: Final = 6.0
"""Counted from the first question that nothing has come after."""
MOST_OPEN: Final = 10
"""Questions that wait for an answer at once, for BRIDGE_STORE_TIMEOUT_SECONDS may be long."""
_NOBODY: Final = UserId("00000000-0000-0000-0000-000000000000")

log = structlog.get_logger(__name__)


class TablesWatch:
    """Asks something cheap, unless others are being answered anyway."""

    def __init__(self, store: Store, health: Health, measures: Measures, clock: Clock) -> None:
        self._store = store
        self._health = health
        self._measures = measures
        self._clock = clock
        self._answers = measures.table_answers()
        self._asked_at: float | None = None
        """When the first question was asked since the last answer."""
        self._looked_at = clock.monotonic()
        self._heard = 0
        self._open = 0

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(LOOK_EVERY_SECONDS)
                if self.look():
                    self._open += 1
                    tasks.create_task(self._ask())

    def look(self) -> bool:
        """Judge by what has come until now, and tell whether to ask."""
        now, before = self._clock.monotonic(), self._looked_at
        self._looked_at = now
        if self._has_heard():
            return False  # others ask, and are answered
        if self._asked_at is None:
            self._asked_at = now
        # A loop that was held up for long has not yet read what came meanwhile.
        elif now - before < 2 * LOOK_EVERY_SECONDS and now - self._asked_at >= SILENT_AFTER_SECONDS:
            self._say(silent=True)
        return self._open < MOST_OPEN

    async def ask(self) -> None:
        """Ask once. A failure says nothing if somebody else was answered meanwhile."""
        before = self._measures.table_answers(), self._heard
        try:
            await self._store.users.profiles([_NOBODY])
        except StoreDown as error:
            if isinstance(error, StoreUnreadable):
                self._answered()
            elif (self._measures.table_answers(), self._heard) == before:
                self._say(silent=True, cause=str(error))
        except StoreError:  # quiet: a refusal is an answer; whoever asks for more than this tells of it
            self._answered()
        else:
            self._answered()

    async def _ask(self) -> None:
        try:
            await self.ask()
        except Exception:
            log.exception("tables.watch_failed")
        finally:
            self._open -= 1

    def _has_heard(self) -> bool:
        answers = self._measures.table_answers()
        if answers == self._answers:
            return False
        self._answers = answers
        self._answered()
        return True

    def _answered(self) -> None:
        self._answers, self._asked_at = self._measures.table_answers(), None
        self._heard += 1
        self._say(silent=False)

    def _say(self, *, silent: bool, cause: str = "silence") -> None:
        if self._health.tables_silent is silent:
            return
        self._health.set_tables_silent(silent=silent)
        if silent:
            log.warning("tables.silent", cause=cause)
        else:
            log.info("tables.answer")

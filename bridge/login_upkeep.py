"""Asks the Auth server about the logins that are connected, and lets those go that have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bridge.errors import LoginUndecided
from bridge.logins import Logins

TICK_SECONDS = 1.0
AT_ONCE = 8

AskWhetherEnded = Callable[[str], Awaitable[bool]]
"""Given an access token, tells whether its login has ended. Raises LoginUndecided if nobody can say."""

log = structlog.get_logger(__name__)


class LoginUpkeep:
    """Ticks while the process runs."""

    def __init__(self, logins: Logins, ask: AskWhetherEnded) -> None:
        self._logins = logins
        self._ask = ask

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self.tick()

    async def tick(self) -> None:
        """Ask about whom it is time to ask about, a few at once."""
        due = list(self._logins.due().items())
        for start in range(0, len(due), AT_ONCE):
            async with asyncio.TaskGroup() as tasks:
                for login_id, token in due[start : start + AT_ONCE]:
                    tasks.create_task(self._ask_about(login_id, token))

    async def _ask_about(self, login_id: str, token: str) -> None:
        """In doubt the login goes on: an Auth server that is down must not close every socket."""
        try:
            has_ended = await self._ask(token)
        except LoginUndecided as error:
            log.warning("login.undecided", cause=str(error))
            return
        if has_ended:
            log.info("login.ended")
            self._logins.end(login_id)

"""The Auth server's refresh endpoint as a function: spends tokens, and fails or waits when a test says so."""

from __future__ import annotations

import asyncio
import json
from collections import deque

from bridge.clock import Clock
from compat.refreshing import RefreshRefused
from tests.gated import Gate
from tests.people import B, Person
from tests.tokens import Mint


class AuthServer:
    """Issues `<token>+` for a token it has not seen; a token that is spent is refused."""

    def __init__(self, mint: Mint, clock: Clock) -> None:
        self.asked: list[str] = []
        self.answers: deque[bytes | Exception] = deque()
        self.gate: Gate | None = None
        self.at_once = 0
        self.most_at_once = 0
        self.person: Person = B
        self.lifetime_seconds = 3600
        self._mint = mint
        self._clock = clock

    async def refresh(self, token: str) -> bytes:
        """Spend a token; what a test put into `answers` comes first, and then the token is spent nevertheless."""
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        was_spent = token in self.asked
        self.asked.append(token)
        try:
            await (self.gate or _next_turn)()
        finally:
            self.at_once -= 1
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if was_spent and answer is None:
            raise RefreshRefused("spent")
        return answer or self.issued(f"{token}+")

    def issued(self, refresh_token: str, **changes: object) -> bytes:
        """Return the body that issues a session."""
        expires_at = int(self._clock.now().timestamp()) + self.lifetime_seconds
        session = {
            "access_token": self._mint.hs256(self.person.auth_id, exp=expires_at),
            "token_type": "bearer",
            "expires_in": self.lifetime_seconds,
            "expires_at": expires_at,
            "refresh_token": refresh_token,
            "user": {"id": self.person.auth_id},
            **changes,
        }
        return json.dumps({name: value for name, value in session.items() if value is not None}).encode()


async def _next_turn() -> None:
    await asyncio.sleep(0)

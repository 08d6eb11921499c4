"""What supabase-py would send, and how it ends, without a server."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from postgrest.exceptions import APIError

Outcome = object | Exception | Callable[[], Awaitable[None]]


@dataclass
class Answer:
    """What supabase-py hands back."""

    data: object


@dataclass(frozen=True, slots=True)
class Request:
    """What would be sent, by a client with a time limit."""

    http_method: str
    session: httpx.AsyncClient


class Query:
    """Executes to one outcome after the other: an error, something that hangs, or an answer."""

    def __init__(self, *outcomes: Outcome, method: str = "GET", seconds: float = 10.0) -> None:
        self.request = Request(method, httpx.AsyncClient(timeout=seconds))
        self.sent = 0
        self._outcomes = deque(outcomes)

    async def execute(self) -> object:
        """Answer, hang or fail."""
        self.sent += 1
        outcome = self._outcomes.popleft()
        if isinstance(outcome, Exception):
            raise outcome
        if callable(outcome):
            await outcome()
        return outcome


def refusal(code: str | int) -> APIError:
    """Return the library's error for an answer of PostgREST, which quotes the row."""
    return APIError({"code": code, "message": "value secret", "details": "Failing row (secret)", "hint": None})

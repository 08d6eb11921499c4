"""Asking PostgREST again, where that is safe: a question, or a write that says the same when it is said twice.

All attempts together take no longer than one may (BRIDGE_STORE_TIMEOUT_SECONDS): nobody waits longer because of them.
The library's own repeats are switched off: up to seven seconds of pauses, whatever the time limit.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import httpx
from postgrest.exceptions import APIError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_before_delay, wait_random_exponential

ATTEMPTS: Final = 4
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 2.0

PASSING_CODES: Final = frozenset({"PGRST000", "PGRST001", "PGRST002", "PGRST003", "40001", "40P01", "53300"})
"""What goes by: the database is starting, the schema is being read, no connection was free, two writers collided."""
_QUESTIONS: Final = frozenset({"GET", "HEAD"})


class Request(Protocol):
    """What supabase-py is about to send."""

    @property
    def http_method(self) -> str:
        """Return GET for a question."""
        ...

    @property
    def session(self) -> httpx.AsyncClient:
        """Return the client that sends it, with its time limit."""
        ...


class Query(Protocol):
    """Anything of supabase-py that can be executed."""

    @property
    def request(self) -> Request:
        """Return the request."""
        ...

    async def execute(self) -> object:
        """Send the request."""
        ...


def is_of_the_way(code: str) -> bool:
    """Tell whether a proxy or gateway answered: a body that is not JSON leaves the HTTP status as the code."""
    return code.startswith("5") and len(code) == len("502")


async def answer_of(query: Query, *, repeatable: bool) -> object:
    """Execute, again after a pause if it failed in passing; `repeatable`: a write that may be said twice.

    Raises:
        TimeoutError: there was no answer in time.
        Exception: whatever the library raised last.

    """
    limit = query.request.session.timeout.read
    is_safe = repeatable or query.request.http_method in _QUESTIONS
    attempts = stop_after_attempt(ATTEMPTS if is_safe else 1)
    async with asyncio.timeout(limit):
        return await AsyncRetrying(
            retry=retry_if_exception(_passes),
            wait=wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
            stop=attempts if limit is None else attempts | stop_before_delay(limit),
            reraise=True,
        )(query.execute)


def _passes(error: BaseException) -> bool:
    """Tell whether another attempt may succeed; not where an answer took too long, for that time is over for all.

    The transport says ConnectTimeout when the server hangs up without an answer, too.
    """
    if isinstance(error, APIError):
        code = str(error.code)
        return code in PASSING_CODES or is_of_the_way(code)
    return isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError | httpx.ConnectTimeout)

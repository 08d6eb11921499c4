"""Pauses between epochs that fail: growing, and long after the server has asked for less."""

from __future__ import annotations

import httpx
import pytest
from tenacity import AsyncRetrying, Future, RetryCallState

from bridge.feed.supabase.pauses import AFTER_RATE_LIMIT_SECONDS, LONGEST_SECONDS, EpochEnded, http_status, pause_after


def after(reason: str, attempt: int) -> list[float]:
    """Return a hundred pauses after an attempt that ended so."""
    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.attempt_number = attempt
    state.outcome = Future.construct(attempt, EpochEnded(reason), has_exception=True)
    return [pause_after(state) for _ in range(100)]


@pytest.mark.parametrize(
    "reason",
    [
        "CHANNEL_ERROR: ConnectionRateLimitReached: Too many connected users",
        "CHANNEL_ERROR: ClientJoinRateLimitReached: Too many joins per second",
        "CHANNEL_ERROR: ChannelRateLimitReached: Too many channels",
        "CLOSED: Too many messages per second",
        "no connection: 429",
    ],
)
def test_after_a_rate_limit_half_a_minute_goes_by(reason: str) -> None:
    """At least; projects were suspended for less."""
    assert min(after(reason, 1)) >= AFTER_RATE_LIMIT_SECONDS


@pytest.mark.parametrize("reason", ["the connection was closed", "no connection: 503", "old age"])
def test_else_pauses_begin_small_and_grow(reason: str) -> None:
    """At random, so that several bridges do not come at once."""
    first, later = after(reason, 1), after(reason, 20)
    assert max(first) <= 1.0
    assert LONGEST_SECONDS / 2 < max(later) <= LONGEST_SECONDS
    assert len(set(later)) > 1


def test_the_status_of_a_refused_handshake_is_known() -> None:
    """Whatever the library's error is called."""
    response = httpx.Response(429, request=httpx.Request("GET", "http://localhost"))
    assert http_status(httpx.HTTPStatusError("no", request=response.request, response=response)) == 429
    assert http_status(OSError()) is None

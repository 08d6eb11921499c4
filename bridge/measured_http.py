"""Requests to the project counted, timed and traced, in the one place that all of them pass: the HTTP transport."""

from __future__ import annotations

import httpx

from bridge.clock import Clock
from bridge.measures import Measures
from bridge.tracing import Tracing

NO_ANSWER = "cancelled"


class MeasuredTransport(httpx.AsyncBaseTransport):
    """Another transport, watched. Of a request only the table and the method are told: filters name people.

    `counted_as` stands for every table where strangers choose what is asked for: they could use up all labels.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        measures: Measures,
        tracing: Tracing,
        clock: Clock,
        *,
        counted_as: str | None = None,
    ) -> None:
        self._inner = inner
        self._measures = measures
        self._tracing = tracing
        self._clock = clock
        self._counted_as = counted_as

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; what is timed ends with the head of the answer."""
        table, began, outcome = self._counted_as or _table(request.url.path), self._clock.monotonic(), NO_ANSWER
        try:
            with self._tracing.span("supabase.request", table=table, method=request.method):
                answer = await self._inner.handle_async_request(request)
            outcome = str(answer.status_code)
        except Exception as error:
            outcome = type(error).__name__
            raise
        finally:
            self._measures.requests.add(table, request.method, outcome)
            self._measures.request_seconds.observe(self._clock.monotonic() - began, table)
        return answer

    async def aclose(self) -> None:
        """Close the transport behind."""
        await self._inner.aclose()


def _table(path: str) -> str:
    """Return the table of a path of PostgREST, or the part of Supabase that a path belongs to."""
    _, found, rest = path.partition("/rest/v1/")
    return (rest if found else path.strip("/")).partition("/")[0]

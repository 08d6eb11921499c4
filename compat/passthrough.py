"""PostgREST for legacy clients whose SUPABASE_URL names the bridge: requests are passed through as they are.

A proxy, not an endpoint: nothing is decoded, no key is added, and row-level security decides as ever. What they
write reaches the bridge through Realtime, as from any legacy writer. Off by default (supabase.md section 7).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from math import inf
from typing import Final

import httpx
import structlog
from quart import Quart, Response, request
from werkzeug.datastructures import Headers

from compat.counting import Counting

PREFIX: Final = "/rest/v1/"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_PASSED: Final = frozenset(
    {
        "accept",
        "accept-profile",
        "access-control-request-headers",
        "access-control-request-method",
        "apikey",
        "authorization",
        "content-length",
        "content-profile",
        "content-type",
        "origin",
        "prefer",
        "range",
        "range-unit",
        "x-client-info",
    }
)
_RETURNED: Final = frozenset(
    {
        "allow",
        "content-length",
        "content-location",
        "content-profile",
        "content-range",
        "content-type",
        "location",
        "preference-applied",
        "range-unit",
        "retry-after",
        "vary",
        "www-authenticate",
    }
)
_RETURNED_FAMILY: Final = "access-control-"

_TARGET: Final = re.compile(r"(rpc/)?[\w$-]+|", re.ASCII)
"""A table, a view, a function, or the description of them all; nothing else of the project is reachable here."""

_TOO_LARGE: Final = ("PGRST102", "Request body too large")
_NOT_IN_TIME: Final = ("PGRST102", "Request body did not come in time")

log = structlog.get_logger(__name__)


class Passthrough:
    """Passes requests on to the project's PostgREST, and has them counted."""

    def __init__(self, url: str, http: httpx.AsyncClient, counting: Counting) -> None:
        self._url = f"{url}{PREFIX}"
        self._http = http
        self._counting = counting

    def mount(self, app: Quart) -> None:
        """Answer at the path that supabase-js asks."""
        for rule in (PREFIX, f"{PREFIX}<path:target>"):
            app.add_url_rule(rule, rule, self._answer, methods=METHODS, provide_automatic_options=False)

    async def _answer(self, target: str = "") -> Response:
        if not _TARGET.fullmatch(target):
            return _refused(404, "PGRST125", "Invalid path specified in request URL")
        if (request.content_length or 0) > (request.max_content_length or inf):
            return _refused(413, *_TOO_LARGE)
        self._counting.asked(request.method, target, request.headers)
        asked = self._http.build_request(
            request.method,
            httpx.URL(self._url + target, query=request.query_string),
            headers=[*_only(_PASSED, request.headers.items()), ("accept-encoding", "identity")],
            content=request.body if "content-length" in request.headers or _is_chunked() else None,
        )
        try:
            async with asyncio.timeout(request.body_timeout):
                answer = await self._http.send(asked, stream=True)
        except TimeoutError:  # the project's own silence is httpx's to notice, and much earlier
            log.info("passthrough.not_in_time")
            return _refused(408, *_NOT_IN_TIME)
        except httpx.HTTPError as error:
            log.warning("passthrough.failed", cause=type(error).__name__)
            status = 504 if isinstance(error, httpx.TimeoutException) else 502
            return _refused(status, "PGRST000", "The Data API cannot be reached")
        response = Response(_Streamed(answer), answer.status_code, content_type="")
        response.headers = Headers(_returned(answer))
        return response


class _Streamed:
    """The body of an answer as it comes; closed when it has been sent or nobody wants it any more."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self._chunks = answer.aiter_raw()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """Give the connection back, also of a body that was never begun."""
        await self._answer.aclose()


def _is_chunked() -> bool:
    return "transfer-encoding" in request.headers


def _only(names: frozenset[str], headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() in names]


def _returned(answer: httpx.Response) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in answer.headers.multi_items()
        if name in _RETURNED or name.startswith(_RETURNED_FAMILY)
    ]


def _refused(status: int, code: str, message: str) -> Response:
    """Answer in PostgREST's shape, for its clients parse it."""
    body = f'{{"code":"{code}","details":null,"hint":null,"message":"{message}"}}'
    return Response(body, status, content_type="application/json; charset=utf-8")

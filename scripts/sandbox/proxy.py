"""Passes admitted requests on to the Data API and Auth, and their answers back, without keeping them whole if large."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from scripts.sandbox.access import Caller
from scripts.sandbox.api_faults import ApiFaults
from scripts.sandbox.keys import Keys
from scripts.sandbox.sessions import ISSUING_PATHS, reissued

CONNECTIONS = 64
STREAMED_FROM_BYTES = 256 * 1024
UPSTREAM_SECONDS = 120.0

_NOT_PASSED_ON = frozenset(
    {
        *("connection", "keep-alive", "trailer", "transfer-encoding", "upgrade", "proxy-authorization"),
        *("host", "apikey", "authorization", "cookie", "accept-encoding", "expect"),
    }
)
_NOT_PASSED_BACK = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date"})
_BAD_GATEWAY = {"message": "An invalid response was received from the upstream server"}


class Proxy:
    """One client for the parts behind the gateway; `close` ends it."""

    def __init__(self, upstream: Callable[[], str], keys: Keys, faults: ApiFaults, site_url: str) -> None:
        self._upstream = upstream
        self._keys = keys
        self._faults = faults
        self._site_url = site_url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=UPSTREAM_SECONDS),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def forward(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """Answer a request with what the part behind says, or with the fault that is switched on."""
        self._faults.requests += 1
        if delay := self._faults.delay_seconds(request.path):
            await asyncio.sleep(delay)
        status = self._faults.failure(request.path)
        if status is not None:
            return web.json_response(_failure(status), status=status)
        try:
            answer = await self._session.request(
                request.method,
                URL(self._upstream() + _path_and_query(request), encoded=True),
                headers=_headers_for(request, caller),
                data=await _body(request),
                allow_redirects=False,
            )
        except aiohttp.ClientError:
            return web.json_response(_BAD_GATEWAY, status=502)
        async with answer:
            if self._faults.loses_answer(request.path):
                await answer.read()
                return _broken_off(request)
            return await self._passed_back(request, answer)

    async def _passed_back(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        headers = CIMultiDict(
            (name, value) for name, value in answer.headers.items() if name.lower() not in _NOT_PASSED_BACK
        )
        if answer.content_length is None or answer.content_length > STREAMED_FROM_BYTES:
            return await _streamed(request, answer, headers)
        body = await answer.read()
        if answer.status == 200 and request.path in ISSUING_PATHS:
            body = reissued(body, self._keys, self._site_url)
        return web.Response(status=answer.status, headers=headers, body=body)


async def _body(request: web.Request) -> bytes | aiohttp.StreamReader | None:
    """Return the request's body: read, which is quicker, or, if it is large, still to be read."""
    if not request.body_exists:
        return None
    if request.content_length is None or request.content_length > STREAMED_FROM_BYTES:
        return request.content
    return await request.read()


def _path_and_query(request: web.Request) -> str:
    """Return the address as it was written, less an API key in the query, which is no filter."""
    path, _, query = request.raw_path.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("apikey=")]
    return f"{path}?{'&'.join(kept)}" if kept else path


def _headers_for(request: web.Request, caller: Caller) -> CIMultiDict[str]:
    """Return the headers for the part behind: ours for who sends, the client's for the rest.

    The Data API takes the token as its key. Auth looks for a session, so there a user's token stays where it was.
    """
    headers = CIMultiDict(
        (name, value) for name, value in request.headers.items() if name.lower() not in _NOT_PASSED_ON
    )
    if request.path.startswith("/rest/"):
        headers["apikey"] = caller.user_token or caller.key_token
        return headers
    headers["apikey"] = caller.key_token
    if caller.user_token is not None:
        headers["Authorization"] = f"Bearer {caller.user_token}"
    return headers


def _failure(status: int) -> dict[str, object]:
    """Return a body for a failure on purpose, in the shape of the Data API."""
    message = "Database connection error. Retrying the connection."
    return {"code": "PGRST000", "details": f"failing with {status} on purpose", "hint": None, "message": message}


def _broken_off(request: web.Request) -> web.StreamResponse:
    """Break the connection instead of answering."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


async def _streamed(
    request: web.Request, answer: aiohttp.ClientResponse, headers: CIMultiDict[str]
) -> web.StreamResponse:
    """Pass a large answer back piece by piece."""
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    async for piece in answer.content.iter_any():
        await response.write(piece)
    await response.write_eof()
    return response

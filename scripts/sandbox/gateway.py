"""The one address of the sandbox: Supabase's paths, its key rules and its CORS headers, in front of the parts."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from aiohttp import web

from scripts.sandbox.access import Access, Refused, forbid_secret_in_browser
from scripts.sandbox.keys import Keys
from scripts.sandbox.proxy import Proxy

LOOPBACK = "127.0.0.1"
BACKLOG = 512
MAX_BODY_BYTES = 64 * 1024 * 1024
JWKS_MAX_AGE_SECONDS = 600
PREFLIGHT_MAX_AGE_SECONDS = 3600

_EXPOSED = (
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, "
    "Range-Unit, Preference-Applied, X-Total-Count, Link, X-Supabase-Api-Version"
)
_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"
_USUAL_HEADERS = "authorization, x-client-info, apikey, content-type"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PortTaken(Exception):
    """The gateway's port cannot be used; the text says why."""


class Realtime(Protocol):
    """The HTTP side of the Realtime stand-in."""

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Serve a client's socket until it ends."""

    async def broadcast(self, request: web.Request) -> web.StreamResponse:
        """Serve both forms of broadcast over HTTP."""


class Gateway:
    """Owns the listening socket; the address is known before anything listens, for others need it to start."""

    def __init__(self, *, port: int, keys: Keys) -> None:
        self._keys = keys
        self._access = Access(keys)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError as error:
            self._socket.close()
            raise PortTaken(f"The sandbox cannot use port {port}: {error.strerror}.") from error
        self.url = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"
        self._runner: web.AppRunner | None = None

    async def start(self, *, proxy: Proxy, realtime: Realtime, control: Mapping[tuple[str, str], Handler]) -> None:
        """Begin to answer; `control` are the sandbox's own endpoints by method and path."""
        app = web.Application(middlewares=[_cors], client_max_size=MAX_BODY_BYTES)
        app.add_routes(self._routes(proxy, realtime, control))
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket, backlog=BACKLOG).start()

    async def stop(self) -> None:
        """Stop answering and give the address back."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()

    def _routes(
        self, proxy: Proxy, realtime: Realtime, control: Mapping[tuple[str, str], Handler]
    ) -> list[web.RouteDef]:
        async def forward(request: web.Request) -> web.StreamResponse:
            return await proxy.forward(request, self._access.admit(request.path, request.headers, request.query))

        async def websocket(request: web.Request) -> web.StreamResponse:
            # Everything else about keys Realtime says itself, in its own words and after its own pause.
            forbid_secret_in_browser(request.query.get("apikey", ""), request.headers.get("User-Agent", ""))
            return await realtime.websocket(request)

        async def broadcast(request: web.Request) -> web.StreamResponse:
            self._require_key(request)
            return await realtime.broadcast(request)

        single = "/realtime/v1/api/broadcast/{topic}/events/{event}"
        return [
            web.get("/auth/v1/.well-known/jwks.json", self._jwks),
            *(web.route("*", f"/{api}/v1{rest}", forward) for api in ("rest", "auth") for rest in ("", "/{rest:.*}")),
            web.get("/realtime/v1/websocket", websocket),
            web.post("/realtime/v1/api/broadcast", broadcast),
            web.post(single, broadcast),
            *(web.route(method, path, self._secret_only(handler)) for (method, path), handler in control.items()),
        ]

    def _secret_only(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if self._require_key(request) != "service_role":
                raise Refused(401, {"message": "Only the secret key may do that"})
            return await handler(request)

        return guarded

    def _require_key(self, request: web.Request) -> str:
        """Return the role of the request's API key."""
        api_key = request.headers.get("apikey") or request.query.get("apikey")
        return self._access.role_of(api_key, request.headers.get("User-Agent", ""))

    async def _jwks(self, request: web.Request) -> web.Response:
        headers = {"Cache-Control": f"public, max-age={JWKS_MAX_AGE_SECONDS}"}
        return web.json_response(self._keys.jwks(), headers=headers)


@web.middleware
async def _cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer preflights, turn refusals into JSON, and let pages of any origin read the answers."""
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return _preflight(request)
    try:
        response = await handler(request)
    except Refused as refused:
        response = web.json_response(dict(refused.body), status=refused.status)
        if refused.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
    except web.HTTPException as error:
        response = web.json_response({"message": _said(error)}, status=error.status)
    if not response.prepared:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response


def _said(error: web.HTTPException) -> str:
    """Return the message of Supabase's gateway for an error of the router."""
    return "no Route matched with those values" if error.status == 404 else error.reason


def _preflight(request: web.Request) -> web.Response:
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": request.headers.get("Access-Control-Request-Headers", _USUAL_HEADERS),
        "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE_SECONDS),
    }
    return web.Response(status=200, headers=headers)

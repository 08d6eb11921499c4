"""What the bridge answers at: the socket, and probes; how HTTP requests are named in the log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, cast

import structlog
from quart import Quart, Response, ResponseReturnValue, websocket
from quart.wrappers import Websocket
from structlog.contextvars import bind_contextvars, get_contextvars
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.local import LocalProxy
from werkzeug.routing import WebsocketMismatch

from bridge.addresses import client_address
from bridge.crowd import Doors
from bridge.fast_path import EXTENSION, WriteNow
from bridge.health import Health
from bridge.ids import fresh_id
from bridge.refusals import RETRY_AFTER, Refusal, Refusals
from bridge.relay import Relay
from bridge.settings import Settings
from bridge.websocket import Sockets

_REFUSED: Final[Mapping[Refusal, tuple[str, int]]] = {
    Refusal.DRAINING: ("restarting", 503),
    Refusal.FULL: ("too many connections", 503),
    Refusal.ADDRESS_FULL: ("too many connections", 429),
    Refusal.ORIGIN: ("origin not allowed", 403),
}

_PLAIN: Final = {"Content-Type": "text/plain; charset=utf-8"}

SOCKET: Final = "socket"

log = structlog.get_logger(__name__)


def serve_socket(app: Quart, settings: Settings, sockets: Sockets, doors: Doors, refusals: Refusals) -> None:
    """Make any path the socket, for W1 asks none and W3 asks /ws (contract ws-protocol section 11, rule 10).

    What is refused is refused before the handshake, which is the cheapest; scripts in browsers are not told why.
    """

    async def socket_endpoint(**_: str) -> ResponseReturnValue | None:
        address = client_address(_peer(), websocket.headers.getlist("X-Forwarded-For"), settings.proxies)
        refusal = _refusal(settings, sockets) or doors.refusal(address)
        if refusal is not None:
            refusals.handshakes[refusal] += 1
            log.info("handshake.refused", cause=refusal.value, address=str(address))
            return _refused(refusal)
        with doors.inside(address):
            await _serve(sockets)
        return None

    app.add_websocket("/", SOCKET, socket_endpoint)
    app.add_websocket("/<path:path>", SOCKET, socket_endpoint)
    for rule in app.url_map.iter_rules(SOCKET):
        rule.methods = None  # they would make other methods 405 everywhere, and stand in every Allow
    app.register_error_handler(WebsocketMismatch, partial(_not_found, app))


def _refused(refusal: Refusal) -> ResponseReturnValue:
    """Answer a handshake; what only another page could do better is not to be tried again."""
    text, status = _REFUSED[refusal]
    return text, status, _PLAIN if refusal is Refusal.ORIGIN else {**_PLAIN, **RETRY_AFTER}


async def _not_found(app: Quart, _: WebsocketMismatch) -> HTTPException | ResponseReturnValue:
    """Answer a request where there is only the socket as if there was nothing at all."""
    return await app.handle_http_exception(NotFound())


def _refusal(settings: Settings, sockets: Sockets) -> Refusal | None:
    if sockets.draining:
        return Refusal.DRAINING
    origin = websocket.headers.get("Origin")
    if origin is not None and settings.origins is not None and origin.rstrip("/") not in settings.origins:
        return Refusal.ORIGIN
    return None


async def _serve(sockets: Sockets) -> None:
    current = cast("LocalProxy[Websocket]", websocket)._get_current_object()  # noqa: SLF001  # werkzeug's own way
    await current.accept()
    extensions = cast("Mapping[str, object]", current.scope["extensions"])
    await sockets.serve(current, cast("WriteNow | None", extensions.get(EXTENSION)))


def _peer() -> str | None:
    client = websocket.scope.get("client")
    return str(client[0]) if client else None


def name_requests(app: Quart) -> Quart:
    """Give each HTTP request an id, which its log lines carry and its answer tells in X-Request-Id; return the app."""

    @app.before_request
    async def name_request() -> None:
        bind_contextvars(request_id=fresh_id())  # for this request's own task

    @app.after_request
    async def tell_name(response: Response) -> Response:
        response.headers["X-Request-Id"] = str(get_contextvars().get("request_id", ""))
        return response

    return app


def answer_probes(app: Quart, relay: Relay, health: Health) -> None:
    """Say whether the process lives, and whether clients should be sent here."""

    @app.get("/healthz")
    async def alive() -> ResponseReturnValue:
        return {"status": "ok"}

    def lag() -> Mapping[str, float]:
        return {} if health.lag_seconds is None else {"lagSeconds": round(health.lag_seconds, 3)}

    @app.get("/readyz")
    async def ready() -> ResponseReturnValue:
        if not health.reasons:
            return {"status": "ready", "feed": relay.is_live, **lag()}
        return {"status": "not ready", "feed": relay.is_live, "reasons": health.reasons, **lag()}, 503, RETRY_AFTER

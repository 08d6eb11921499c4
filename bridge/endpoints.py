"""What the bridge answers at: the socket, and probes."""

from __future__ import annotations

from typing import cast

from quart import Quart, ResponseReturnValue, websocket
from quart.wrappers import Websocket
from werkzeug.local import LocalProxy

from bridge.health import Health
from bridge.relay import Relay
from bridge.settings import Settings
from bridge.websocket import Sockets


def serve_socket(app: Quart, settings: Settings, sockets: Sockets) -> None:
    """Make any path the socket, for W1 asks none and W3 asks /ws (contract ws-protocol section 11, rule 10)."""

    async def socket_endpoint(**_: str) -> ResponseReturnValue | None:
        if sockets.draining:
            return "restarting", 503
        origin = websocket.headers.get("Origin")
        if origin is not None and settings.origins is not None and origin.rstrip("/") not in settings.origins:
            return "origin not allowed", 403
        current = cast("LocalProxy[Websocket]", websocket)._get_current_object()  # noqa: SLF001  # werkzeug's own way
        await current.accept()
        await sockets.serve(current)
        return None

    app.websocket("/")(socket_endpoint)
    app.websocket("/<path:path>")(socket_endpoint)


def answer_probes(app: Quart, relay: Relay, health: Health) -> None:
    """Say whether the process lives, and whether clients should be sent here."""

    @app.get("/healthz")
    async def alive() -> ResponseReturnValue:
        return {"status": "ok"}

    @app.get("/readyz")
    async def ready() -> ResponseReturnValue:
        if not health.reasons:
            return {"status": "ready", "feed": relay.is_live}
        return {"status": "not ready", "feed": relay.is_live, "reasons": health.reasons}, 503

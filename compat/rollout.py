"""`GET /rollout`: which path the visitor's client is to take, asked by the frontend before it connects.

By cookie or bearer token, as the old endpoints; `?client=web&version=2.4.0`, or the header fields X-Client-Name and
X-Client-Version, say which client asks.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

import msgspec
import structlog
from quart import Quart, Response, ResponseReturnValue, request

from bridge.authentication import MAX_NAME_CHARACTERS
from bridge.errors import ActionError, StoreError
from bridge.pages import security_headers
from bridge.paths import Decision, Path, Reason
from bridge.rollout.asking import Rollout
from bridge.rollout.deciding import Person
from compat.errors import Refused
from compat.session import COOKIE, Sessions, Visitor

PATH: Final = "/rollout"
TROUBLE: Final = "Internal server error"

log = structlog.get_logger(__name__)


def answer_rollout(app: Quart, sessions: Sessions, rollout: Rollout, origins: Set[str] | None) -> None:
    """Answer at /rollout; `origins` are those whose pages may ask, None for all."""

    @app.route(PATH, methods=["GET"], provide_automatic_options=False)
    async def which_path() -> ResponseReturnValue:
        try:
            visitor = await sessions.of(request, COOKIE)
        except Refused as refused:
            return _answer({"error": refused.text}, refused.status, origins)
        except (ActionError, StoreError) as error:
            log.warning("rollout.not_answered", cause=type(error).__name__)
            return _answer({"error": TROUBLE}, 500, origins)
        return _answer(await _decision(visitor, rollout), 200, origins)

    @app.route(PATH, methods=["OPTIONS"])
    async def preflight() -> ResponseReturnValue:
        response = _answer(None, 204, origins)
        response.headers["Access-Control-Allow-Methods"] = "GET"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, X-Client-Name, X-Client-Version"
        response.headers["Access-Control-Max-Age"] = "600"
        return response


async def _decision(visitor: Visitor, rollout: Rollout) -> Decision:
    if visitor.caller is None:
        plan = rollout.plan
        return Decision(path=Path.LEGACY, reason=Reason.NO_USER, stage=plan.stage if plan else None)
    return await rollout.decide(
        Person(
            user_id=visitor.caller.identity.user_id,
            client=_said("client", "X-Client-Name"),
            version=_said("version", "X-Client-Version"),
        )
    )


def _said(parameter: str, header: str) -> str:
    """Return what a client says of itself in the address, or else in a header field, as the old endpoints take it."""
    return (request.args.get(parameter) or request.headers.get(header, ""))[:MAX_NAME_CHARACTERS]


def _answer(body: object, status: int, origins: Set[str] | None) -> Response:
    """Answer with JSON that no cache keeps, readable by pages of the origins that may open a socket, too."""
    response = Response(b"" if body is None else msgspec.json.encode(body), status, content_type="application/json")
    response.headers.update(security_headers())
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Vary"] = "Origin"
    origin = request.headers.get("Origin")
    if origins is None:
        # Any page may ask with a token that it has; cookies are for pages of origins that are listed by name.
        response.headers["Access-Control-Allow-Origin"] = "*"
    elif origin is not None and origin.rstrip("/") in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
    return response

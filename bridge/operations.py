"""What operators ask over HTTP: numbers for Prometheus, and the state of the bridge in one document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps

import msgspec
from quart import Quart, Response, abort, request

from bridge.auditing import Audit
from bridge.measures import Measures
from bridge.metrics import Metrics
from bridge.operators import Operators, Refusal
from bridge.status import Status

View = Callable[[], Awaitable[Response]]

NOT_TO_BE_KEPT = {"Cache-Control": "no-store"}
PLAIN = {**NOT_TO_BE_KEPT, "Content-Type": "text/plain; charset=utf-8"}
CHALLENGE = {**PLAIN, "WWW-Authenticate": 'Bearer realm="operators"'}


def operators_only(operators: Operators, answer: View) -> View:
    """Return an endpoint that answers operators, and others with 401, or 404 where no operators' token is set."""

    @wraps(answer)
    async def endpoint() -> Response:
        refusal = operators.refusal(request.headers.get("Authorization"))
        if refusal is Refusal.HIDDEN:
            abort(404)  # as at any address where nothing is
        if refusal is Refusal.UNAUTHORIZED:
            return Response("operators only", 401, CHALLENGE)
        return await answer()

    return endpoint


def show_operations(app: Quart, operators: Operators, status: Status, measures: Measures, audit: Audit) -> None:
    """Answer /metrics, /status and /audit."""
    metrics = Metrics(measures)
    status.show(measures)

    async def exposition() -> Response:
        text, content_type = metrics.exposed(request.headers.get("Accept", ""))
        return Response(text, headers={**NOT_TO_BE_KEPT, "Content-Type": content_type})

    async def state() -> Response:
        return _json(status.document())

    async def told() -> Response:
        window = _window()
        if window is None:
            return Response("since and until are needed, as moments with an offset", 400, NOT_TO_BE_KEPT)
        conversation_id = request.args.get("conversation")
        return _json(audit.ids(conversation_id, *window) if conversation_id else audit.told(*window))

    app.get("/audit")(operators_only(operators, told))
    app.get("/metrics")(operators_only(operators, exposition))
    app.get("/status")(operators_only(operators, state))


def _window() -> tuple[datetime, datetime] | None:
    try:
        since, until = (datetime.fromisoformat(request.args[name]) for name in ("since", "until"))
    except (KeyError, ValueError):  # quiet: whoever asked is told
        return None
    return None if since.tzinfo is None or until.tzinfo is None else (since, until)


def _json(document: object) -> Response:
    text = msgspec.json.format(msgspec.json.encode(document))
    return Response(text, headers={**NOT_TO_BE_KEPT, "Content-Type": "application/json"})

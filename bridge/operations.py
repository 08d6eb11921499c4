"""What operators ask over HTTP: numbers for Prometheus, and the state of the bridge in one document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

import msgspec
from quart import Quart, Response, request

from bridge.measures import Measures
from bridge.metrics import Metrics
from bridge.operators import Operators, Refusal
from bridge.status import Status

View = Callable[[], Awaitable[Response]]

NOT_TO_BE_KEPT = {"Cache-Control": "no-store"}
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="operators"'}


def operators_only(operators: Operators, answer: View) -> View:
    """Return an endpoint that answers operators, and others with 401, or 404 where no operators' token is set."""

    @wraps(answer)
    async def endpoint() -> Response:
        match operators.refusal(request.headers.get("Authorization")):
            case Refusal.UNAUTHORIZED:
                return Response("operators only", 401, CHALLENGE)
            case Refusal.HIDDEN:
                return Response("not found", 404)
            case None:
                return await answer()

    return endpoint


def show_operations(app: Quart, operators: Operators, status: Status, measures: Measures) -> None:
    """Answer /metrics and /status."""
    metrics = Metrics(measures)
    status.show(measures)

    async def exposition() -> Response:
        text, content_type = metrics.exposed(request.headers.get("Accept", ""))
        return Response(text, headers={**NOT_TO_BE_KEPT, "Content-Type": content_type})

    async def state() -> Response:
        document = msgspec.json.format(msgspec.json.encode(status.document()))
        return Response(document, headers={**NOT_TO_BE_KEPT, "Content-Type": "application/json"})

    app.get("/metrics")(operators_only(operators, exposition))
    app.get("/status")(operators_only(operators, state))

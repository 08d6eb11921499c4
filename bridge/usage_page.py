"""What operators ask about usage over HTTP: the document that migration tools and people read."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import structlog
from quart import Quart, Response, request

from bridge.clock import Clock
from bridge.operations import NOT_TO_BE_KEPT, PLAIN, operators_only
from bridge.operators import Operators
from bridge.refusals import RETRY_AFTER
from bridge.usage import UsageStore, UsageUnavailable
from bridge.usage.reading import DAYS, read_usage

log = structlog.get_logger(__name__)


def show_usage(app: Quart, operators: Operators, store: UsageStore, clock: Clock) -> None:
    """Answer `/usage` with the counts of the last days, or `?since=` a day; 404 while none are kept."""

    async def answer() -> Response:
        if not store.available:
            return Response("nothing is counted here", 404, PLAIN)
        since = _day(request.args.get("since"), clock.now().date() - timedelta(days=DAYS))
        if since is None:
            return Response("since must be a day like 2026-12-01", 400, PLAIN)
        try:
            read = await read_usage(store, since)
        except UsageUnavailable as error:
            log.warning("usage.not_read", detail=str(error))
            return Response("the counts cannot be read now", 503, {**PLAIN, **RETRY_AFTER})
        return Response(msgspec.json.encode(read), headers={**NOT_TO_BE_KEPT, "Content-Type": "application/json"})

    app.get("/usage")(operators_only(operators, answer))


def _day(text: str | None, otherwise: date) -> date | None:
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

"""What an old endpoint refuses, with the status and the text that its clients know (contract legacy-rest).

The one place that turns failures into answers: what an action refuses with keeps its text and its code says the status,
unless the endpoint's wording says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final, NamedTuple

import structlog
from msgspec import Struct
from werkzeug.exceptions import HTTPException

from bridge.actions.people_meant import NobodyMeant, NotLookedUp
from bridge.errors import ActionError, ErrorCode, StoreError
from bridge.own_faults import is_own_fault

log = structlog.get_logger(__name__)


class Refusal(NamedTuple):
    """A status and the text that goes with it."""

    status: int
    text: str


INTERNAL: Final = Refusal(500, "Internal server error")
RETIRED: Final = Refusal(410, "This endpoint is retired; the WebSocket protocol has its action")
TOO_FAST: Final = Refusal(429, "Too many requests")
SWITCHED_OFF: Final = Refusal(503, "This endpoint is switched off for a short time, for it will be retired")
TOO_LARGE: Final = Refusal(413, "Request body too large")
NOT_IN_TIME: Final = Refusal(408, "Request body did not come in time")

_STATUSES: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.ACCESS_DENIED: 403,
    ErrorCode.DATABASE_ERROR: 500,
    ErrorCode.INVALID_DATA: 400,
    ErrorCode.USER_NOT_FOUND: 404,
}
_HTTP_TEXTS: Final[Mapping[int, str]] = {
    405: "Method not allowed",
    **dict((TOO_LARGE, NOT_IN_TIME)),
}


class Refused(Exception):
    """The request is answered with this status and `{"error": text}`."""

    def __init__(self, status: int, text: str, **details: Sequence[str]) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.details = details

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """Return what the answer says besides."""
        return ()

    @property
    def body(self) -> dict[str, object]:
        """Return the body; JSON, because clients parse it before they look at the status."""
        return {"error": self.text, **self.details}


class NotNow(Refused):
    """The same request is all right later, and it is said when."""

    def __init__(self, refusal: Refusal, seconds: float) -> None:
        super().__init__(*refusal)
        self._seconds = seconds

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """Say when to come back, in whole seconds (RFC 9110 section 10.2.3)."""
        return [("Retry-After", str(max(ceil(self._seconds), 1)))]


class Wording(Struct, frozen=True, kw_only=True):
    """What one endpoint says of failures that many have."""

    failed: str
    """The tables could not be asked, or refused."""
    denied: Refusal | None = None
    """The caller is no active member; also of a conversation that does not exist."""
    user_unknown: str | None = None
    """The tables could not be asked who the caller is; else as `failed`."""
    not_looked_up: Refusal | None = None
    """Nobody knows whom the ids in the request mean."""
    nobody_meant: Refusal | None = None
    """Some ids mean nobody; they are named."""
    renamed: Mapping[str, Refusal] = {}
    """What is said instead of an action's own text."""
    mistakes: Sequence[str] = ()
    """Texts that answer a client's mistake with 500, for the contract records it so; they are no alarm."""


async def answer(refused: Refused) -> tuple[dict[str, object], int]:
    """Turn a refusal into the answer."""
    return refused.body, refused.status


def refusal_of(error: Exception, wording: Wording) -> Refused:
    """Return how the endpoint answers; causes are in the log, texts are constant (contract F11)."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, ActionError):
        log.info("request.refused", code=error.fault.code.value)
        return _of_action(error, wording)
    if isinstance(error, StoreError):
        log.warning("request.store_failed", cause=type(error).__name__, detail=str(error))
        return Refused(500, wording.failed)
    if isinstance(error, HTTPException):
        return of_http(error)
    log.error("request.failed", exc_info=error)
    return Refused(*INTERNAL)


def has_failed(error: Exception) -> bool:
    """Tell whether an endpoint failed by the server's own fault; its status does not, for some mistakes are 500."""
    if isinstance(error, Refused | HTTPException):
        return isinstance(error.__cause__, StoreError) and is_own_fault(error.__cause__)
    return is_own_fault(error)


def of_http(error: HTTPException) -> Refused:
    """Return the answer where Quart refuses: a body too large, a method that is none of the path's."""
    status = error.code or INTERNAL.status
    return Refused(status, _HTTP_TEXTS.get(status, error.name))


def _of_action(error: ActionError, wording: Wording) -> Refused:
    if isinstance(error, NobodyMeant) and wording.nobody_meant is not None:
        return Refused(*wording.nobody_meant, invalid_participants=error.ids)
    if isinstance(error, NotLookedUp) and wording.not_looked_up is not None:
        return Refused(*wording.not_looked_up)
    code, text = error.fault
    if code is ErrorCode.ACCESS_DENIED and wording.denied is not None:
        return Refused(*wording.denied)
    if text in wording.renamed:
        return Refused(*wording.renamed[text])
    return Refused(_STATUSES[code], text) if code in _STATUSES else Refused(*INTERNAL)

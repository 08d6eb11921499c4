"""Request bodies that are read to their end even if they are too large, so that the refusal arrives.

A connection that is closed while the other side is still sending is reset, and what was answered on it is lost.
"""

from __future__ import annotations

from collections.abc import Generator

from quart import Request
from quart.wrappers import Body
from werkzeug.exceptions import RequestEntityTooLarge

PATIENCE = 16
"""How many times the limit is thrown away before patience ends."""


class PatientBody(Body):
    """A body of which no more than the limit is ever kept."""

    def __init__(self, limit: int) -> None:
        super().__init__(None, None)  # nothing is refused before the end
        self._limit = limit
        self._received = 0

    def append(self, data: bytes) -> None:
        """Take a part; beyond the limit it is thrown away."""
        self._received += len(data)
        if self._received <= self._limit:
            super().append(data)
            return
        self.clear()
        if self._received > self._limit * PATIENCE:
            self.set_complete()

    def __await__(self) -> Generator[object, None, bytes]:
        """Return the body when all of it has come.

        Raises:
            RequestEntityTooLarge: it was more than the limit.

        """
        body = yield from super().__await__()
        if self._received > self._limit:
            raise RequestEntityTooLarge
        return bytes(body)


def patient_requests(prefix: str, limit: int) -> type[Request]:
    """Return the class of requests that have such a body, with this many bytes at most, if their path begins so.

    What others answer, who stream what comes, is not concerned.
    """

    class PatientRequest(Request):
        @property
        def body(self) -> Body:
            return self._body

        @body.setter
        def body(self, usual: Body) -> None:
            self._body = PatientBody(limit) if self.path.startswith(prefix) else usual

    return PatientRequest

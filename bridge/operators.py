"""Who may see how the bridge is from the inside: whoever has the operators' token."""

from __future__ import annotations

import hmac
from enum import IntEnum


class Refusal(IntEnum):
    """The status that answers somebody who is not let in."""

    HIDDEN = 404
    """No token is set: nobody is let in, and nothing says that there would be something."""
    UNAUTHORIZED = 401


class Operators:
    """Judges an Authorization header."""

    def __init__(self, token: str | None) -> None:
        self._expected = None if token is None else _digestible(f"Bearer {token}")

    def refusal(self, authorization: str | None) -> Refusal | None:
        """Return why a request is refused, or None for an operator's; how near a guess was does not show in time."""
        if self._expected is None:
            return Refusal.HIDDEN
        given = _digestible(authorization or "")
        return None if hmac.compare_digest(given, self._expected) else Refusal.UNAUTHORIZED


def _digestible(text: str) -> bytes:
    return text.encode(errors="surrogateescape")

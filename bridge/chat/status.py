"""How the connection is, and the line at the bottom that says so. Pure."""

from __future__ import annotations

import math

from bridge.chat.lines import Row
from bridge.chat.text import one_line

REASON_COLUMNS = 60


class Status:
    """Connecting, connected, away until a moment, or not let in."""

    def __init__(self) -> None:
        self.is_online = False
        self._retry_at: float | None = None
        self._refusal: str | None = None

    def online(self) -> None:
        """Be connected."""
        self.is_online, self._retry_at, self._refusal = True, None, None

    def offline(self, retry_at: float) -> None:
        """Be away until then."""
        self.is_online, self._retry_at, self._refusal = False, retry_at, None

    def refused(self, reason: str) -> None:
        """Not be let in."""
        self.is_online, self._retry_at, self._refusal = False, None, reason

    def words(self, now: float) -> tuple[str, str]:
        """Return style and text."""
        if self.is_online:
            return ("class:online", "connected")
        if self._refusal is not None:
            return ("class:refused", f"not authenticated: {one_line(self._refusal, columns=REASON_COLUMNS)}")
        if self._retry_at is not None:
            seconds = max(math.ceil(self._retry_at - now), 0)
            return ("class:offline", f"reconnecting in {seconds} s (/login: now)" if seconds else "reconnecting")
        return ("class:offline", "connecting")


def toolbar(status: Status, now: float, *, me: str | None, opened: str | None, unread: int, unsent: int) -> Row:
    """Return the line at the bottom; what there is nothing to say about is left out."""
    style, words = status.words(now)
    parts = [
        me or "",
        opened or "",
        f"{unread} unread" if unread else "",
        f"{unsent} waiting to be sent" if unsent else "",
    ]
    rest = "".join(f"  |  {part}" for part in parts if part)
    return ((style, f" {words}"), ("", rest), ("class:quiet", "  |  /help "))

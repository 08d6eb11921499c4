"""What the reader wants to say and the server has not confirmed. Pure."""

from __future__ import annotations

from collections.abc import Callable

from bridge.chat.effects import Send

MAX_UNSENT = 100
MAX_CHARACTERS = 50_000


class Outgoing:
    """Messages on their way and messages that failed; each keeps its key, so that repeating it cannot double it."""

    def __init__(self, fresh_key: Callable[[], str]) -> None:
        self._fresh_key = fresh_key
        self._waiting: dict[str, Send] = {}
        self._failed: dict[str, Send] = {}

    @property
    def waiting(self) -> int:
        """Return how many are on their way."""
        return len(self._waiting)

    @property
    def undone(self) -> int:
        """Return how many the server has not confirmed."""
        return len(self._waiting) + len(self._failed)

    def add(self, conversation_id: str, content: str, reply_to_id: str | None) -> Send | str:
        """Take a message, or say why not."""
        if self.undone >= MAX_UNSENT:
            return f"Already {self.undone} messages wait to be sent; this one was not taken."
        if len(content) > MAX_CHARACTERS:
            return f"A message may have {MAX_CHARACTERS} characters; this one has {len(content)} and was not sent."
        send = Send(self._fresh_key(), conversation_id, content, reply_to_id)
        self._waiting[send.key] = send
        return send

    def confirm(self, send: Send) -> None:
        """Forget what is written."""
        self._waiting.pop(send.key, None)
        self._failed.pop(send.key, None)

    def fail(self, send: Send) -> None:
        """Keep what was refused or not answered."""
        self._waiting.pop(send.key, None)
        self._failed[send.key] = send

    def retry(self) -> list[Send]:
        """Put what failed on its way again, in its order."""
        again, self._failed = list(self._failed.values()), {}
        self._waiting.update({send.key: send for send in again})
        return again

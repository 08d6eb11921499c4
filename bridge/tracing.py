"""The port to tracing: a span around what takes time. Without an adapter it costs the entering of an empty block."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol


class Tracing(Protocol):
    """Where spans go."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[None]:
        """Return a block that is one span, inside the span that is open in this task, if any.

        Never a token, a content or a filter among the attributes (contract F11).
        """
        ...


class NoTracing:
    """Nobody asked for traces."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[None]:  # as the port has it
        """Return the same empty block each time."""
        return _NOTHING


_NOTHING: Final = nullcontext()

"""Text frames straight into a socket's transport, without a task's turn for each.

One message to a room of a thousand is a thousand frames. Through the writer's task, Quart and Hypercorn each costs
50 µs; most of it is waking, queueing and framing the same text anew. A frame needs none of that while its socket takes
everything at once: it is framed once for all, and written where it is told. What would have to wait goes the usual way,
by the outbox and its writer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

EXTENSION: Final = "chat_bridge.fast_path"
"""Under this name the ASGI scope has a socket's `WriteNow`; other servers than ours offer none."""
_TEXT: Final = 0x81
"""A whole text message (RFC 6455, section 5.2); a server masks nothing."""
_SHORT: Final = 126
_LONG: Final = 1 << 16

WriteNow = Callable[[str], bool]
"""Writes a text frame now if nothing is in its way, and tells whether it did."""


class Transport(Protocol):
    """The side of asyncio's transports that is used here."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait for the peer."""
        ...

    def is_closing(self) -> bool:
        """Tell whether it is closed, or about to be."""
        ...

    def write(self, data: bytes) -> None:
        """Send, or keep what the peer does not take at once."""
        ...


class Framed:
    """The text that was framed last: who tells many sockets the same has it framed once."""

    def __init__(self) -> None:
        self._text = ""
        self._frame = frame_of("")

    def frame(self, text: str) -> bytes:
        """Return a text as a frame; by identity, for to compare long texts may cost more than to frame them."""
        if text is not self._text:
            self._text, self._frame = text, frame_of(text)
        return self._frame


def frame_of(text: str) -> bytes:
    """Return a text as one frame of a server (RFC 6455, section 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < _SHORT:
        return bytes((_TEXT, size)) + payload
    if size < _LONG:
        return bytes((_TEXT, _SHORT)) + size.to_bytes(2) + payload
    return bytes((_TEXT, _SHORT + 1)) + size.to_bytes(8) + payload


_framed: Final = Framed()


def fast_path(transport: Transport, is_open: Callable[[], bool]) -> WriteNow:
    """Return the fast path of one socket; `is_open`: its conversation has begun, and neither side has said goodbye."""
    pending, is_closing, write, framed = (
        transport.get_write_buffer_size,
        transport.is_closing,
        transport.write,
        _framed.frame,
    )

    def write_now(text: str) -> bool:
        if pending() or is_closing() or not is_open():
            return False
        write(framed(text))
        return True

    return write_now

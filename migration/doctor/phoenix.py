"""A few frames of Realtime's protocol, one after the other: enough to try it out, no more (supabase.md section 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from bridge.clock import Clock
from migration.doctor.looks import NotSeen

OPEN_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 10.0
"""Refusals come after a pause of 2 or 5 s (supabase.md 2.1, 2.3)."""
CONFIRM_SECONDS: Final = 20.0

Body = Mapping[str, object]


class Frame(Struct, frozen=True):
    """A frame of version 1.0.0."""

    topic: str
    event: str
    payload: dict[str, object]
    ref: str | None = None


class Line:
    """One connection to Realtime."""

    def __init__(self, socket: ClientConnection, clock: Clock) -> None:
        self._socket = socket
        self._clock = clock
        self._refs = 0
        self._join_refs: dict[str, str] = {}

    def ask(self, topic: str, event: str, body: Body) -> Frame:
        """Send a frame and return its reply.

        Raises:
            NotSeen: there was none in time.

        """
        ref = self.push(topic, event, body)
        return self.wait(lambda frame: frame.event == "phx_reply" and frame.ref == ref, ANSWER_SECONDS)

    def push(self, topic: str, event: str, body: Body) -> str:
        """Send a frame and return its ref; all of a channel carry the ref of its join."""
        self._refs += 1
        ref = str(self._refs)
        if event == "phx_join":
            self._join_refs[topic] = ref
        envelope = {"topic": topic, "event": event, "payload": body, "ref": ref, "join_ref": self._join_refs[topic]}
        self._socket.send(msgspec.json.encode(envelope).decode())
        return ref

    def wait(self, is_it: Callable[[Frame], bool], seconds: float) -> Frame:
        """Return the first frame that is the one; others are passed over.

        Raises:
            NotSeen: it did not come in time, or the connection ended.

        """
        deadline = self._clock.monotonic() + seconds
        while (left := deadline - self._clock.monotonic()) > 0:
            try:
                frame = msgspec.json.decode(self._socket.recv(left), type=Frame)
            except TimeoutError:  # quiet: the time is over, and the last line says what was not seen
                break
            except (WebSocketException, msgspec.DecodeError) as error:
                raise NotSeen(f"the connection ended: {type(error).__name__}") from error
            if is_it(frame):
                return frame
        raise NotSeen(f"no answer within {seconds:.0f} s")


class Unreachable(Exception):
    """Realtime refuses the connection; the text says with what status."""


@contextmanager
def line(url: str, key: str, clock: Clock) -> Iterator[Line]:
    """Connect until the block ends.

    Raises:
        Unreachable: the server refuses it.

    """
    scheme = "wss" if url.startswith("https:") else "ws"
    query = urlencode({"apikey": key, "vsn": "1.0.0"})
    address = f"{scheme}://{url.partition('://')[2]}/realtime/v1/websocket?{query}"
    try:
        socket = connect(address, open_timeout=OPEN_SECONDS, close_timeout=1.0)
    except InvalidStatus as error:
        raise Unreachable(f"status {error.response.status_code}") from None
    except (OSError, WebSocketException) as error:
        raise Unreachable(type(error).__name__) from None
    with socket:
        yield Line(socket, clock)


def refusal(reply: Frame) -> str | None:
    """Return the reason that a reply gives for saying no."""
    if reply.payload.get("status") == "ok":
        return None
    response = reply.payload.get("response")
    return str(response.get("reason", "no reason")) if isinstance(response, dict) else "no reason"


def is_verdict(topic: str) -> Callable[[Frame], bool]:
    """Return what tells whether changes flow from now on: not the join's reply, but this (supabase.md 2.3, 2.5)."""
    return lambda frame: frame.topic == topic and frame.event == "system"


def objection(verdict: Frame) -> str | None:
    """Return why changes do not flow."""
    return None if verdict.payload.get("status") == "ok" else str(verdict.payload.get("message", "no reason"))

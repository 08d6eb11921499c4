"""The wire client of the trials: what comes is noted at the moment it comes, before anybody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from bridge.client import WireClient
from bridge.client.connection import ClientLimits
from bridge.client.frames import Authenticated, Frame, MessageReceived, decode_frame
from bridge.errors import ErrorCode

LIMITS: Final = ClientLimits(
    open_timeout_seconds=10.0,
    request_timeout_seconds=30.0,
    close_timeout_seconds=0.2,
    # A black hole is noticed by these; on a busy machine a false alarm costs a reconnect only.
    ping_interval_seconds=1.0,
    ping_timeout_seconds=2.0,
    max_waiting_pushes=1_000_000,
)

_welcomes: Final = msgspec.json.Decoder(Authenticated)
_pushes: Final = msgspec.json.Decoder(MessageReceived)
_refusals: Final = msgspec.json.Decoder(dict[str, object])


class Listener:
    """Hears of the frames that a trial is about; by default it does nothing."""

    def welcomed(self, welcome: Authenticated) -> None:
        """Take the answer to `auth`."""

    def received(self, message_id: str, conversation_id: str, cursor: str | None) -> None:
        """Take a message that was pushed."""

    def denied(self) -> None:
        """Take a refusal as no member."""


class TrialClient(WireClient):
    """One connection; `listener` is to be set before anything is sent."""

    listener = Listener()

    def _take(self, text: str | bytes) -> None:
        self._tell(decode_frame(text))
        super()._take(text)

    def _tell(self, frame: Frame) -> None:
        match frame.type:
            case "message_received":
                message = _pushes.decode(frame.payload).message
                self.listener.received(message.id, message.conversation_id, frame.requestId)
            case "auth_success":
                self.listener.welcomed(_welcomes.decode(frame.payload))
            case "error" if _refusals.decode(frame.payload).get("code") == ErrorCode.ACCESS_DENIED:
                self.listener.denied()
            case _:
                pass


Connect = Callable[[], "TrialClient"]

"""The wire client: for people's terminals, self-tests, benchmarks and the migration tools."""

from bridge.client.connection import ClientLimits
from bridge.client.errors import (
    ClientError,
    ConnectionLost,
    PushesOverflowed,
    RequestRefused,
    RequestTimedOut,
    UnexpectedReply,
    Unreachable,
)
from bridge.client.frames import MessageReceived, MessagesLoaded, OtherPush, Push
from bridge.client.pushes import PushBuffer
from bridge.client.wire import WireClient

__all__ = [
    "ClientError",
    "ClientLimits",
    "ConnectionLost",
    "MessageReceived",
    "MessagesLoaded",
    "OtherPush",
    "Push",
    "PushBuffer",
    "PushesOverflowed",
    "RequestRefused",
    "RequestTimedOut",
    "UnexpectedReply",
    "Unreachable",
    "WireClient",
]

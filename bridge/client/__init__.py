"""The wire client: for people's terminals, self-tests, benchmarks and the migration tools."""

from bridge.client.connection import ClientLimits
from bridge.client.errors import (
    ClientError,
    ConnectionLost,
    NoToken,
    PushesOverflowed,
    RequestRefused,
    RequestTimedOut,
    UnexpectedReply,
    Unreachable,
)
from bridge.client.frames import MessageReceived, MessagesLoaded, OtherPush, Push
from bridge.client.pushes import PushBuffer
from bridge.client.reconnecting import LinkEvent, Offline, Online, Reconnecting, Refused, Rhythm, Surroundings
from bridge.client.wire import WireClient

__all__ = [
    "ClientError",
    "ClientLimits",
    "ConnectionLost",
    "LinkEvent",
    "MessageReceived",
    "MessagesLoaded",
    "NoToken",
    "Offline",
    "Online",
    "OtherPush",
    "Push",
    "PushBuffer",
    "PushesOverflowed",
    "Reconnecting",
    "Refused",
    "RequestRefused",
    "RequestTimedOut",
    "Rhythm",
    "Surroundings",
    "UnexpectedReply",
    "Unreachable",
    "WireClient",
]

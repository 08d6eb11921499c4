"""Opening the client's connection, and saying in words how one ended."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from bridge.client.errors import ConnectionLost, Unreachable
from bridge.errors import come_back_in

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ClientLimits(Struct, frozen=True, kw_only=True):
    """How long a client waits and how much it keeps; the defaults suit a person's client."""

    open_timeout_seconds: float = 10.0
    request_timeout_seconds: float = 30.0
    close_timeout_seconds: float = 2.0
    ping_interval_seconds: float | None = 20.0
    ping_timeout_seconds: float | None = 20.0
    max_frame_bytes: int = 16 * 1024 * 1024
    max_waiting_pushes: int = 1000


async def open_connection(url: str, limits: ClientLimits, headers: Mapping[str, str] | None) -> ClientConnection:
    """Open a connection; proxies of the environment are used except for this machine itself.

    Raises:
        Unreachable: nobody answers there, or not with a WebSocket.

    """
    try:
        return await connect(
            url,
            additional_headers=headers,
            open_timeout=limits.open_timeout_seconds,
            close_timeout=limits.close_timeout_seconds,
            ping_interval=limits.ping_interval_seconds,
            ping_timeout=limits.ping_timeout_seconds,
            max_size=limits.max_frame_bytes,
            compression=None,  # frames are small, and the server pays 100 kB for each compressed connection
            proxy=None if urlsplit(url).hostname in LOOPBACK else True,
        )
    except TimeoutError as error:
        raise Unreachable(f"{url} did not answer within {limits.open_timeout_seconds:g} seconds") from error
    except InvalidURI as error:
        raise Unreachable(f"{url} is not a WebSocket address (ws:// or wss://)") from error
    except InvalidHandshake as error:
        raise Unreachable(f"{url} does not speak WebSocket: {error}") from error
    except OSError as error:
        raise Unreachable(f"{url} cannot be reached: {_why(error)}") from error


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def how_it_ended(error: ConnectionClosed) -> ConnectionLost:
    """Say why a connection is gone."""
    if error.rcvd is None:
        return ConnectionLost("the connection broke")
    reason = error.rcvd.reason or "without a reason"
    return ConnectionLost(
        f"the server closed the connection: {reason} ({error.rcvd.code})", error.rcvd.code, come_back_in(reason)
    )

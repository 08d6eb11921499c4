"""The listening sockets: what every connection inherits from them."""

from __future__ import annotations

import socket
import sys

import pytest
from hypercorn.config import Config

from bridge.serving import UNACKNOWLEDGED_MILLISECONDS, _listening_sockets, end_within_seconds
from bridge.settings import load_settings


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")
def test_a_peer_that_acknowledges_nothing_is_dropped_by_the_kernel() -> None:
    """Whatever the bridge waits for: a vanished peer's socket would otherwise stay for many minutes (contract F34)."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    (listening,) = _listening_sockets(config).insecure_sockets
    listening.listen()
    with listening, socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
        limit = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert limit == UNACKNOWLEDGED_MILLISECONDS


def test_the_end_takes_as_long_as_the_documents_say() -> None:
    """BRIDGE_DRAIN_SECONDS and 15 seconds more (docs/settings.md)."""
    settings = load_settings(supabase_url="https://x.example", supabase_secret_key="secret", drain_seconds=7.0)
    assert end_within_seconds(settings) == 22.0

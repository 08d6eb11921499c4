"""The listening sockets: what every connection inherits from them."""

from __future__ import annotations

import socket
import subprocess
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
    with listening, socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
        limit = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert limit == UNACKNOWLEDGED_MILLISECONDS


def test_whoever_comes_before_everything_has_started_is_not_refused() -> None:
    """The log says that the port is open, and so it is (docs/observability.md, `bridge.listening`)."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    (listening,) = _listening_sockets(config).insecure_sockets
    with listening, socket.create_connection(listening.getsockname()):
        pass


def test_the_end_takes_as_long_as_the_documents_say() -> None:
    """BRIDGE_DRAIN_SECONDS and 15 seconds more (docs/settings.md)."""
    settings = load_settings(supabase_url="https://x.example", supabase_secret_key="secret", drain_seconds=7.0)
    assert end_within_seconds(settings) == 22.0


SETTINGS = {"SUPABASE_URL": "https://x.example", "SUPABASE_SECRET_KEY": "secret", "BRIDGE_STORE_CONNECTIONS": "10"}


@pytest.mark.parametrize(("hard", "allowed", "is_told"), [(4096, 638, False), (400, 400, True), (250, 250, True)])
def test_the_program_allows_itself_the_files_it_needs(hard: int, allowed: int, *, is_told: bool) -> None:
    """In a process of its own, which has 200 of a hard limit: 500 connections, 10 to the tables, 128 others."""
    program = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (200, {hard}));"
        "from bridge.serving import allow_open_files; from bridge.settings import load_settings;"
        "allow_open_files(load_settings(max_connections=500)); print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], env=SETTINGS, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(allowed)
    assert ("limits.open_files" in done.stdout) is is_told

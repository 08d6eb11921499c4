"""Which pages may open a socket, and which proxies are believed."""

from __future__ import annotations

import pytest

from bridge.settings import load_settings
from tests.settings.environment import sentence


@pytest.mark.parametrize(
    ("listed", "origins", "named"),
    [
        ("*", None, set()),
        ("https://a.example, *", None, {"https://a.example"}),
        ("https://a.example", {"https://a.example"}, {"https://a.example"}),
        (
            " https://a.example/ ,,http://localhost:3000",
            {"https://a.example", "http://localhost:3000"},
            {"https://a.example", "http://localhost:3000"},
        ),
        ("", set(), set()),
    ],
)
def test_origins_are_a_list_or_any(
    complete: pytest.MonkeyPatch, listed: str, origins: set[str] | None, named: set[str]
) -> None:
    """An empty list allows no page at all; a star opens sockets, not what goes by cookie."""
    complete.setenv("BRIDGE_ALLOWED_ORIGINS", listed)
    assert load_settings().origins == origins
    assert load_settings().named_origins == named


@pytest.mark.parametrize(
    "listed",
    [
        "example.org",
        "localhost:3000",
        "https://a.example, b.example",
        "https://a.example https://b.example",
        "https://a.example/chat",
        "https://*.example.org",
        "https://Chat.example.org",
        "https://me@a.example",
        "https://",
        "//a.example",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(complete: pytest.MonkeyPatch, listed: str) -> None:
    """Nothing would ever match it, and every page would be sent away."""
    complete.setenv("BRIDGE_ALLOWED_ORIGINS", listed)
    assert sentence() == (
        "BRIDGE_ALLOWED_ORIGINS must be * or origins like https://chat.example.org, separated by commas."
    )


@pytest.mark.parametrize("origin", ["http://[::1]:3000", "capacitor://localhost", "chrome-extension://abcdef"])
def test_an_origin_may_have_any_scheme(complete: pytest.MonkeyPatch, origin: str) -> None:
    """Apps in a shell of their own have theirs."""
    complete.setenv("BRIDGE_ALLOWED_ORIGINS", origin)
    assert load_settings().origins == frozenset({origin})


def test_trusted_proxies_are_networks(complete: pytest.MonkeyPatch) -> None:
    """Nobody is trusted by default."""
    assert load_settings().proxies == ()
    complete.setenv("BRIDGE_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")
    assert [str(network) for network in load_settings().proxies] == ["10.0.0.0/8", "127.0.0.1/32"]
    complete.setenv("BRIDGE_TRUSTED_PROXIES", "proxy.example")
    assert sentence() == ("BRIDGE_TRUSTED_PROXIES must be addresses or networks like 10.0.0.0/8, separated by commas.")
